// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256Lib} from "../../src/lib/P256Lib.sol";
import {Test} from "../lib/Test.sol";

contract P256Caller {
    function verify(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) external view returns (bool) {
        return P256Lib.verify(digest, r, s, x, y);
    }
}

contract P256LibGas is Test {
    function test_verify() public {
        P256Caller caller = new P256Caller();
        bytes32 digest = keccak256("a message");
        (bytes32 r, bytes32 s) = vm.signP256(1, digest);
        (uint256 x, uint256 y) = vm.publicKeyP256(1);
        vm.assertTrue(caller.verify(digest, uint256(r), uint256(s), x, y));
        vm.snapshotGasLastCall("P256Lib", "verify, the call");
    }
}
