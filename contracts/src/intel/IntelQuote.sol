// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import "./IntelErrors.sol";

/// @notice Where the parts of a quote are: offsets in its bytes. The certification data at its end, which names the
/// PCK, is not part of evidence.
struct QuoteParts {
    bool isTdx;
    bool hasTd15; // a second TCB and a service TD
    uint256 body;
    uint256 signedEnd; // the attestation key signed all before
    uint256 key; // x | y
    uint256 qeReport;
    uint256 qeAuth; // to the end
}

/// @title Intel quotes: TDX v4 and v5, SGX v3, v4 and v5
/// @notice The rules of src/attest/intel/quote.c, over a quote that ends where its certification data begins: the
/// lengths that it states must leave room for certification data of any size and for nothing else.
/// Source: Intel TDX DCAP Quoting Library API, A.3; Intel SGX ECDSA QuoteLibReference DCAP API, A.4.
library IntelQuote {
    uint256 internal constant HEADER_LEN = 48;
    uint256 internal constant SGX_LEN = 384;
    uint256 internal constant TD10_LEN = 584;
    uint256 internal constant TD15_LEN = 648;
    uint256 internal constant TD15EX_LEN = 885;
    bytes16 private constant INTEL = 0x939a7233f79c4ca9940a0db3957f0607;
    // Type and length of certification data.
    uint256 private constant CERT_HEAD_LEN = 6;

    function parse(bytes calldata q) internal pure returns (QuoteParts memory p) {
        if (q.length < HEADER_LEN) revert QuoteTruncated();
        uint256 version = u16(q, 0);
        if (version < 3 || version > 5) revert QuoteVersion();
        if (u16(q, 2) != 2) revert QuoteKeyType(); // ECDSA P-256
        uint256 tee = u32(q, 4);
        if (tee == 0x81 && version >= 4) p.isTdx = true;
        else if (tee != 0) revert QuoteTeeType();
        if (bytes16(q[12:28]) != INTEL) revert QuoteVendor();

        uint256 bodyLen;
        (p.body, bodyLen) = _body(q, version, p);
        p.signedEnd = p.body + bodyLen;
        _auth(q, version, p);
    }

    function u16(bytes calldata q, uint256 pos) internal pure returns (uint256) {
        return uint256(uint8(q[pos])) | (uint256(uint8(q[pos + 1])) << 8);
    }

    function u32(bytes calldata q, uint256 pos) internal pure returns (uint256) {
        return u16(q, pos) | (u16(q, pos + 2) << 16);
    }

    /// Versions 3 and 4 have one body for each TEE; version 5 names it.
    function _body(bytes calldata q, uint256 version, QuoteParts memory p)
        private
        pure
        returns (uint256 pos, uint256 len)
    {
        if (version != 5) return (HEADER_LEN, p.isTdx ? TD10_LEN : SGX_LEN);
        if (q.length < HEADER_LEN + 6) revert QuoteTruncated();
        uint256 kind = u16(q, HEADER_LEN);
        len = kind == 1 ? SGX_LEN : kind == 2 ? TD10_LEN : kind == 3 ? TD15_LEN : kind == 4 ? TD15EX_LEN : 0;
        if (len == 0 || u32(q, HEADER_LEN + 2) != len) revert QuoteBodyType();
        if ((kind == 1) == p.isTdx) revert QuoteTeeType();
        p.hasTd15 = kind >= 3;
        return (HEADER_LEN + 6, len);
    }

    /// Length, signature, key, in versions 4 and 5 a type and a length, QE report, its signature, QE auth data.
    function _auth(bytes calldata q, uint256 version, QuoteParts memory p) private pure {
        uint256 start = p.signedEnd + 4;
        p.key = start + 64;
        p.qeReport = p.key + 64 + (version >= 4 ? CERT_HEAD_LEN : 0);
        uint256 authLenAt = p.qeReport + SGX_LEN + 64;
        p.qeAuth = authLenAt + 2;
        if (q.length < p.qeAuth) revert QuoteTruncated();
        if (q.length != p.qeAuth + u16(q, authLenAt)) revert QuoteAuthLength();
        // Everything stated but not here is certification data.
        uint256 end = start + u32(q, p.signedEnd);
        if (end <= q.length + CERT_HEAD_LEN) revert QuoteAuthLength();
        if (version >= 4) {
            uint256 outer = p.key + 64;
            if (u16(q, outer) != 6) revert QuoteOuterType();
            if (p.qeReport + u32(q, outer + 2) != end) revert QuoteAuthLength();
        }
    }
}
