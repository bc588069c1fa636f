// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IntelDocs} from "../../src/intel/IntelDocs.sol";
import {QeIdentityId, QeIdentityVersion, TcbInfoId, TcbInfoVersion} from "../../src/intel/IntelErrors.sol";
import {QeIdentity} from "../../src/intel/QeIdentityDoc.sol";
import {TcbDoc} from "../../src/intel/TcbDoc.sol";
import {TcbInfo} from "../../src/intel/TcbInfoDoc.sol";
import {JsonScan} from "../../src/lib/JsonScan.sol";
import {Test} from "../lib/Test.sol";

/// @notice How Intel's documents are read: what is kept of them, and what is refused.
contract IntelDocsTest is Test {
    string private constant ZEROES =
        "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000";
    string private constant DATE = ',"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"';

    IntelDocs private _docs = new IntelDocs();

    function _head(string memory id, string memory version) private pure returns (string memory) {
        return string.concat(
            '{"id":"',
            id,
            '","version":',
            version,
            ',"issueDate":"2025-06-19T10:16:03Z","nextUpdate":"2025-07-19T10:16:03Z","fmspc":"B0C06F000000","pceId":"0000",',
            '"tcbType":0,"tcbEvaluationDataNumber":17,'
        );
    }

    /// Sixteen components, the first of them `svn`.
    function _components(string memory key, uint256 svn) private pure returns (string memory out) {
        out = string.concat(
            '"', key, '":[{"svn":', vm.toString(svn), ',"category":"BIOS","type":"Early Microcode Update"}'
        );
        for (uint256 i = 1; i < 16; i++) {
            out = string.concat(out, ',{"svn":', vm.toString(i), "}");
        }
        return string.concat(out, "]");
    }

    function _level(uint256 svn, uint256 pcesvn, string memory status) private pure returns (string memory) {
        return string.concat(
            '{"tcb":{',
            _components("sgxtcbcomponents", svn),
            ',"pcesvn":',
            vm.toString(pcesvn),
            "}",
            DATE,
            status,
            '","advisoryIDs":["INTEL-SA-00615","INTEL-SA-00657"]}'
        );
    }

    function _sgx(string memory levels) private pure returns (bytes memory) {
        return bytes(string.concat(_head("SGX", "3"), '"tcbLevels":[', levels, "]}"));
    }

    function _module(string memory id, string memory levels) private pure returns (string memory) {
        return string.concat(
            '{"id":"',
            id,
            '","mrsigner":"',
            ZEROES,
            '","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF","tcbLevels":[',
            levels,
            "]}"
        );
    }

    function _isv(uint256 svn, string memory status) private pure returns (string memory) {
        return string.concat('{"tcb":{"isvsvn":', vm.toString(svn), "}", DATE, status, '"}');
    }

    function _tdx(string memory modules) private pure returns (bytes memory) {
        return bytes(
            string.concat(
                _head("TDX", "3"),
                '"tdxModule":{"mrsigner":"',
                ZEROES,
                '","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF"},"tdxModuleIdentities":[',
                modules,
                '],"tcbLevels":[{"tcb":{',
                _components("sgxtcbcomponents", 3),
                ',"pcesvn":11,',
                _components("tdxtcbcomponents", 5),
                "}",
                DATE,
                'UpToDate"}]}'
            )
        );
    }

    function _refused(bytes memory body, bytes4 why) private {
        vm.expectPartialRevert(why);
        _docs.parseTcbInfo(body);
    }

    function test_head_and_levels_are_kept() public view {
        TcbInfo memory info = _docs.parseTcbInfo(_sgx(_level(14, 13, "SWHardeningNeeded")));
        vm.assertFalse(info.isTdx);
        vm.assertEq(info.issued, 1750328163);
        vm.assertEq(info.nextUpdate, 1752920163);
        vm.assertEq(info.evalNo, 17);
        vm.assertEq(bytes32(info.fmspc), bytes32(hex"b0c06f000000"));
        vm.assertEq(
            info.packed,
            bytes.concat(hex"010e0102030405060708090a0b0c0d0e0f", bytes16(0), hex"000d02", bytes5(uint40(1710288000)))
        );
    }

    function test_levels_in_any_order_are_kept_best_first() public view {
        string memory a = _level(9, 13, "UpToDate");
        string memory b = _level(9, 12, "OutOfDate");
        string memory c = _level(8, 14, "Revoked");
        bytes memory sorted = _docs.parseTcbInfo(_sgx(string.concat(a, ",", b, ",", c))).packed;
        vm.assertEq(_docs.parseTcbInfo(_sgx(string.concat(c, ",", b, ",", a))).packed, sorted);
        vm.assertEq(_docs.parseTcbInfo(_sgx(string.concat(b, ",", a, ",", c))).packed, sorted);
    }

    function test_two_levels_alike_and_no_level_are_refused() public {
        string memory a = _level(9, 13, "UpToDate");
        string memory b = _level(8, 13, "OutOfDate");
        _refused(_sgx(string.concat(a, ",", b, ",", _level(9, 13, "Revoked"))), TcbDoc.TcbDocLevels.selector);
        _refused(_sgx(""), TcbDoc.TcbDocLevels.selector);
        _refused(_tdx(_module("TDX_01", "")), TcbDoc.TcbDocLevels.selector);
        string memory two = string.concat(_isv(3, "UpToDate"), ",", _isv(3, "OutOfDate"));
        _refused(_tdx(_module("TDX_01", two)), TcbDoc.TcbDocLevels.selector);
    }

    function test_more_levels_than_the_c_verifier_takes_are_refused() public {
        string memory levels = _isv(100, "UpToDate");
        for (uint256 i = 1; i < 33; i++) {
            levels = string.concat(levels, ",", _isv(100 - i, "OutOfDate"));
        }
        _refused(_tdx(_module("TDX_01", levels)), TcbDoc.TcbDocTooMany.selector);
    }

    function test_module_versions_are_hexadecimal_of_either_case_and_each_once() public {
        string memory level = _isv(3, "UpToDate");
        string memory one = _module("TDX_0A", level);
        bytes memory packed = _docs.parseTcbInfo(_tdx(one)).packed;
        vm.assertEq(_docs.parseTcbInfo(_tdx(_module("TDX_0a", level))).packed, packed);
        // Behind one level of 40 bytes and its count, tdxModule of 64, and the count of identities.
        vm.assertEq(uint256(uint8(packed[1 + 40 + 64 + 1])), 10);
        _refused(_tdx(string.concat(one, ",", _module("TDX_0a", level))), TcbDoc.TcbDocLevels.selector);
        _refused(_tdx(_module("TDX_1", level)), JsonScan.JsonUnexpected.selector);
        _refused(_tdx(_module("TDX_0G", level)), JsonScan.JsonUnexpected.selector);
    }

    function test_statuses_that_intel_does_not_list_are_refused() public {
        string[5] memory bad = ["", "uptodate", "UpToDat", "Unknown", "NoMatchingLevel"];
        for (uint256 i = 0; i < bad.length; i++) {
            _refused(_sgx(_level(9, 13, bad[i])), TcbDoc.TcbDocStatus.selector);
        }
    }

    function test_component_svns_above_a_byte_are_refused() public {
        _docs.parseTcbInfo(_sgx(_level(255, 65535, "UpToDate")));
        _refused(_sgx(_level(256, 13, "UpToDate")), JsonScan.JsonUnexpected.selector);
        _refused(_sgx(_level(9, 65536, "UpToDate")), JsonScan.JsonUnexpected.selector);
    }

    function test_other_kinds_and_versions_are_refused() public {
        _refused(bytes(string.concat(_head("QE", "3"), '"tcbLevels":[]}')), TcbInfoId.selector);
        _refused(bytes(string.concat(_head("SGX", "2"), '"tcbLevels":[]}')), TcbInfoVersion.selector);
        vm.expectRevert(QeIdentityId.selector);
        _docs.parseQeIdentity('{"id":"QVE","version":2,');
        vm.expectRevert(QeIdentityVersion.selector);
        _docs.parseQeIdentity('{"id":"QE","version":3,');
    }

    function test_bytes_after_a_document_are_refused() public {
        bytes memory body = _sgx(_level(9, 13, "UpToDate"));
        _docs.parseTcbInfo(body);
        _refused(bytes.concat(body, " "), JsonScan.JsonUnexpected.selector);
        _refused(bytes.concat(body, "}"), JsonScan.JsonUnexpected.selector);
    }

    function test_what_intel_adds_one_day_is_skipped() public view {
        bytes memory packed = _docs.parseTcbInfo(_sgx(_level(9, 13, "UpToDate"))).packed;
        string memory level = string.concat(
            '{"new":[{"a":1}],"tcb":{"x":{},',
            _components("sgxtcbcomponents", 9),
            ',"more":null,"pcesvn":13,"y":[]}',
            DATE,
            'UpToDate","advisoryIDs":[],"z":"}"}'
        );
        bytes memory body =
            bytes(string.concat(_head("SGX", "3"), '"future":"1",', '"tcbLevels":[', level, '],"end":0}'));
        vm.assertEq(_docs.parseTcbInfo(body).packed, packed);
    }

    function test_an_identity_is_kept_whole() public view {
        QeIdentity memory qe = _docs.parseQeIdentity(
            bytes(
                string.concat(
                    '{"id":"TD_QE","version":2,"issueDate":"2025-06-19T10:32:27Z","nextUpdate":"2025-07-19T10:32:27Z",',
                    '"tcbEvaluationDataNumber":17,"miscselect":"01020304","miscselectMask":"FFFFFFFE",',
                    '"attributes":"11000000000000000000000000000022","attributesMask":"FBFFFFFFFFFFFFFF0000000000000033",',
                    '"mrsigner":"DC9E2A7C6F948F17474E34A7FC43ED030F7C1563F1BABDDF6340C82E0E54A8C5","isvprodid":2,"tcbLevels":[',
                    _isv(4, "UpToDate"),
                    "]}"
                )
            )
        );
        vm.assertTrue(qe.isTdx);
        vm.assertEq(qe.issued, 1750329147);
        vm.assertEq(
            qe.packed,
            bytes.concat(
                hex"01020304fffffffe11000000000000000000000000000022fbffffffffffffff0000000000000033",
                hex"dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c50002",
                hex"01000401",
                bytes5(uint40(1710288000))
            )
        );
    }

    /// Signed before it is read, a document is Intel's; even so, an edited one is read or refused with a reason.
    function testFuzz_an_edited_document_never_panics(uint256 pos, bytes1 char, uint256 cut) public view {
        bytes memory body = _tdx(_module("TDX_01", string.concat(_isv(4, "UpToDate"), ",", _isv(2, "OutOfDate"))));
        body[pos % body.length] = char;
        if (cut % 4 == 0) {
            bytes memory shorter = new bytes(cut % body.length);
            for (uint256 i = 0; i < shorter.length; i++) {
                shorter[i] = body[i];
            }
            body = shorter;
        }
        try _docs.parseTcbInfo(body) {}
        catch (bytes memory said) {
            vm.assertTrue(said.length >= 4 && bytes4(said) != bytes4(0x4e487b71), "says why");
        }
    }
}
