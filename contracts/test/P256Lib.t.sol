// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256Lib} from "../src/lib/P256Lib.sol";
import {Test} from "./lib/Test.sol";

contract P256LibTest is Test {
    uint256 private constant KEY = 0x51ce;
    bytes32 private constant DIGEST = keccak256("a message");

    // External, so that a revert can be expected.
    function verify(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) external view returns (bool) {
        return P256Lib.verify(digest, r, s, x, y);
    }

    function _signed(uint256 key, bytes32 digest) private pure returns (uint256 r, uint256 s, uint256 x, uint256 y) {
        (bytes32 r_, bytes32 s_) = vm.signP256(key, digest);
        (x, y) = vm.publicKeyP256(key);
        return (uint256(r_), uint256(s_), x, y);
    }

    function test_the_precompile_is_present() public view {
        vm.assertTrue(P256Lib.isPresent());
    }

    function testFuzz_both_forms_of_s_verify(uint256 key, bytes32 digest) public view {
        key = bound(key, 1, P256Lib.N - 1);
        (uint256 r, uint256 s, uint256 x, uint256 y) = _signed(key, digest);
        vm.assertTrue(P256Lib.verify(digest, r, s, x, y));
        vm.assertTrue(P256Lib.verify(digest, r, P256Lib.N - s, x, y));
    }

    function testFuzz_one_flipped_bit_fails(uint8 bit, uint8 which) public view {
        (uint256 r, uint256 s, uint256 x, uint256 y) = _signed(KEY, DIGEST);
        uint256[5] memory part = [uint256(DIGEST), r, s, x, y];
        part[which % 5] ^= 1 << bit;
        vm.assertFalse(P256Lib.verify(bytes32(part[0]), part[1], part[2], part[3], part[4]));
    }

    function test_numbers_out_of_range_fail() public view {
        (uint256 r, uint256 s, uint256 x, uint256 y) = _signed(KEY, DIGEST);
        uint256[4] memory bad = [0, P256Lib.N, P256Lib.N + 1, type(uint256).max];
        for (uint256 i = 0; i < bad.length; i++) {
            vm.assertFalse(P256Lib.verify(DIGEST, bad[i], s, x, y));
            vm.assertFalse(P256Lib.verify(DIGEST, r, bad[i], x, y));
        }
        vm.assertFalse(P256Lib.verify(DIGEST, r, s, P256Lib.P, y));
        vm.assertFalse(P256Lib.verify(DIGEST, r, s, x, P256Lib.P));
        vm.assertFalse(P256Lib.verify(DIGEST, r, s, 0, 0), "the point at infinity");
    }

    function test_coordinates_are_reduced_numbers() public pure {
        // A point with a small x has a second spelling, x + p, that fits 256 bits.
        uint256 x = 0;
        uint256 y = 0x66485c780e2f83d72433bd5d84a06bb6541c2af31dae871728bf856a174f93f4;
        vm.assertTrue(P256Lib.isOnCurve(x, y));
        vm.assertFalse(P256Lib.isOnCurve(x + P256Lib.P, y));
        vm.assertFalse(P256Lib.isOnCurve(x, y + 1));
    }

    function test_a_point_off_the_curve_never_reaches_the_precompile() public {
        (uint256 r, uint256 s, uint256 x, uint256 y) = _signed(KEY, DIGEST);
        vm.mockCall(P256Lib.PRECOMPILE, "", abi.encode(1));
        vm.assertTrue(P256Lib.verify(DIGEST, r, s, x, y));
        vm.assertFalse(P256Lib.verify(DIGEST, r, s, x, y ^ 1));
    }

    function test_other_answers_than_one_are_refusals() public {
        (uint256 r, uint256 s, uint256 x, uint256 y) = _signed(KEY, DIGEST);
        bytes[5] memory answers =
            [bytes(""), abi.encode(2), abi.encode(1, 1), abi.encodePacked(uint128(1)), abi.encode(uint256(1) << 255)];
        for (uint256 i = 0; i < answers.length; i++) {
            vm.mockCall(P256Lib.PRECOMPILE, "", answers[i]);
            vm.expectRevert(P256Lib.P256Missing.selector);
            this.verify(DIGEST, r, s, x, y);
        }
    }
}
