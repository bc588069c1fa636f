// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A value that nobody knew before its time
/// @notice Two uses. Evidence that binds a value was made after it was rolled: that is how the registry knows that a
/// quote is fresh, without a challenge of its own per worker. And the draw of a committee is seeded by it.
///
/// Anyone may roll it, once an hour. Values chain, and each mixes in the randomness of its block (EIP-4399), which
/// whoever proposes the block can withhold but not choose. It has no owner.
contract EpochBeacon {
    /// Least seconds between two values.
    uint40 public constant EPOCH_S = 1 hours;

    /// What evidence is to bind now. A value ends with its time: Unix seconds in the last 5 bytes, so that whoever
    /// asks for it reads one slot.
    bytes32 public current;
    /// The value before: evidence on its way when the beacon rolled stays good.
    bytes32 public previous;
    /// How many values there have been.
    uint64 public number;

    /// Neither the current value nor the one before.
    error BeaconUnknown(bytes32 value);
    /// The next value cannot be rolled before then (Unix seconds).
    error BeaconTooSoon(uint40 earliest);

    event Rolled(uint64 indexed number, bytes32 value);

    constructor() {
        _roll();
    }

    /// @notice Make the next value. For anybody.
    function roll() external {
        if (block.timestamp < currentTime() + EPOCH_S) revert BeaconTooSoon(currentTime() + EPOCH_S);
        _roll();
    }

    /// @notice When `value` was rolled, in Unix seconds: no one can have known it before. Reverts for values other
    /// than the last two.
    function timeOf(bytes32 value) external view returns (uint40) {
        if (value != current && (value != previous || value == 0)) revert BeaconUnknown(value);
        return _timeIn(value);
    }

    /// Unix seconds at which `current` was rolled.
    function currentTime() public view returns (uint40) {
        return _timeIn(current);
    }

    function _roll() private {
        previous = current;
        number++;
        bytes32 hash = keccak256(abi.encode(previous, block.prevrandao, number, block.chainid, address(this)));
        current = bytes32(((uint256(hash) >> 40) << 40) | uint40(block.timestamp));
        emit Rolled(number, current);
    }

    function _timeIn(bytes32 value) private pure returns (uint40) {
        return uint40(uint256(value));
    }
}
