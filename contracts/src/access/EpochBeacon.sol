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

    /// What evidence is to bind now.
    bytes32 public current;
    /// The value before: evidence on its way when the beacon rolled stays good.
    bytes32 public previous;
    /// Unix seconds at which `current` was rolled.
    uint40 public currentTime;
    /// Unix seconds at which `previous` was rolled.
    uint40 public previousTime;
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
        if (block.timestamp < currentTime + EPOCH_S) revert BeaconTooSoon(currentTime + EPOCH_S);
        _roll();
    }

    /// @notice When `value` was rolled, in Unix seconds: no one can have known it before. Reverts for values other
    /// than the last two.
    function timeOf(bytes32 value) external view returns (uint40) {
        if (value == current) return currentTime;
        if (value == previous && value != 0) return previousTime;
        revert BeaconUnknown(value);
    }

    function _roll() private {
        previous = current;
        previousTime = currentTime;
        number++;
        current = keccak256(abi.encode(previous, block.prevrandao, number, block.chainid, address(this)));
        currentTime = uint40(block.timestamp);
        emit Rolled(number, current);
    }
}
