// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256Lib} from "../../src/lib/P256Lib.sol";
import {Test} from "../lib/Test.sol";

contract P256LibOnPrague is Test {
    // External, so that a revert can be expected.
    function verify(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) external view returns (bool) {
        return P256Lib.verify(digest, r, s, x, y);
    }

    function test_without_the_precompile_it_reverts() public {
        vm.assertFalse(P256Lib.isPresent());
        (bytes32 r, bytes32 s) = vm.signP256(1, keccak256("a message"));
        (uint256 x, uint256 y) = vm.publicKeyP256(1);
        vm.expectRevert(P256Lib.P256Missing.selector);
        this.verify(keccak256("a message"), uint256(r), uint256(s), x, y);
    }
}
