// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

/// @title What every upgradeable contract of the network shares
/// @notice An AccessManager says who may call what is `restricted`; upgrades are restricted; a guardian may pause.
/// A pause ends by itself, and the guardian cannot begin another until as long again has passed, so that it can
/// stop the network for a while and not for good. Only governance ends a pause early.
abstract contract Governed is Initializable, UUPSUpgradeable, AccessManaged {
    /// Seconds that a pause lasts, and that must lie between two pauses.
    uint40 public constant PAUSE_S = 7 days;

    /// Unix seconds; a pause is on before. Shares a storage slot with the authority, and with what follows.
    uint40 private _pausedUntil;

    /// The contract is paused until then (Unix seconds).
    error Paused(uint40 until);
    /// A guardian's next pause cannot begin before then (Unix seconds).
    error PauseTooSoon(uint40 earliest);

    event PausedUntil(uint40 until, address by);
    event Unpaused(address by);

    modifier whenNotPaused() {
        uint40 until = _pausedUntil;
        if (block.timestamp < until) revert Paused(until);
        _;
    }

    /// The implementation itself is never used: it has no authority, and cannot be given one.
    constructor() AccessManaged(address(0)) {
        _disableInitializers();
    }

    /// @param authority_ the AccessManager
    function initialize(address authority_) external initializer {
        _setAuthority(authority_);
    }

    /// @notice Stop what is `whenNotPaused` for PAUSE_S. For the guardian.
    function pause() external restricted {
        uint40 last = _pausedUntil;
        if (last != 0 && block.timestamp < last + PAUSE_S) revert PauseTooSoon(last + PAUSE_S);
        uint40 until = uint40(block.timestamp) + PAUSE_S;
        _pausedUntil = until;
        emit PausedUntil(until, msg.sender);
    }

    /// @notice End a pause now, and let the guardian begin another one. For governance.
    function unpause() external restricted {
        _pausedUntil = 0;
        emit Unpaused(msg.sender);
    }

    /// Unix seconds; the past, or 0: not paused.
    function pausedUntil() external view returns (uint40) {
        return _pausedUntil;
    }

    function _authorizeUpgrade(address) internal override restricted {}
}
