// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Why Intel evidence or collateral is refused. Each error is a reason code of the C verifier
// (src/attest/intel/intel_checks.h, where the remedy is, too) in capital letters: pck-ca-signature is
// PckCaSignature(). Codes that a caller repairs by sending something name it.

/// What Intel signs, as CollateralMissing and CollateralExpired name it, and its `id`.
enum CollateralKind {
    /// id: 0
    ROOT_CRL,
    /// id: the PCK CA's certificate
    PCK_CRL,
    /// id: IntelCollateral.tcbInfoId
    TCB_INFO,
    /// id: IntelCollateral.qeIdentityId
    QE_IDENTITY
}

/// tcb-info-absent, qe-identity-absent, root-crl-absent, pck-crl-absent: send it, then try again.
error CollateralMissing(CollateralKind kind, bytes32 id);
/// tcb-info-expired, qe-identity-expired, root-crl-expired, pck-crl-expired: it was valid before `until` (Unix
/// seconds): send a new one, then try again.
error CollateralExpired(CollateralKind kind, bytes32 id, uint256 until);
/// What is stored is as new, or newer: (evaluation number, date of issue in Unix seconds).
error CollateralNotNewer(CollateralKind kind, bytes32 id, uint256 evalNo, uint256 issued);
/// The PCK of the evidence is unknown: send its certificate to IntelCollateral.addPck. pck-absent
error PckUnknown(bytes32 id);
/// The certificate that signed it is unknown, or of another role: send it to IntelCollateral.addCa.
error CaUnknown(bytes32 id);

// Quote
error QuoteTruncated();
error QuoteVersion();
error QuoteKeyType();
error QuoteTeeType();
error QuoteVendor();
error QuoteBodyType();
error QuoteAuthLength();
error QuoteOuterType();
error QuoteSignature();
error ReportDataMismatch();
error ImageZero();

// Certificates
/// The root's certificate was given already.
error RootKnown();
error RootUntrusted();
error RootProfile();
error RootSignature();
error PckCaProfile();
error PckCaSignature();
error PckProfile();
error PckLinks();
error PckExtension();
error PckSignature();
error PckNotYetValid();
error PckExpired();
error PckRevoked();
error PckCaRevoked();
error TcbSignerProfile();
error TcbSignerLinks();
error TcbSignerSignature();
error TcbSignerNotYetValid();
error TcbSignerExpired();
error TcbSignerRevoked();

// Documents and lists
error TcbInfoSignature();
error TcbInfoVersion();
error TcbInfoId();
error TcbInfoNotYetValid();
error QeIdentitySignature();
error QeIdentityVersion();
error QeIdentityId();
error QeIdentityNotYetValid();
error CrlIssuer();
error CrlSignature();
error CrlNotYetValid();
/// No indexing of this list is under way.
error CrlNotBegun(bytes32 issuer);

// Quoting enclave
error QeReportSignature();
error QeReportData();
error QeReportDataTail();
error QeMiscselect();
error QeAttributes();
error QeDebug();
error QeMrsigner();
error QeIsvprodid();

// TDX module and TCB
error TdxModuleIdentity();
error TdxModuleSigner();
error TdxModuleAttributes();
error TcbNoLevel();
error TcbComponentStatus();
error TcbCurrentWorse();
error TcbRevoked();

// What makes a genuine enclave or TD worthless
error PolicyDebug();
error PolicySeptVe();
error PolicyMigratable();
error PolicyServiceTd();
