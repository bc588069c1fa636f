// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../lib/DerLib.sol";
import {P256Lib} from "../lib/P256Lib.sol";

/// @notice What a certificate claims. Names and key identifiers are keccak-256 of their raw bytes; 0: absent.
struct Cert {
    bytes32 tbs; // SHA-256 of what the signature covers
    uint256 r;
    uint256 s;
    uint256 x;
    uint256 y;
    uint256 serial;
    bytes32 issuer;
    bytes32 subject;
    bytes32 cn;
    bytes32 aki;
    bytes32 ski;
    uint256 notBefore; // Unix seconds
    uint256 notAfter;
    bool isCa;
    bool hasConstraints;
    uint256 pathLen; // NO_PATH_LEN: absent
    uint256 keyUsage; // its one octet; 0: absent
    uint256 sgxAt; // contents of Intel's extension; 0: absent
    uint256 sgxLen;
}

/// @title X.509 v3 as Intel's attestation PKI uses it
/// @notice The rules of src/attest/x509.c under ph_x509_profile_intel: P-256 and ECDSA with SHA-256 only, every
/// extension that matters once and critical where Intel makes it so, unknown critical ones refused.
/// Source: RFC 5280 §4; Intel SGX PCK Certificate and CRL Profile Specification §1.3.
library IntelCert {
    using DerLib for DerLib.Cursor;

    /// An algorithm, version or critical extension that Intel's certificates do not use.
    error CertUnsupported(uint256 pos);

    uint256 internal constant MAX_LEN = 16 * 1024;
    uint256 internal constant NO_PATH_LEN = type(uint256).max;
    /// digitalSignature and nonRepudiation; keyCertSign and cRLSign.
    uint256 internal constant USAGE_LEAF = 0xc0;
    uint256 internal constant USAGE_CA = 0x06;

    bytes32 private constant ECDSA_SHA256 = bytes32(bytes8(0x2a8648ce3d040302));
    bytes32 private constant EC_KEY = bytes32(bytes7(0x2a8648ce3d0201));
    bytes32 private constant P256 = bytes32(bytes8(0x2a8648ce3d030107));
    bytes32 private constant SGX = bytes32(bytes9(0x2a864886f84d010d01));
    // 2.5.29.n and 2.5.4.3, as three octets.
    uint256 private constant SKI = 0x551d0e;
    uint256 private constant KEY_USAGE = 0x551d0f;
    uint256 private constant CONSTRAINTS = 0x551d13;
    uint256 private constant CRL_POINTS = 0x551d1f;
    uint256 private constant AKI = 0x551d23;
    uint256 private constant COMMON_NAME = 0x550403;

    function parse(bytes calldata der) internal pure returns (Cert memory cert) {
        if (der.length > MAX_LEN) revert CertUnsupported(der.length);
        DerLib.Cursor memory c = DerLib.open(der);
        DerLib.Cursor memory outer = c.enter(DerLib.SEQUENCE);
        c.done();
        uint256 start = outer.pos;
        DerLib.Cursor memory tbs = outer.enter(DerLib.SEQUENCE);
        cert.tbs = sha256(DerLib.view_(start, outer.pos - start));
        _readTbs(tbs, cert);
        readSignatureAlgorithm(outer);
        (cert.r, cert.s) = readSignature(outer);
        outer.done();
    }

    /// @notice Whether the key of `issuer` signed `cert`.
    function isSignedBy(Cert memory cert, uint256 x, uint256 y) internal view returns (bool) {
        return P256Lib.verify(cert.tbs, cert.r, cert.s, x, y);
    }

    /// @notice A CA with this path length, and nothing else.
    function isCaProfile(Cert memory cert, uint256 pathLen) internal pure returns (bool) {
        return cert.isCa && cert.pathLen == pathLen && cert.keyUsage == USAGE_CA && cert.sgxAt == 0;
    }

    function isLeafProfile(Cert memory cert) internal pure returns (bool) {
        return cert.hasConstraints && !cert.isCa && cert.keyUsage == USAGE_LEAF;
    }

    /// @notice Issuer name and key identifiers point at an issuer with this name and key identifier.
    function isLinked(Cert memory cert, bytes32 subject, bytes32 ski) internal pure returns (bool) {
        return cert.issuer == subject && cert.aki != 0 && cert.aki == ski && cert.ski != 0;
    }

    /// @notice The AlgorithmIdentifier of ECDSA with SHA-256; RFC 5758 §3.2: no parameters.
    function readSignatureAlgorithm(DerLib.Cursor memory c) internal pure {
        DerLib.Cursor memory alg = c.enter(DerLib.SEQUENCE);
        (uint256 pos, uint256 len) = alg.expect(DerLib.OID);
        if (!DerLib.isBytes(pos, len, ECDSA_SHA256, 8)) revert CertUnsupported(pos);
        alg.done();
    }

    /// @notice BIT STRING of SEQUENCE { r, s }.
    function readSignature(DerLib.Cursor memory c) internal pure returns (uint256 r, uint256 s) {
        (uint256 pos, uint256 len) = c.readBits();
        DerLib.Cursor memory bits = DerLib.Cursor(pos, pos + len);
        DerLib.Cursor memory pair = bits.enter(DerLib.SEQUENCE);
        bits.done();
        r = pair.readUint();
        s = pair.readUint();
        pair.done();
    }

    /// @notice One Extension: where its OID and the contents of its value are.
    function readExtension(DerLib.Cursor memory list)
        internal
        pure
        returns (uint256 oidAt, uint256 oidLen, uint256 pos, uint256 len, bool critical)
    {
        DerLib.Cursor memory ext = list.enter(DerLib.SEQUENCE);
        (oidAt, oidLen) = ext.expect(DerLib.OID);
        if (ext.peek(DerLib.BOOLEAN)) {
            critical = ext.readBool();
            if (!critical) revert DerLib.DerMalformed(oidAt); // X.690 §11.5: a default is not encoded
        }
        (pos, len) = ext.expect(DerLib.OCTET_STRING);
        ext.done();
    }

    /// @notice AuthorityKeyIdentifier with a keyIdentifier alone, as Intel writes it: its keccak-256.
    function readAki(uint256 pos, uint256 len) internal pure returns (bytes32) {
        DerLib.Cursor memory c = DerLib.Cursor(pos, pos + len);
        DerLib.Cursor memory seq = c.enter(DerLib.SEQUENCE);
        c.done();
        (pos, len) = seq.expect(0x80);
        seq.done();
        if (len == 0) revert DerLib.DerMalformed(pos);
        return keccak256(DerLib.view_(pos, len));
    }

    /// @notice A Name that is to be compared with one that readName has read: keccak-256 of its bytes.
    function readIssuer(DerLib.Cursor memory c) internal pure returns (bytes32) {
        uint256 start = c.pos;
        c.expect(DerLib.SEQUENCE);
        return keccak256(DerLib.view_(start, c.pos - start));
    }

    /// @notice A Name: keccak-256 of its bytes, and of its one commonName.
    function readName(DerLib.Cursor memory c) internal pure returns (bytes32 whole, bytes32 cn) {
        uint256 start = c.pos;
        DerLib.Cursor memory name = c.enter(DerLib.SEQUENCE);
        whole = keccak256(DerLib.view_(start, c.pos - start));
        while (name.pos < name.end) {
            DerLib.Cursor memory rdn = name.enter(DerLib.SET);
            if (rdn.pos == rdn.end) revert DerLib.DerMalformed(rdn.pos);
            while (rdn.pos < rdn.end) {
                DerLib.Cursor memory pair = rdn.enter(DerLib.SEQUENCE);
                (uint256 oidAt, uint256 oidLen) = pair.expect(DerLib.OID);
                (uint256 tag, uint256 pos, uint256 len) = pair.next();
                pair.done();
                if (_arcs(oidAt, oidLen) != COMMON_NAME) continue;
                if (cn != 0 || (tag != DerLib.UTF8_STRING && tag != DerLib.PRINTABLE_STRING)) {
                    revert DerLib.DerMalformed(pos);
                }
                cn = keccak256(DerLib.view_(pos, len));
            }
        }
        if (cn == 0) revert DerLib.DerMalformed(start);
    }

    function _readTbs(DerLib.Cursor memory tbs, Cert memory cert) private pure {
        DerLib.Cursor memory version = tbs.enter(0xa0);
        if (version.readUint() != 2) revert CertUnsupported(version.pos);
        version.done();
        _readSerial(tbs, cert);
        readSignatureAlgorithm(tbs);
        cert.issuer = readIssuer(tbs);
        DerLib.Cursor memory validity = tbs.enter(DerLib.SEQUENCE);
        cert.notBefore = validity.readTime();
        cert.notAfter = validity.readTime();
        validity.done();
        (cert.subject, cert.cn) = readName(tbs);
        _readKey(tbs, cert);
        _readExtensions(tbs, cert);
        tbs.done(); // unique identifiers, [1] and [2], are refused by now
    }

    /// RFC 5280 §4.1.2.2: positive, at most 20 octets.
    function _readSerial(DerLib.Cursor memory tbs, Cert memory cert) private pure {
        (uint256 pos, uint256 len) = tbs.expect(DerLib.INTEGER);
        cert.serial = DerLib.uintOf(pos, len);
        if (cert.serial == 0 || len > 21) revert DerLib.DerMalformed(pos);
    }

    function _readKey(DerLib.Cursor memory tbs, Cert memory cert) private pure {
        DerLib.Cursor memory spki = tbs.enter(DerLib.SEQUENCE);
        DerLib.Cursor memory alg = spki.enter(DerLib.SEQUENCE);
        (uint256 pos, uint256 len) = alg.expect(DerLib.OID);
        if (!DerLib.isBytes(pos, len, EC_KEY, 7)) revert CertUnsupported(pos);
        (pos, len) = alg.expect(DerLib.OID);
        if (!DerLib.isBytes(pos, len, P256, 8)) revert CertUnsupported(pos);
        alg.done();
        (pos, len) = spki.readBits();
        spki.done();
        // Uncompressed points only.
        if (len != 65 || uint256(DerLib.word(pos)) >> 248 != 4) revert CertUnsupported(pos);
        cert.x = uint256(DerLib.word(pos + 1));
        cert.y = uint256(DerLib.word(pos + 33));
    }

    function _readExtensions(DerLib.Cursor memory tbs, Cert memory cert) private pure {
        DerLib.Cursor memory wrap = tbs.enter(0xa3);
        DerLib.Cursor memory list = wrap.enter(DerLib.SEQUENCE);
        wrap.done();
        if (list.pos == list.end) revert DerLib.DerMalformed(list.pos);
        cert.pathLen = NO_PATH_LEN;
        while (list.pos < list.end) {
            (uint256 oidAt, uint256 oidLen, uint256 pos, uint256 len, bool critical) = readExtension(list);
            uint256 arcs = _arcs(oidAt, oidLen);
            if (arcs == KEY_USAGE) {
                if (cert.keyUsage != 0 || !critical) revert DerLib.DerMalformed(pos);
                cert.keyUsage = _readKeyUsage(pos, len);
            } else if (arcs == CONSTRAINTS) {
                if (cert.hasConstraints || !critical) revert DerLib.DerMalformed(pos);
                _readConstraints(pos, len, cert);
            } else if (arcs == SKI) {
                if (cert.ski != 0) revert DerLib.DerMalformed(pos);
                cert.ski = _readOctets(pos, len);
            } else if (arcs == AKI) {
                if (cert.aki != 0) revert DerLib.DerMalformed(pos);
                cert.aki = readAki(pos, len);
            } else if (DerLib.isBytes(oidAt, oidLen, SGX, 9)) {
                if (cert.sgxAt != 0 || len == 0) revert DerLib.DerMalformed(pos);
                (cert.sgxAt, cert.sgxLen) = (pos, len);
            } else if (critical && arcs != CRL_POINTS) {
                revert CertUnsupported(pos);
            }
        }
    }

    /// X.690 §11.2.2: a named bit list ends at its last one bit. One octet holds every bit used.
    function _readKeyUsage(uint256 pos, uint256 len) private pure returns (uint256 bits) {
        DerLib.Cursor memory c = DerLib.Cursor(pos, pos + len);
        (pos, len) = c.expect(DerLib.BIT_STRING);
        c.done();
        uint256 unused = uint256(DerLib.word(pos)) >> 248;
        bits = (uint256(DerLib.word(pos)) >> 240) & 0xff;
        if (len != 2 || unused > 7 || bits & (1 << unused) == 0 || bits & ((1 << unused) - 1) != 0) {
            revert DerLib.DerMalformed(pos);
        }
    }

    function _readConstraints(uint256 pos, uint256 len, Cert memory cert) private pure {
        DerLib.Cursor memory c = DerLib.Cursor(pos, pos + len);
        DerLib.Cursor memory seq = c.enter(DerLib.SEQUENCE);
        c.done();
        cert.hasConstraints = true;
        if (seq.peek(DerLib.BOOLEAN)) {
            cert.isCa = seq.readBool();
            if (!cert.isCa) revert DerLib.DerMalformed(pos); // X.690 §11.5
        }
        if (cert.isCa && seq.peek(DerLib.INTEGER)) {
            cert.pathLen = seq.readUint();
            if (cert.pathLen > type(uint64).max) revert DerLib.DerMalformed(pos);
        }
        seq.done();
    }

    function _readOctets(uint256 pos, uint256 len) private pure returns (bytes32) {
        DerLib.Cursor memory c = DerLib.Cursor(pos, pos + len);
        (pos, len) = c.expect(DerLib.OCTET_STRING);
        c.done();
        if (len == 0) revert DerLib.DerMalformed(pos);
        return keccak256(DerLib.view_(pos, len));
    }

    /// The octets of an OID of three; 0: it has another length.
    function _arcs(uint256 pos, uint256 len) private pure returns (uint256) {
        return len == 3 ? uint256(DerLib.word(pos)) >> 232 : 0;
    }
}
