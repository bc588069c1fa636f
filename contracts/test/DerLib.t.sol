// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../src/lib/DerLib.sol";
import {Test} from "./lib/Test.sol";

contract DerLibTest is Test {
    using DerLib for DerLib.Cursor;

    // External, so that the bytes are calldata and a revert can be expected.
    function next(bytes calldata der) external pure returns (uint256 tag, bytes memory value, uint256 left) {
        DerLib.Cursor memory c = DerLib.open(der);
        uint256 pos;
        uint256 len;
        (tag, pos, len) = c.next();
        return (tag, DerLib.view_(pos, len), c.end - c.pos);
    }

    function readUint(bytes calldata der) external pure returns (uint256) {
        return DerLib.open(der).readUint();
    }

    function readBool(bytes calldata der) external pure returns (bool) {
        return DerLib.open(der).readBool();
    }

    function readBits(bytes calldata der) external pure returns (uint256 len) {
        (, len) = DerLib.open(der).readBits();
    }

    function readTime(bytes calldata der) external pure returns (uint256) {
        return DerLib.open(der).readTime();
    }

    function enter(bytes calldata der, uint256 tag) external pure {
        DerLib.open(der).enter(tag).done();
    }

    function _bad(bytes memory der) private {
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.next(der);
    }

    function test_short_and_long_lengths() public view {
        (uint256 tag, bytes memory value, uint256 left) = this.next(hex"0403aabbcc99");
        vm.assertEq(tag, DerLib.OCTET_STRING);
        vm.assertEq(value, hex"aabbcc");
        vm.assertEq(left, 1);
        bytes memory long = new bytes(0x80);
        (, value,) = this.next(bytes.concat(hex"048180", long));
        vm.assertEq(value, long);
        long = new bytes(0x100);
        (, value,) = this.next(bytes.concat(hex"04820100", long));
        vm.assertEq(value, long);
    }

    function test_lengths_of_more_octets_than_needed_are_refused() public {
        _bad(hex"048101aa");
        _bad(bytes.concat(hex"04817f", new bytes(0x7f)));
        _bad(bytes.concat(hex"048200ff", new bytes(0xff)));
        _bad(bytes.concat(hex"0483000100", new bytes(0x100)));
    }

    function test_indefinite_huge_and_truncated_lengths_are_refused() public {
        _bad(hex"30800201000000");
        _bad(hex"0485010000000000");
        _bad(hex"04fe");
        _bad(hex"0484ffffffff");
        _bad(hex"0402aa");
        _bad(hex"0482");
        _bad(hex"04");
        _bad(hex"");
    }

    function test_tags_of_several_octets_and_end_of_contents_are_refused() public {
        _bad(hex"1f0100");
        _bad(hex"bf0100");
        _bad(hex"0000");
    }

    function test_another_tag_is_refused() public {
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.enter(hex"3100", DerLib.SEQUENCE);
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.enter(hex"30020500", DerLib.SEQUENCE);
        this.enter(hex"3000", DerLib.SEQUENCE);
    }

    function test_integers_are_minimal_and_not_negative() public {
        vm.assertEq(this.readUint(hex"020100"), 0);
        vm.assertEq(this.readUint(hex"02017f"), 127);
        vm.assertEq(this.readUint(hex"02020080"), 128);
        vm.assertEq(
            this.readUint(hex"022100ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
            type(uint256).max
        );
        bytes[6] memory bad = [
            bytes(hex"0200"),
            hex"020180",
            hex"0202007f",
            hex"0202ff80",
            hex"022101ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            hex"02220000ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        ];
        for (uint256 i = 0; i < bad.length; i++) {
            vm.expectPartialRevert(DerLib.DerMalformed.selector);
            this.readUint(bad[i]);
        }
    }

    function test_booleans_have_two_forms_only() public {
        vm.assertTrue(this.readBool(hex"0101ff"));
        vm.assertFalse(this.readBool(hex"010100"));
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.readBool(hex"010101");
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.readBool(hex"0102ffff");
    }

    function test_bit_strings_of_no_octets_or_with_unused_bits_are_refused() public {
        vm.assertEq(this.readBits(hex"030100"), 0);
        vm.assertEq(this.readBits(hex"030200aa"), 1);
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.readBits(hex"0300");
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.readBits(hex"030201aa");
    }

    function _time(bytes1 tag, bytes memory text) private pure returns (bytes memory) {
        return bytes.concat(tag, bytes1(uint8(text.length)), text);
    }

    function test_times_of_both_forms() public view {
        vm.assertEq(this.readTime(_time(0x17, "250619103227Z")), 1750329147);
        vm.assertEq(this.readTime(_time(0x17, "491231235959Z")), 2524607999);
        vm.assertEq(this.readTime(_time(0x17, "700101000000Z")), 0);
        vm.assertEq(this.readTime(_time(0x18, "20240229000000Z")), 1709164800);
        vm.assertEq(this.readTime(_time(0x18, "99991231235959Z")), 253402300799);
    }

    function test_dates_that_do_not_exist_are_refused_not_normalised() public {
        bytes[12] memory bad = [
            bytes("250229000000Z"),
            "250431000000Z",
            "251301000000Z",
            "250001000000Z",
            "250100000000Z",
            "250101240000Z",
            "250101006000Z",
            "250101000060Z",
            "2501010000000",
            "2501010000Z",
            "25010100000aZ",
            "500101000000Z" // 1950: no time that a certificate here can have
        ];
        for (uint256 i = 0; i < bad.length; i++) {
            vm.expectPartialRevert(DerLib.DerMalformed.selector);
            this.readTime(_time(0x17, bad[i]));
        }
        vm.expectPartialRevert(DerLib.DerMalformed.selector);
        this.readTime(_time(0x18, "21000229000000Z"));
    }

    function testFuzz_a_value_never_reaches_beyond_its_bytes(bytes calldata der) public view {
        try this.next(der) returns (uint256, bytes memory value, uint256 left) {
            vm.assertTrue(value.length + left + 2 <= der.length);
        } catch (bytes memory said) {
            vm.assertEq(bytes32(bytes4(said)), bytes32(DerLib.DerMalformed.selector));
        }
    }

    function testFuzz_an_integer_reads_back(uint256 value) public view {
        bytes memory be = abi.encodePacked(value);
        uint256 skip;
        while (skip < 31 && be[skip] == 0) skip++;
        bytes memory body = be[skip] & 0x80 != 0 ? bytes(hex"00") : bytes("");
        for (uint256 i = skip; i < 32; i++) {
            body = bytes.concat(body, be[i]);
        }
        vm.assertEq(this.readUint(bytes.concat(hex"02", bytes1(uint8(body.length)), body)), value);
    }
}
