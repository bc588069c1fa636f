// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @notice The base of a test contract: forge runs its functions that begin with `test`, with random arguments where
/// they take some, and those that begin with `invariant` after random sequences of calls.
abstract contract Test {
    // forge looks for this.
    bool public constant IS_TEST = true;

    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// `x` folded into [least, most], for fuzzed arguments. Both ends included.
    function bound(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        if (x >= least && x <= most) return x;
        if (least == 0 && most == type(uint256).max) return x;
        return least + x % (most - least + 1);
    }
}
