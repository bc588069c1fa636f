// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Calls of code that nobody here trusts
/// @notice The callee gets exactly the gas that it was promised, or the caller reverts before the call; and it
/// cannot make the caller pay for copying what it returns. Assembly, because Solidity's own call copies all of it.
library ExactCall {
    /// Bytes of what a callee returned that are looked at: an Error(string) of one word and a little more.
    uint256 internal constant RETURN_MAX = 132;
    /// Upper bound for what the CALL itself costs before the callee runs: a cold account (EIP-2929).
    uint256 private constant CALL_COST = 2_600;
    /// What the caller keeps for itself, whatever the callee does.
    uint256 private constant RESERVE = 30_000;

    /// The transaction has too little gas left to call with `wanted` (gas).
    error InsufficientGas(uint256 wanted);

    /// @notice Call with exactly `gas_` gas and no value.
    /// @return ok whether the callee returned
    /// @return returned at most RETURN_MAX bytes of what it returned or reverted with
    function exactCall(address callee, uint256 gas_, bytes memory data)
        internal
        returns (bool ok, bytes memory returned)
    {
        // EIP-150: a call gets at most all but one 64th of what is left.
        uint256 left = gasleft();
        if (left < RESERVE + CALL_COST || left - CALL_COST - (left - CALL_COST) / 64 < gas_ + RESERVE) {
            revert InsufficientGas(gas_);
        }
        returned = new bytes(RETURN_MAX);
        assembly ("memory-safe") {
            ok := call(gas_, callee, 0, add(data, 0x20), mload(data), add(returned, 0x20), RETURN_MAX)
            if lt(returndatasize(), RETURN_MAX) { mstore(returned, returndatasize()) }
        }
    }
}
