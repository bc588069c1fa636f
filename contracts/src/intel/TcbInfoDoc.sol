// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../lib/DerLib.sol";
import {JsonScan} from "../lib/JsonScan.sol";
import {TcbInfoId, TcbInfoVersion} from "./IntelErrors.sol";
import {TcbDoc} from "./TcbDoc.sol";

// Numbers are compared with their limit first; others are cut from a word on purpose.
// forge-lint: disable-start(unsafe-typecast)

/// @notice The head of TCB info, and the rest packed for TcbMatch.
struct TcbInfo {
    bool isTdx;
    uint256 issued; // Unix seconds
    uint256 nextUpdate;
    uint256 evalNo;
    bytes6 fmspc;
    bytes2 pceid;
    /// levels 1 | level 40 each, best first: SGX SVNs 16, TDX SVNs 16, PCESVN 2, status 1, tcbDate 5 |
    /// TDX only: tdxModule 64 | identities 1 | each: version 1, module 64, ISV levels of TcbDoc.
    /// A module is mrsigner 48, attributes 8, attributesMask 8.
    bytes packed;
}

/// @title Intel's TCB info, version 3
/// @notice The rules of src/attest/intel/tcb_info.c, without versions that no verdict accepts. A component SVN above
/// 255, which C would take, is refused: the SVNs it is compared with are bytes.
/// Source: Intel PCS API v4, TcbInfo V3.
library TcbInfoDoc {
    using JsonScan for DerLib.Cursor;

    uint256 internal constant MAX_LEVELS = 96;
    uint256 internal constant MAX_MODULES = 32;

    /// @param body the exact bytes that Intel signed: the value of "tcbInfo"
    function parse(bytes calldata body) internal pure returns (TcbInfo memory info) {
        DerLib.Cursor memory c = DerLib.open(body);
        bytes memory modules;
        c.beginObject();
        _readHead(c, info);
        if (info.isTdx) modules = _readModules(c);
        info.packed = bytes.concat(_readLevels(c, info.isTdx), modules);
        c.endObject();
        if (c.pos != c.end) revert JsonScan.JsonUnexpected(c.pos);
    }

    function _readHead(DerLib.Cursor memory c, TcbInfo memory info) private pure {
        c.key('"id":', 5);
        if (c.tryText('"TDX"', 5)) info.isTdx = true;
        else if (!c.tryText('"SGX"', 5)) revert TcbInfoId();
        c.key('"version":', 10);
        if (c.readUint(type(uint32).max) != 3) revert TcbInfoVersion();
        c.key('"issueDate":', 12);
        info.issued = c.readTime();
        c.key('"nextUpdate":', 13);
        info.nextUpdate = c.readTime();
        c.key('"fmspc":', 8);
        info.fmspc = bytes6(c.readHex(6));
        c.key('"pceId":', 8);
        info.pceid = bytes2(c.readHex(2));
        c.key('"tcbType":', 10);
        c.readUint(0);
        c.key('"tcbEvaluationDataNumber":', 26);
        info.evalNo = c.readUint(type(uint32).max);
    }

    function _readModules(DerLib.Cursor memory c) private pure returns (bytes memory out) {
        c.key('"tdxModule":', 12);
        c.beginObject();
        bytes memory module = _readModule(c);
        c.endObject();
        uint256 count;
        if (c.tryKey('"tdxModuleIdentities":', 22)) {
            uint256 seen; // bit v: version v
            c.beginArray();
            while (c.nextElement(count == 0)) {
                if (count++ == MAX_MODULES) revert TcbDoc.TcbDocTooMany(c.pos);
                c.beginObject();
                c.key('"id":', 5);
                c.expect('"TDX_', 5);
                uint256 version = uint256(c.readHexDigits(1)) >> 248;
                c.expect('"', 1);
                if (seen & (1 << version) != 0) revert TcbDoc.TcbDocLevels(c.pos);
                seen |= 1 << version;
                bytes memory identity = _readModule(c);
                out = bytes.concat(out, bytes1(uint8(version)), identity, TcbDoc.readIsvLevels(c));
                c.endObject();
            }
        }
        return bytes.concat(module, bytes1(uint8(count)), out);
    }

    function _readModule(DerLib.Cursor memory c) private pure returns (bytes memory) {
        c.key('"mrsigner":', 11);
        c.expect('"', 1);
        bytes32 first = c.readHexDigits(32);
        bytes16 second = bytes16(c.readHexDigits(16));
        c.expect('"', 1);
        c.key('"attributes":', 13);
        bytes8 attributes = bytes8(c.readHex(8));
        c.key('"attributesMask":', 17);
        return bytes.concat(first, second, attributes, bytes8(c.readHex(8)));
    }

    function _readLevels(DerLib.Cursor memory c, bool isTdx) private pure returns (bytes memory out) {
        // SVNs of SGX and TDX in one word, so that the best level is the greatest number; the rest in another.
        uint256[] memory svns = new uint256[](MAX_LEVELS);
        uint256[] memory rest = new uint256[](MAX_LEVELS);
        uint256 count;
        c.key('"tcbLevels":', 12);
        c.beginArray();
        while (c.nextElement(count == 0)) {
            if (count == MAX_LEVELS) revert TcbDoc.TcbDocTooMany(c.pos);
            (uint256 high, uint256 low) = _readLevel(c, isTdx);
            uint256 i = count++;
            for (; i > 0; i--) {
                uint256 pcesvn = rest[i - 1] >> 48;
                if (svns[i - 1] > high || (svns[i - 1] == high && pcesvn > low >> 48)) break;
                if (svns[i - 1] == high && pcesvn == low >> 48) revert TcbDoc.TcbDocLevels(c.pos);
                (svns[i], rest[i]) = (svns[i - 1], rest[i - 1]);
            }
            (svns[i], rest[i]) = (high, low);
        }
        if (count == 0) revert TcbDoc.TcbDocLevels(c.pos);
        out = bytes.concat(bytes1(uint8(count)));
        for (uint256 i = 0; i < count; i++) {
            out = bytes.concat(out, bytes32(svns[i]), bytes8(uint64(rest[i])));
        }
    }

    function _readLevel(DerLib.Cursor memory c, bool isTdx) private pure returns (uint256 svns, uint256 rest) {
        c.beginObject();
        c.key('"tcb":', 6);
        c.beginObject();
        c.key('"sgxtcbcomponents":', 19);
        svns = _readComponents(c) << 128;
        // TDX documents have PCESVN between the two lists.
        c.key('"pcesvn":', 9);
        uint256 pcesvn = c.readUint(type(uint16).max);
        if (isTdx) {
            c.key('"tdxtcbcomponents":', 19);
            svns |= _readComponents(c);
        }
        c.endObject();
        rest = (pcesvn << 48) | TcbDoc.readStatus(c);
        c.endObject();
    }

    /// Sixteen SVNs, a byte each.
    function _readComponents(DerLib.Cursor memory c) private pure returns (uint256 svns) {
        c.beginArray();
        for (uint256 i = 0; i < 16; i++) {
            c.expect(i == 0 ? bytes32('{"svn":') : bytes32(',{"svn":'), i == 0 ? 7 : 8);
            svns = (svns << 8) | c.readUint(type(uint8).max);
            // What a component is called, which takes half of a document.
            if (c.tryKey('"category":', 11)) c.readString();
            if (c.tryKey('"type":', 7)) c.readString();
            c.endObject();
        }
        c.expect("]", 1);
    }
}
// forge-lint: disable-end(unsafe-typecast)
