// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAppAuth} from "../interfaces/IAppAuth.sol";
import {AppPolicy} from "../interfaces/IPhatApp.sol";
import {IWorkerRegistry} from "../interfaces/IWorkerRegistry.sol";
import {KeyLog} from "./KeyLog.sol";
import {PhatApp} from "./PhatApp.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title The phats of the network
/// @notice Makes the contract that holds a phat's rules. A phat's id is made of its owner and its name, as workers
/// make it, so nobody can take another's. dstack's key management can ask here about every app, or ask the
/// app itself.
contract PhatRegistry layout at erc7201("phala.PhatRegistry") is KeyLog, IAppAuth, IERC165 {
    /// Longest name, in bytes.
    uint256 public constant NAME_MAX = 64;

    /// What every app runs.
    PhatApp public immutable appCode;

    /// The contract of a phat; 0: it has none.
    mapping(bytes20 phatId => PhatApp) public appOf;
    /// The phat of a contract that was made here; 0: made elsewhere.
    mapping(address app => bytes20) public phatOf;

    error NameInvalid();
    error PhatExists(bytes20 phatId);

    event PhatCreated(
        bytes20 indexed phatId, address indexed owner, PhatApp indexed app, string name, bool upgradeable
    );

    constructor(IWorkerRegistry registry_, PhatApp appCode_) KeyLog(registry_) EIP712("PhalaPhatRegistry", "1") {
        appCode = appCode_;
    }

    /// @notice Make the contract of a phat. The caller owns it.
    /// @param name the phat's, as in phat.json
    /// @param code what is the phat from now on: SHA-256 of bundles
    /// @param upgradeable whether the owner can replace the contract's code later; chosen once
    function create(string calldata name, AppPolicy calldata policy, bytes32[] calldata code, bool upgradeable)
        external
        whenNotPaused
        returns (PhatApp app)
    {
        if (bytes(name).length == 0 || bytes(name).length > NAME_MAX) revert NameInvalid();
        bytes20 phatId = phatIdOf(msg.sender, name);
        if (address(appOf[phatId]) != address(0)) revert PhatExists(phatId);
        app = upgradeable
            ? PhatApp(
                address(
                    new ERC1967Proxy(
                        address(appCode), abi.encodeCall(PhatApp.initialize, (msg.sender, phatId, policy, code))
                    )
                )
            )
            : PhatApp(Clones.clone(address(appCode)));
        if (!upgradeable) app.initialize(msg.sender, phatId, policy, code);
        appOf[phatId] = app;
        phatOf[address(app)] = phatId;
        emit PhatCreated(phatId, msg.sender, app, name, upgradeable);
    }

    /// First 20 bytes of SHA-256("phala-phat-id-v1" | owner | name), as src/base/ids.h has it.
    function phatIdOf(address owner, string calldata name) public pure returns (bytes20) {
        return bytes20(sha256(abi.encodePacked("phala-phat-id-v1", owner, name)));
    }

    /// @inheritdoc IAppAuth
    function isAppAllowed(AppBootInfo calldata bootInfo) external view returns (bool, string memory) {
        PhatApp app = PhatApp(bootInfo.appId);
        if (phatOf[bootInfo.appId] == 0) app = appOf[bytes20(bootInfo.appId)];
        if (address(app) == address(0)) return (false, "app not registered");
        return app.isAppAllowed(bootInfo);
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IAppAuth).interfaceId;
    }
}
