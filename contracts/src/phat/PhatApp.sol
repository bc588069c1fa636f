// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppAuth, IAppAuthBasicManagement} from "../interfaces/IAppAuth.sol";
import {AppPolicy, IPhatApp} from "../interfaces/IPhatApp.sol";
import {Signer} from "../interfaces/IWorkerRegistry.sol";
import {TcbNames} from "../lib/TcbNames.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";
import {ERC165} from "@openzeppelin/contracts/utils/introspection/ERC165.sol";

/// @title The rules of one phat
/// @notice Says which code is the phat, and where it may run. Its owner takes rights away at once and gives them
/// after the delay that the policy names, so that users can leave before. Whether the contract itself can be
/// replaced is chosen when it is made: a plain clone cannot; a proxy can, with the same delay, until its owner
/// switches that off.
contract PhatApp is Ownable2Step, Initializable, UUPSUpgradeable, ERC165, IPhatApp, IAppAuth, IAppAuthBasicManagement {
    /// What a list holds.
    enum List {
        /// SHA-256 of a bundle, dstack's compose hash.
        CODE,
        /// TeePolicy's short name of an image, as a number.
        IMAGE,
        /// dstack's hash of an operating system image.
        OS_IMAGE,
        /// A worker's id, dstack's device id.
        DEVICE,
        /// The X25519 key of a cluster.
        CLUSTER,
        /// An implementation of this contract, as a number.
        UPGRADE
    }

    /// Longest delay, in seconds: a mistake must be possible to mend.
    uint32 public constant DELAY_MAX_S = 30 days;
    /// Every kind that the network trusts.
    uint32 public constant ANY_KIND = type(uint32).max;
    /// Statuses that no policy can accept: UNKNOWN, REVOKED, NO_LEVEL, and what is no status.
    uint16 private constant TCB_NEVER = 0xFE01;

    AppPolicy private _policy;
    AppPolicy private _nextPolicy;
    /// Unix seconds from which the next policy can be put in its place; 0: there is none.
    uint40 public nextPolicyFrom;
    /// Whether the contract's code stays as it is for ever. Irreversible.
    bool public upgradesDisabled;
    /// First 20 bytes of SHA-256("phala-phat-id-v1" | owner who made it | name).
    bytes20 public phatId;
    /// Unix seconds from which an entry counts; 0: not listed.
    mapping(List list => mapping(bytes32 entry => uint40)) public allowedFrom;

    error PolicyInvalid(bytes32 what);
    /// Not announced, or not yet time (Unix seconds).
    error NotYet(uint40 from);
    error UpgradesDisabled();

    event PolicyAnnounced(AppPolicy policy, uint40 from);
    event PolicyChanged(AppPolicy policy);
    event Allowed(List indexed list, bytes32 indexed entry, uint40 from);
    event Disallowed(List indexed list, bytes32 indexed entry);
    event UpgradesNowDisabled();

    /// The implementation itself is never used.
    constructor() Ownable(address(1)) {
        _disableInitializers();
    }

    /// @param code what is the phat from the first second on
    function initialize(address owner_, bytes20 phatId_, AppPolicy calldata policy_, bytes32[] calldata code)
        external
        initializer
    {
        _transferOwnership(owner_);
        phatId = phatId_;
        _checkPolicy(policy_);
        _policy = policy_;
        emit PolicyChanged(policy_);
        for (uint256 i = 0; i < code.length; i++) {
            _allow(List.CODE, code[i], uint40(block.timestamp));
        }
    }

    // The owner

    /// @notice Announce other rules; at once when the delay is 0.
    function announcePolicy(AppPolicy calldata policy_) external onlyOwner {
        _checkPolicy(policy_);
        _nextPolicy = policy_;
        nextPolicyFrom = uint40(block.timestamp) + _policy.delayS;
        emit PolicyAnnounced(policy_, nextPolicyFrom);
        if (_policy.delayS == 0) applyPolicy();
    }

    /// @notice Put announced rules in their place when their time has come. For anybody.
    function applyPolicy() public {
        if (nextPolicyFrom == 0 || block.timestamp < nextPolicyFrom) revert NotYet(nextPolicyFrom);
        nextPolicyFrom = 0;
        _policy = _nextPolicy;
        emit PolicyChanged(_policy);
    }

    /// @notice Put an entry on a list: it counts after the policy's delay. What is on it already stays as it is.
    function allow(List list, bytes32 entry) public onlyOwner {
        if (allowedFrom[list][entry] == 0) _allow(list, entry, uint40(block.timestamp) + _policy.delayS);
    }

    /// @notice Take an entry from a list, at once.
    function disallow(List list, bytes32 entry) public onlyOwner {
        delete allowedFrom[list][entry];
        emit Disallowed(list, entry);
    }

    /// @notice Fix the code of this contract for ever.
    function disableUpgrades() external onlyOwner {
        upgradesDisabled = true;
        emit UpgradesNowDisabled();
    }

    /// @inheritdoc IAppAuthBasicManagement
    function addComposeHash(bytes32 composeHash) external {
        allow(List.CODE, composeHash);
        emit ComposeHashAdded(composeHash);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function removeComposeHash(bytes32 composeHash) external {
        disallow(List.CODE, composeHash);
        emit ComposeHashRemoved(composeHash);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function addDevice(bytes32 deviceId) external {
        allow(List.DEVICE, deviceId);
        emit DeviceAdded(deviceId);
    }

    /// @inheritdoc IAppAuthBasicManagement
    function removeDevice(bytes32 deviceId) external {
        disallow(List.DEVICE, deviceId);
        emit DeviceRemoved(deviceId);
    }

    // Decisions

    /// @inheritdoc IPhatApp
    function admits(Signer calldata s, bytes32 codeHash, uint8 replicas) external view returns (bool) {
        AppPolicy memory p = _policy;
        return s.live && _isAllowed(List.CODE, codeHash) && replicas >= p.minReplicas && _isKindIn(p.kindMask, s.kind)
            && _isTcbIn(p.tcbMask, s.tcbStatus) && (p.anyImage || _isAllowed(List.IMAGE, bytes32(uint256(s.imageId))))
            && (p.anyDevice || _isAllowed(List.DEVICE, s.workerId))
            && (p.anyCluster || _isAllowed(List.CLUSTER, s.ecdhKey));
    }

    /// @inheritdoc IAppAuth
    function isAppAllowed(AppBootInfo calldata b) external view returns (bool, string memory) {
        AppPolicy memory p = _policy;
        if (b.appId != address(this) && bytes20(b.appId) != phatId) return (false, "other app");
        if (!_isAllowed(List.CODE, b.composeHash)) return (false, "compose hash not allowed");
        if (!p.anyImage && !_isAllowed(List.OS_IMAGE, b.osImageHash)) return (false, "os image not allowed");
        if (!p.anyDevice && !_isAllowed(List.DEVICE, b.deviceId)) return (false, "device not allowed");
        if (!_isTcbIn(p.tcbMask, uint8(TcbNames.parse(b.tcbStatus)))) return (false, "tcb status not allowed");
        return (true, "");
    }

    function policy() external view returns (AppPolicy memory) {
        return _policy;
    }

    function nextPolicy() external view returns (AppPolicy memory) {
        return _nextPolicy;
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        return id == type(IAppAuth).interfaceId || id == type(IAppAuthBasicManagement).interfaceId
            || id == type(IPhatApp).interfaceId || super.supportsInterface(id);
    }

    function _authorizeUpgrade(address implementation) internal view override onlyOwner {
        if (upgradesDisabled) revert UpgradesDisabled();
        bytes32 entry = bytes32(uint256(uint160(implementation)));
        if (!_isAllowed(List.UPGRADE, entry)) revert NotYet(allowedFrom[List.UPGRADE][entry]);
    }

    function _allow(List list, bytes32 entry, uint40 from) private {
        allowedFrom[list][entry] = from;
        emit Allowed(list, entry, from);
    }

    function _isAllowed(List list, bytes32 entry) private view returns (bool) {
        uint40 from = allowedFrom[list][entry];
        return from != 0 && block.timestamp >= from;
    }

    function _isKindIn(uint32 mask, uint16 kind) private pure returns (bool) {
        if (mask == ANY_KIND) return true;
        if (kind == 254 || kind == 255) return (mask >> (kind - 224)) & 1 != 0;
        return kind < 30 && (mask >> kind) & 1 != 0;
    }

    function _isTcbIn(uint16 mask, uint8 status) private pure returns (bool) {
        return status < 16 && (mask >> status) & 1 != 0;
    }

    function _checkPolicy(AppPolicy calldata p) private pure {
        if (p.kindMask == 0) revert PolicyInvalid("kindMask");
        if (p.tcbMask == 0 || p.tcbMask & TCB_NEVER != 0) revert PolicyInvalid("tcbMask");
        if (p.minReplicas != 1 && p.minReplicas != 3) revert PolicyInvalid("minReplicas");
        if (p.delayS > DELAY_MAX_S) revert PolicyInvalid("delayS");
    }
}
