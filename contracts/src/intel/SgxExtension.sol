// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../lib/DerLib.sol";

// Numbers are compared with their limit first; others are cut from a word on purpose.
// forge-lint: disable-start(unsafe-typecast)

/// @notice Which platform a PCK certificate is of, and its TCB.
struct SgxFacts {
    bytes16 ppid;
    bytes16 components; // SVNs of .2.1 to .2.16
    uint16 pcesvn;
    bytes2 pceid;
    bytes6 fmspc;
    bool hasInstance; // Platform CA only, like the next four
    bool hasConfiguration;
    bool dynamicPlatform;
    bool cachedKeys;
    bool smt;
}

/// @title Intel's extension of PCK certificates
/// @notice The rules of src/attest/intel/sgx_ext.c: each field exactly once, in any order, unknown ones refused. A
/// component SVN above 255, which C would take, is refused: CPUSVN has a byte for each.
/// Source: Intel SGX PCK Certificate and CRL Profile Specification §1.3.5.
library SgxExtension {
    using DerLib for DerLib.Cursor;

    /// A DER element.
    struct Field {
        uint256 tag;
        uint256 pos;
        uint256 len;
    }

    // 1.2.840.113741.1.13.1: fields are one or two arcs below.
    uint256 private constant ARC = 0x2a864886f84d010d01;
    uint256 private constant ARC_LEN = 9;
    /// 06 0b, then the arc and 02: how each field of the TCB begins, behind its SEQUENCE.
    uint256 private constant TCB_FIELD = 0x060b2a864886f84d010d0102;

    function parse(uint256 pos, uint256 len) internal pure returns (SgxFacts memory f) {
        DerLib.Cursor memory c = DerLib.Cursor(pos, pos + len);
        DerLib.Cursor memory list = c.enter(DerLib.SEQUENCE);
        c.done();
        Field memory value;
        uint256 seen;
        while (list.pos < list.end) {
            uint256 arc = _readField(list, ARC, ARC_LEN, 7, value);
            seen = _mark(seen, arc, value.pos);
            _readOne(arc, value, f);
        }
        if (seen & 0x3e != 0x3e) revert DerLib.DerMalformed(pos); // 1 to 5
    }

    function _readOne(uint256 arc, Field memory value, SgxFacts memory f) private pure {
        if (arc == 1) {
            f.ppid = bytes16(_octets(value, 16));
        } else if (arc == 2) {
            _readTcb(value, f);
        } else if (arc == 3) {
            f.pceid = bytes2(_octets(value, 2));
        } else if (arc == 4) {
            f.fmspc = bytes6(_octets(value, 6));
        } else if (arc == 5) {
            // Standard, scalable, scalable with integrity.
            if (value.tag != DerLib.ENUMERATED || DerLib.uintOf(value.pos, value.len) > 2) {
                revert DerLib.DerMalformed(value.pos);
            }
        } else if (arc == 6) {
            _octets(value, 16);
            f.hasInstance = true;
        } else {
            _readConfiguration(value, f);
        }
    }

    /// The eighteen fields of the TCB: most of a certificate's elements, so they are read without a cursor. Each is
    /// SEQUENCE { OID, INTEGER or OCTET STRING } of fewer than 128 octets.
    function _readTcb(Field memory value, SgxFacts memory f) private pure {
        DerLib.Cursor memory list = _inside(value);
        (uint256 pos, uint256 end) = (list.pos, list.end);
        uint256 seen;
        uint256 components;
        while (pos < end) {
            uint256 w = uint256(DerLib.word(pos));
            unchecked {
                uint256 len = (w >> 240) & 0xff;
                uint256 arc = (w >> 136) & 0xff;
                uint256 tag = (w >> 128) & 0xff;
                uint256 size = (w >> 120) & 0xff;
                // 30 len 06 0b prefix arc tag size: 17 octets.
                if (
                    w >> 248 != DerLib.SEQUENCE || (w >> 144) & type(uint96).max != TCB_FIELD || len != size + 15
                        || size > 16 || pos + 2 + len > end || arc == 0 || arc > 18 || seen & (1 << arc) != 0
                ) revert DerLib.DerMalformed(pos);
                seen |= 1 << arc;
                if (arc == 18) {
                    // CPUSVN: the components say the same.
                    if (tag != DerLib.OCTET_STRING || size != 16) revert DerLib.DerMalformed(pos);
                } else {
                    uint256 svn = DerLib.uintOf(pos + 17, size);
                    if (tag != DerLib.INTEGER || svn > (arc == 17 ? type(uint16).max : type(uint8).max)) {
                        revert DerLib.DerMalformed(pos);
                    }
                    if (arc == 17) f.pcesvn = uint16(svn);
                    else components |= svn << (8 * (16 - arc));
                }
                pos += 2 + len;
            }
        }
        if (seen != 0x7fffe) revert DerLib.DerMalformed(pos); // 1 to 18
        f.components = bytes16(uint128(components));
    }

    function _readConfiguration(Field memory value, SgxFacts memory f) private pure {
        DerLib.Cursor memory list = _inside(value);
        Field memory field;
        uint256 seen;
        f.hasConfiguration = true;
        while (list.pos < list.end) {
            uint256 arc = _readField(list, (ARC << 8) | 7, ARC_LEN + 1, 3, field);
            seen = _mark(seen, arc, field.pos);
            uint256 on = uint256(DerLib.word(field.pos)) >> 248;
            // X.690 §11.1: TRUE is all ones.
            if (field.tag != DerLib.BOOLEAN || field.len != 1 || (on != 0 && on != 0xff)) {
                revert DerLib.DerMalformed(field.pos);
            }
            if (arc == 1) f.dynamicPlatform = on != 0;
            else if (arc == 2) f.cachedKeys = on != 0;
            else f.smt = on != 0;
        }
    }

    /// SEQUENCE { OID = prefix and one arc of 1 to `last`, value }: that arc, and the one value into `out`.
    function _readField(DerLib.Cursor memory list, uint256 prefix, uint256 prefixLen, uint256 last, Field memory out)
        private
        pure
        returns (uint256 arc)
    {
        uint256 end = list.end;
        (uint256 start, uint256 len) = list.expect(DerLib.SEQUENCE);
        uint256 w = uint256(DerLib.word(start));
        unchecked {
            // All of the OID at once: 06, its length, the prefix, and that it lies inside; then the arc.
            uint256 wanted = (((DerLib.OID << 8) | (prefixLen + 1)) << (8 * prefixLen)) | prefix;
            if (w >> (256 - 8 * (prefixLen + 2)) != wanted || len < prefixLen + 3) revert DerLib.DerMalformed(start);
            arc = (w >> (256 - 8 * (prefixLen + 3))) & 0xff;
            if (arc == 0 || arc > last) revert DerLib.DerMalformed(start);
            // The value, with the list's own cursor: to where the field ends, and no further.
            list.pos = start + prefixLen + 3;
            list.end = start + len;
        }
        (out.tag, out.pos, out.len) = list.next();
        list.done();
        list.end = end;
    }

    function _inside(Field memory value) private pure returns (DerLib.Cursor memory) {
        if (value.tag != DerLib.SEQUENCE) revert DerLib.DerMalformed(value.pos);
        return DerLib.Cursor(value.pos, value.pos + value.len);
    }

    /// Each arc once.
    function _mark(uint256 seen, uint256 arc, uint256 pos) private pure returns (uint256) {
        if (seen & (1 << arc) != 0) revert DerLib.DerMalformed(pos);
        return seen | (1 << arc);
    }

    function _octets(Field memory value, uint256 size) private pure returns (bytes32) {
        if (value.tag != DerLib.OCTET_STRING || value.len != size) revert DerLib.DerMalformed(value.pos);
        return DerLib.word(value.pos);
    }
}
// forge-lint: disable-end(unsafe-typecast)
