// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../lib/DerLib.sol";
import {IntelCert} from "./IntelCert.sol";

/// @notice What a revocation list claims. Names and key identifiers as in Cert.
struct Crl {
    bytes32 tbs; // SHA-256 of what the signature covers
    uint256 r;
    uint256 s;
    bytes32 issuer;
    bytes32 aki;
    uint256 thisUpdate; // Unix seconds
    uint256 nextUpdate;
    uint256 entriesAt; // revokedCertificates, from the list's first byte on
    uint256 entriesLen; // 0: nothing is revoked
}

/// @title Complete X.509 v2 revocation lists of Intel's PKI
/// @notice The rules of src/attest/crl.c; delta and indirect lists are refused by their critical extensions.
/// Entries are read one by one with readEntry, so that a long list takes several transactions.
/// Source: RFC 5280 §5.
library IntelCrl {
    using DerLib for DerLib.Cursor;

    uint256 internal constant MAX_LEN = 1024 * 1024;
    uint256 private constant CRL_NUMBER = 0x551d14;
    uint256 private constant REASON = 0x551d15;
    uint256 private constant INVALIDITY_DATE = 0x551d18;
    uint256 private constant AKI = 0x551d23;

    function parse(bytes calldata der) internal pure returns (Crl memory crl) {
        if (der.length > MAX_LEN) revert IntelCert.CertUnsupported(der.length);
        DerLib.Cursor memory c = DerLib.open(der);
        DerLib.Cursor memory outer = c.enter(DerLib.SEQUENCE);
        c.done();
        uint256 start = outer.pos;
        DerLib.Cursor memory tbs = outer.enter(DerLib.SEQUENCE);
        crl.tbs = sha256(DerLib.view_(start, outer.pos - start));
        _readTbs(tbs, crl);
        IntelCert.readSignatureAlgorithm(outer);
        (crl.r, crl.s) = IntelCert.readSignature(outer);
        outer.done();
    }

    /// @notice Cut one entry off: the serial that it revokes.
    function readEntry(DerLib.Cursor memory list) internal pure returns (uint256 serial) {
        DerLib.Cursor memory entry = list.enter(DerLib.SEQUENCE);
        serial = entry.readUint();
        entry.readTime();
        if (entry.pos < entry.end) {
            DerLib.Cursor memory exts = entry.enter(DerLib.SEQUENCE);
            if (exts.pos == exts.end) revert DerLib.DerMalformed(exts.pos);
            while (exts.pos < exts.end) {
                (uint256 oidAt, uint256 oidLen,,, bool critical) = IntelCert.readExtension(exts);
                uint256 arcs = oidLen == 3 ? uint256(DerLib.word(oidAt)) >> 232 : 0;
                if (critical && arcs != REASON && arcs != INVALIDITY_DATE) revert IntelCert.CertUnsupported(oidAt);
            }
        }
        entry.done();
    }

    function _readTbs(DerLib.Cursor memory tbs, Crl memory crl) private pure {
        if (tbs.readUint() != 1) revert IntelCert.CertUnsupported(tbs.pos); // v2
        IntelCert.readSignatureAlgorithm(tbs);
        crl.issuer = IntelCert.readIssuer(tbs);
        crl.thisUpdate = tbs.readTime();
        crl.nextUpdate = tbs.readTime();
        if (tbs.peek(DerLib.SEQUENCE)) {
            (crl.entriesAt, crl.entriesLen) = tbs.expect(DerLib.SEQUENCE);
            // RFC 5280 §5.1.2.6: absent when nothing is revoked.
            if (crl.entriesLen == 0) revert DerLib.DerMalformed(crl.entriesAt);
        }
        _readExtensions(tbs, crl);
        tbs.done();
    }

    function _readExtensions(DerLib.Cursor memory tbs, Crl memory crl) private pure {
        DerLib.Cursor memory wrap = tbs.enter(0xa0);
        DerLib.Cursor memory list = wrap.enter(DerLib.SEQUENCE);
        wrap.done();
        bool hasNumber;
        while (list.pos < list.end) {
            (uint256 oidAt, uint256 oidLen, uint256 pos, uint256 len, bool critical) = IntelCert.readExtension(list);
            uint256 arcs = oidLen == 3 ? uint256(DerLib.word(oidAt)) >> 232 : 0;
            if (arcs == CRL_NUMBER) {
                if (hasNumber) revert DerLib.DerMalformed(pos);
                DerLib.Cursor memory number = DerLib.Cursor(pos, pos + len);
                number.readUint();
                number.done();
                hasNumber = true;
            } else if (arcs == AKI) {
                if (crl.aki != 0) revert DerLib.DerMalformed(pos);
                crl.aki = IntelCert.readAki(pos, len);
            } else if (critical) {
                revert IntelCert.CertUnsupported(pos);
            }
        }
        // RFC 5280 §5.2.1, §5.2.3: both are required.
        if (!hasNumber || crl.aki == 0) revert DerLib.DerMalformed(list.pos);
    }
}
