// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../src/lib/DerLib.sol";
import {JsonScan} from "../src/lib/JsonScan.sol";
import {Test} from "./lib/Test.sol";

contract JsonScanTest is Test {
    using JsonScan for DerLib.Cursor;

    // External, so that the bytes are calldata and a revert can be expected.
    function readUint(bytes calldata text, uint256 max) external pure returns (uint256) {
        return DerLib.open(text).readUint(max);
    }

    function readString(bytes calldata text) external pure returns (bytes memory value, uint256 left) {
        DerLib.Cursor memory c = DerLib.open(text);
        (uint256 pos, uint256 len) = c.readString();
        return (DerLib.view_(pos, len), c.end - c.pos);
    }

    function readHex(bytes calldata text, uint256 size) external pure returns (bytes32) {
        return DerLib.open(text).readHex(size);
    }

    function readTime(bytes calldata text) external pure returns (uint256) {
        return DerLib.open(text).readTime();
    }

    function skipValue(bytes calldata text) external pure returns (uint256 left) {
        DerLib.Cursor memory c = DerLib.open(text);
        c.skipValue();
        return c.end - c.pos;
    }

    /// An object with a "svn" somewhere, and after it a "pcesvn".
    function readTwo(bytes calldata text) external pure returns (uint256 a, uint256 b) {
        DerLib.Cursor memory c = DerLib.open(text);
        c.beginObject();
        c.key('"svn":', 6);
        a = c.readUint(255);
        c.key('"pcesvn":', 9);
        b = c.readUint(255);
        c.endObject();
    }

    function _refused(bytes memory call) private view {
        (bool ok, bytes memory said) = address(this).staticcall(call);
        vm.assertFalse(ok, "accepted");
        vm.assertTrue(
            bytes4(said) == JsonScan.JsonUnexpected.selector || bytes4(said) == DerLib.DerMalformed.selector, "says why"
        );
    }

    function test_numbers() public view {
        vm.assertEq(this.readUint("0,", 9), 0);
        vm.assertEq(this.readUint("255}", 255), 255);
        vm.assertEq(this.readUint("7", 9), 7);
        string[9] memory bad =
            ["256", "01", "-1", "1.0", "1e3", "1E3", "", "a", "99999999999999999999999999999999999999"];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(abi.encodeCall(this.readUint, (bytes(bad[i]), 255)));
        }
    }

    function test_strings_end_at_their_quote_and_have_no_escapes() public view {
        (bytes memory value, uint256 left) = this.readString('"abc",');
        vm.assertEq(value, "abc");
        vm.assertEq(left, 1);
        (value,) = this.readString('""');
        vm.assertEq(value, "");
        bytes memory long = '"0123456789012345678901234567890123456789012345678901234567890123"';
        (value,) = this.readString(long);
        vm.assertEq(value.length, 64);
        (value,) = this.readString('"a"\\\n');
        vm.assertEq(value, "a");
        string[5] memory bad = ['"a\\"b"', '"a', "abc", '"a\nb"', '"0123456789012345678901234567890123456789\\""'];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(abi.encodeCall(this.readString, (bytes(bad[i]))));
        }
    }

    function test_hexadecimal_of_either_case() public view {
        vm.assertEq(this.readHex('"00606a000000"', 6), bytes32(hex"00606a000000"));
        vm.assertEq(this.readHex('"00606A00Ff00"', 6), bytes32(hex"00606a00ff00"));
        vm.assertEq(
            this.readHex('"DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5"', 32),
            bytes32(0xdc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5)
        );
        string[7] memory bad = ['"0g"', '"0"', '"000"', "00", '"0:"', '"@0"', '"0`"'];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(abi.encodeCall(this.readHex, (bytes(bad[i]), 1)));
        }
    }

    function testFuzz_hexadecimal_reads_back(bytes32 value, uint8 size, uint256 upper) public view {
        uint256 n = bound(size, 1, 32);
        bytes memory text = '"';
        for (uint256 i = 0; i < n; i++) {
            text = bytes.concat(text, _digit(uint8(value[i]) >> 4, upper >> (2 * i)));
            text = bytes.concat(text, _digit(uint8(value[i]) & 15, upper >> (2 * i + 1)));
        }
        bytes32 wanted = n == 32 ? value : (value >> (256 - 8 * n)) << (256 - 8 * n);
        vm.assertEq(this.readHex(bytes.concat(text, '"'), n), wanted);
    }

    function testFuzz_a_character_that_is_no_digit_is_refused(uint8 pos, bytes1 char) public view {
        bytes memory text = '"0123456789abcdefABCDEF0123456789"';
        uint8 c = uint8(char);
        bool isDigit = (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
        if (isDigit) return;
        text[1 + pos % 32] = char;
        _refused(abi.encodeCall(this.readHex, (text, 16)));
    }

    function _digit(uint8 nibble, uint256 upper) private pure returns (bytes1) {
        if (nibble < 10) return bytes1(0x30 + nibble);
        return bytes1((upper & 1 == 1 ? 0x41 : 0x61) + nibble - 10);
    }

    function test_times() public view {
        vm.assertEq(this.readTime('"2025-06-19T10:32:27Z"'), 1750329147);
        string[6] memory bad = [
            '"2025-06-19 10:32:27Z"',
            '"2025-02-29T10:32:27Z"',
            '"2025-06-19T10:32:27"',
            '"2025-06-19T10:32:2xZ"',
            '"2025-06-19T10:32:27Zx"',
            '2025-06-19T10:32:27Z"'
        ];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(abi.encodeCall(this.readTime, (bytes(bad[i]))));
        }
    }

    function test_unknown_members_are_skipped_wherever_they_are() public view {
        string[5] memory good = [
            '{"svn":1,"pcesvn":2}',
            '{"new":"x","svn":1,"pcesvn":2}',
            '{"new":{"a":[1,{"b":[]}],"c":{}},"svn":1,"more":[],"pcesvn":2}',
            '{"svn":1,"a":true,"b":false,"c":null,"d":[[[]]],"pcesvn":2,"e":"}"}',
            '{"svn":1,"pcesvn":2,"f":[{"g":"]"},"h",3]}'
        ];
        for (uint256 i = 0; i < good.length; i++) {
            (uint256 a, uint256 b) = this.readTwo(bytes(good[i]));
            vm.assertEq(a * 10 + b, 12);
        }
    }

    function test_known_members_count_once_and_in_order() public view {
        string[10] memory bad = [
            '{"svn":1,"svn":1,"pcesvn":2}',
            '{"pcesvn":2,"svn":1}',
            '{"svn":1,"pcesvn":2,"svn":3}',
            '{"svn":1,"pcesvn":2,"id":3}',
            '{"svn":1}',
            '{"svn":1 ,"pcesvn":2}',
            '{,"svn":1,"pcesvn":2}',
            '{"svn":1"pcesvn":2}',
            '{"svn":1,"pcesvn":2',
            '{"svn":1,"x":[[[[[[[[[]]]]]]]]],"pcesvn":2}'
        ];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(abi.encodeCall(this.readTwo, (bytes(bad[i]))));
        }
    }

    function testFuzz_skipping_ends_inside_the_text_or_says_why(bytes calldata text) public view {
        try this.skipValue(text) returns (uint256 left) {
            vm.assertLe(left, text.length);
        } catch (bytes memory said) {
            vm.assertEq(bytes32(bytes4(said)), bytes32(JsonScan.JsonUnexpected.selector));
        }
    }
}
