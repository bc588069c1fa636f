// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CollateralFacts, IIntelCollateral} from "../interfaces/IIntelCollateral.sol";
import {ClaimFlags, Claims, ITeeVerifier, TcbStatus, TeeKind} from "../interfaces/ITeeVerifier.sol";
import {P256Lib} from "../lib/P256Lib.sol";
import {TeeImage} from "../lib/TeeImage.sol";
import "./IntelErrors.sol";
import {IntelPck} from "./IntelPck.sol";
import {IntelQuote, QuoteParts} from "./IntelQuote.sol";
import {IsvLevel, TcbMatch, TcbResult} from "./TcbMatch.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

// Casts cut words of a quote, or hold what was read from fewer bits.
// forge-lint: disable-start(unsafe-typecast)

/// @title DcapVerifier
/// @notice Judges Intel quotes (TDX v4 and v5; SGX v3, v4 and v5) with the rules, reason codes and verdicts of
/// src/attest/intel, and that verifier's builtin policy but for the status, which the claims tell: debug off,
/// SEPT_VE_DISABLE on, not migratable, no service TD, a measurement that is not zero.
///
/// Evidence is `pck | quote`: 176 bytes that IntelCollateral.addPck gave for the platform, then the quote up to its
/// certification data. PCK certificates travel once, to addPck, not with each quote.
///
/// Not here, beside the C verifier: advisory ids (they are not kept) and platform instance ids.
contract DcapVerifier is ITeeVerifier {
    using Memory for *;

    /// Seconds that verifyRenewal may let collateral outlive its nextUpdate, at most.
    uint256 public constant MAX_GRACE_S = 7 days;

    /// More grace than there is (seconds).
    error GraceTooLong(uint256 most);

    uint256 private constant DEBUG = 1 << 0;
    uint256 private constant SEPT_VE_DISABLE = 1 << 28;
    uint256 private constant MIGRATABLE = 1 << 29;
    uint256 private constant PKS = 1 << 30;
    uint256 private constant PERFMON = 1 << 63;

    IIntelCollateral public immutable COLLATERAL;

    constructor(IIntelCollateral collateral) {
        COLLATERAL = collateral;
    }

    /// @inheritdoc ITeeVerifier
    function verify(bytes calldata evidence, bytes32 bind) external view returns (Claims memory) {
        return _verify(evidence, bind, 0);
    }

    /// @notice The same with grace, for workers that were accepted before: revocation lists, TCB info and QE identity
    /// count for `graceS` seconds after their nextUpdate. Claims.validUntil may then be in the past.
    function verifyRenewal(bytes calldata evidence, bytes32 bind, uint256 graceS)
        external
        view
        returns (Claims memory)
    {
        if (graceS > MAX_GRACE_S) revert GraceTooLong(MAX_GRACE_S);
        return _verify(evidence, bind, graceS);
    }

    function _verify(bytes calldata evidence, bytes32 bind, uint256 graceS)
        private
        view
        returns (Claims memory claims)
    {
        if (evidence.length < IntelPck.LEN) revert QuoteTruncated();
        bytes calldata pck = evidence[:IntelPck.LEN];
        bytes calldata quote = evidence[IntelPck.LEN:];
        QuoteParts memory p = IntelQuote.parse(quote);
        CollateralFacts memory facts = COLLATERAL.lookup(pck, p.isTdx, graceS);

        IsvLevel memory qe = _checkQuotingEnclave(pck, quote, p, facts.qeIdentity);
        _checkQuoteSignature(quote, p);
        _judgeTcb(pck, quote, p, facts.tcbInfo, qe, claims);
        _checkBody(quote, p, bind, claims);

        claims.platformId = keccak256(abi.encodePacked("phala.platform.intel", IntelPck.ppid(pck)));
        claims.flags |= _platformFlags(pck);
        if (facts.simulated) claims.flags |= ClaimFlags.SIMULATED;
        claims.evalNo = facts.evalNo;
        claims.evidenceTime = uint40(block.timestamp);
        claims.validUntil = facts.validUntil;
    }

    // --- Who signed it

    /// The PCK vouches for the quoting enclave's report, which is the one that Intel describes, and the report for the
    /// attestation key.
    function _checkQuotingEnclave(bytes calldata pck, bytes calldata quote, QuoteParts memory p, address identity)
        private
        view
        returns (IsvLevel memory)
    {
        uint256 end = p.qeReport + IntelQuote.SGX_LEN;
        bytes calldata report = quote[p.qeReport:end];
        (uint256 x, uint256 y) = IntelPck.key(pck);
        if (!_isSigned(report, quote[end:end + 64], x, y)) revert QeReportSignature();
        bytes32 binding = sha256(bytes.concat(quote[p.key:p.key + 64], quote[p.qeAuth:]));
        if (bytes32(report[320:352]) != binding) revert QeReportData();
        if (bytes32(report[352:384]) != 0) revert QeReportDataTail();

        Memory.Slice id = _doc(identity);
        bytes32 head = id.load(0); // miscselect 4, mask 4, attributes 16, first half of their mask
        bytes16 mask = bytes16(id.load(24));
        bytes16 attributes = bytes16(report[48:64]);
        if (attributes[0] & 0x02 != 0) revert QeDebug();
        if ((bytes4(report[16:20]) ^ bytes4(head)) & bytes4(head << 32) != 0) revert QeMiscselect();
        if ((attributes ^ bytes16(head << 64)) & mask != 0) revert QeAttributes();
        if (bytes32(report[128:160]) != id.load(40)) revert QeMrsigner();
        if (IntelQuote.u16(report, 256) != uint256(id.load(72)) >> 240) revert QeIsvprodid();
        return TcbMatch.isvLevel(id, 74, IntelQuote.u16(report, 258));
    }

    function _checkQuoteSignature(bytes calldata quote, QuoteParts memory p) private view {
        uint256 x = uint256(bytes32(quote[p.key:p.key + 32]));
        uint256 y = uint256(bytes32(quote[p.key + 32:p.key + 64]));
        uint256 signature = p.signedEnd + 4;
        if (!_isSigned(quote[:p.signedEnd], quote[signature:signature + 64], x, y)) revert QuoteSignature();
    }

    function _isSigned(bytes calldata message, bytes calldata signature, uint256 x, uint256 y)
        private
        view
        returns (bool)
    {
        uint256 r = uint256(bytes32(signature[:32]));
        uint256 s = uint256(bytes32(signature[32:64]));
        return P256Lib.verify(sha256(message), r, s, x, y);
    }

    // --- What the TCB is worth

    function _judgeTcb(
        bytes calldata pck,
        bytes calldata quote,
        QuoteParts memory p,
        address tcbInfo,
        IsvLevel memory qe,
        Claims memory claims
    ) private view {
        Memory.Slice info = _doc(tcbInfo);
        TcbResult memory tcb = p.isTdx
            ? _judgeTd(pck, quote[p.body:p.signedEnd], p.hasTd15, info, qe)
            : TcbMatch.evaluate(info, _svns(pck, 0), IntelPck.pcesvn(pck), 0, qe);
        if (tcb.status == TcbStatus.NO_LEVEL) revert TcbNoLevel();
        if (!tcb.known || !TcbMatch.isKnown(qe.status)) revert TcbComponentStatus();
        if (tcb.worse) revert TcbCurrentWorse();
        if (tcb.status == TcbStatus.REVOKED) revert TcbRevoked();
        claims.tcbStatus = tcb.status;
        claims.tcbDate = uint40(tcb.date);
    }

    /// The TDX module, and the TCB at launch and now.
    function _judgeTd(bytes calldata pck, bytes calldata body, bool hasTd15, Memory.Slice info, IsvLevel memory qe)
        private
        pure
        returns (TcbResult memory launch)
    {
        uint256 pcesvn = IntelPck.pcesvn(pck);
        bytes16 svns = bytes16(body[0:16]);
        launch = TcbMatch.evaluate(info, _svns(pck, svns), pcesvn, _checkModule(info, body, svns), qe);
        if (!hasTd15) return launch;
        svns = bytes16(body[584:600]);
        TcbResult memory current = TcbMatch.evaluate(info, _svns(pck, svns), pcesvn, _checkModule(info, body, svns), qe);
        // The status now may be better than at launch, never worse: the enum gets worse as it goes on.
        launch.worse = current.status > launch.status;
        launch.status = TcbMatch.relaunch(launch.status, current.status);
        launch.known = launch.known && current.known;
        if (current.date < launch.date) launch.date = current.date;
    }

    /// The module is the one that these SVNs select: its signer and attributes.
    /// @return module where its identity is; 0: a module without version
    function _checkModule(Memory.Slice info, bytes calldata body, bytes16 svns) private pure returns (uint256 module) {
        uint256 version = uint8(svns[1]);
        if (version != 0) {
            module = TcbMatch.findModule(info, version);
            if (module == 0) revert TdxModuleIdentity();
        }
        uint256 pos = module == 0 ? TcbMatch.defaultModule(info) : module + 1;
        bytes32 rest = info.load(pos + 32); // mrsigner's end 16, attributes 8, mask 8
        if (bytes32(body[64:96]) != info.load(pos) || bytes16(body[96:112]) != bytes16(rest)) revert TdxModuleSigner();
        bytes8 attributes = bytes8(body[112:120]);
        if (attributes != 0 || bytes8(rest << 128) & bytes8(rest << 192) != 0) revert TdxModuleAttributes();
    }

    /// Component SVNs of the PCK and of the TD, as TcbMatch takes them.
    function _svns(bytes calldata pck, bytes16 td) private pure returns (uint256) {
        return (uint256(uint128(IntelPck.components(pck))) << 128) | uint128(td);
    }

    /// What IntelCollateral keeps as code, behind one byte.
    function _doc(address where) private view returns (Memory.Slice) {
        return where.code.asSlice().slice(1);
    }

    // --- What it says

    function _checkBody(bytes calldata quote, QuoteParts memory p, bytes32 bind, Claims memory claims) private pure {
        bytes calldata body = quote[p.body:p.signedEnd];
        if (p.isTdx) {
            _checkReportData(body[520:584], bind);
            claims.flags = _checkTd(body, p.hasTd15);
            claims.kind = TeeKind.TDX;
            claims.image = TeeImage.tdx(body);
        } else {
            _checkReportData(body[320:384], bind);
            if (body[48] & 0x02 != 0) revert PolicyDebug();
            if (bytes32(body[64:96]) == 0) revert ImageZero();
            claims.kind = TeeKind.SGX;
            claims.image = TeeImage.sgx(body);
        }
    }

    function _checkTd(bytes calldata body, bool hasTd15) private pure returns (uint32 flags) {
        uint256 attributes = IntelQuote.u32(body, 120) | (IntelQuote.u32(body, 124) << 32);
        if (attributes & DEBUG != 0) revert PolicyDebug();
        if (attributes & SEPT_VE_DISABLE == 0) revert PolicySeptVe();
        if (attributes & MIGRATABLE != 0) revert PolicyMigratable();
        if (hasTd15 && (bytes32(body[600:632]) != 0 || bytes16(body[632:648]) != 0)) revert PolicyServiceTd();
        if (bytes32(body[136:168]) == 0 && bytes16(body[168:184]) == 0) revert ImageZero();
        if (attributes & PKS != 0) flags |= ClaimFlags.TD_PKS;
        if (attributes & PERFMON != 0) flags |= ClaimFlags.TD_PERFMON;
    }

    function _checkReportData(bytes calldata reportData, bytes32 bind) internal pure virtual {
        if (bytes32(reportData[:32]) != bind || bytes32(reportData[32:]) != 0) revert ReportDataMismatch();
    }

    function _platformFlags(bytes calldata pck) private pure returns (uint32 flags) {
        uint256 bits = IntelPck.flags(pck);
        if (bits & IntelPck.DYNAMIC_PLATFORM != 0) flags |= ClaimFlags.DYNAMIC_PLATFORM;
        if (bits & IntelPck.CACHED_KEYS != 0) flags |= ClaimFlags.CACHED_KEYS;
        if (bits & IntelPck.SMT != 0) flags |= ClaimFlags.SMT;
    }
}
// forge-lint: disable-end(unsafe-typecast)
