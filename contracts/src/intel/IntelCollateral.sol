// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../access/Governed.sol";
import {CollateralFacts, IIntelCollateral} from "../interfaces/IIntelCollateral.sol";
import {DerLib} from "../lib/DerLib.sol";
import {P256Lib} from "../lib/P256Lib.sol";
import {Cert, IntelCert} from "./IntelCert.sol";
import {Crl, IntelCrl} from "./IntelCrl.sol";
import {IntelDocs} from "./IntelDocs.sol";
import "./IntelErrors.sol";
import {IntelPck} from "./IntelPck.sol";
import {Ca, CrlState, Doc, IntelStore, Pending, Role} from "./IntelStore.sol";
import {QeIdentity} from "./QeIdentityDoc.sol";
import {SgxExtension, SgxFacts} from "./SgxExtension.sol";
import {TcbInfo} from "./TcbInfoDoc.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";

// Times end with the year 9999, so they fit 40 bits; evaluation numbers and offsets are read with a limit.
// forge-lint: disable-start(unsafe-typecast)

/// @title IntelCollateral
/// @notice See IIntelCollateral. Nothing here is anybody's to decide: what is stored, Intel signed. Governance may
/// replace the code, after the upgrade timelock; the council may stop lookups for a while.
contract IntelCollateral layout at erc7201("phala.IntelCollateral") is Governed, IIntelCollateral {
    using IntelCert for Cert;

    /// Intel SGX Root CA: the key of IntelSGXRootCA.der, which Intel publishes.
    uint256 internal constant ROOT_X = 0x0ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f5;
    uint256 internal constant ROOT_Y = 0x67918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394;
    /// The root's id; others have the hash of their certificate.
    bytes32 private constant ROOT = 0;
    uint256 private constant DEVELOPMENT_CHAIN = 31337;
    /// Returns what follows it as code: SSTORE2's eleven bytes, then the STOP that keeps it from being called.
    bytes12 private constant CODE_PREFIX = 0x600B5981380380925939F300;

    /// Reads documents: code of its own, because together it would be more than an account may hold.
    IntelDocs public immutable DOCS = new IntelDocs();

    IntelStore.Data private _data;

    // --- Certificates

    function addRoot(bytes calldata der) external {
        IntelStore.Data storage $ = _data;
        if ($.ca[ROOT].role != Role.NONE) revert RootKnown();
        Cert memory cert = IntelCert.parse(der);
        bool intels = cert.x == ROOT_X && cert.y == ROOT_Y;
        if (!intels && block.chainid != DEVELOPMENT_CHAIN) revert RootUntrusted();
        if (
            cert.cn != keccak256("Intel SGX Root CA") || cert.issuer != cert.subject || !cert.isCaProfile(1)
                || !cert.isLinked(cert.subject, cert.ski)
        ) revert RootProfile();
        if (!cert.isSignedBy(cert.x, cert.y)) revert RootSignature();
        if (cert.notBefore > block.timestamp) revert PckNotYetValid();
        if (cert.notAfter <= block.timestamp) revert PckExpired();
        _storeCa($, ROOT, cert, Role.ROOT, cert.notAfter);
        $.crl[ROOT].simulated = !intels;
        emit RootAdded(!intels);
    }

    function addCa(bytes calldata der) external returns (bytes32 id) {
        IntelStore.Data storage $ = _data;
        id = keccak256(der);
        if ($.ca[id].role != Role.NONE) return id;
        Ca storage root = _ca($, ROOT, Role.ROOT);
        Cert memory cert = IntelCert.parse(der);
        Role role = _roleOf(cert);
        bool linked = cert.isLinked(root.subject, root.ski);
        bool signed = cert.isSignedBy(root.x, root.y);
        if (role == Role.SIGNER) {
            if (!linked) revert TcbSignerLinks();
            if (!signed) revert TcbSignerSignature();
            if (cert.notBefore > block.timestamp) revert TcbSignerNotYetValid();
            if (cert.notAfter <= block.timestamp) revert TcbSignerExpired();
        } else {
            if (!linked) revert PckLinks();
            if (!signed) revert PckCaSignature();
            if (cert.notBefore > block.timestamp) revert PckNotYetValid();
            if (cert.notAfter <= block.timestamp) revert PckExpired();
        }
        _storeCa($, id, cert, role, _least(cert.notAfter, root.until));
        emit CaAdded(id, uint8(role));
    }

    function addPck(bytes32 caId, bytes calldata der) external returns (bytes32 id, bytes memory pck) {
        IntelStore.Data storage $ = _data;
        Ca storage ca = $.ca[caId];
        Role role = ca.role;
        if (role != Role.PLATFORM && role != Role.PROCESSOR) revert CaUnknown(caId);
        Cert memory cert = IntelCert.parse(der);
        if (!cert.isLeafProfile() || cert.cn != keccak256("Intel SGX PCK Certificate")) revert PckProfile();
        if (!cert.isLinked(ca.subject, ca.ski)) revert PckLinks();
        if (cert.sgxAt == 0) revert PckExtension();
        SgxFacts memory facts = SgxExtension.parse(cert.sgxAt, cert.sgxLen);
        // Platform CAs name the instance and its configuration, Processor CAs do not.
        bool platform = role == Role.PLATFORM;
        if (facts.hasInstance != platform || facts.hasConfiguration != platform) revert PckExtension();
        if (!cert.isSignedBy(ca.x, ca.y)) revert PckSignature();
        uint256 until = _least(cert.notAfter, ca.until);
        if (cert.notBefore > block.timestamp) revert PckNotYetValid();
        if (until <= block.timestamp) revert PckExpired();
        if (!P256Lib.isOnCurve(cert.x, cert.y)) revert PckProfile();
        pck = IntelPck.pack(caId, cert.x, cert.y, cert.serial, facts, until);
        id = keccak256(pck);
        if (!$.pck[id]) {
            $.pck[id] = true;
            emit PckAdded(id, pck);
        }
    }

    /// The role that name and profile give it.
    function _roleOf(Cert memory cert) private pure returns (Role role) {
        if (cert.cn == keccak256("Intel SGX PCK Platform CA")) role = Role.PLATFORM;
        else if (cert.cn == keccak256("Intel SGX PCK Processor CA")) role = Role.PROCESSOR;
        else if (cert.cn == keccak256("Intel SGX TCB Signing")) role = Role.SIGNER;
        if (role == Role.PLATFORM || role == Role.PROCESSOR) {
            if (!cert.isCaProfile(0)) revert PckCaProfile();
        } else if (role != Role.SIGNER || !cert.isLeafProfile() || cert.sgxAt != 0) {
            revert TcbSignerProfile();
        }
    }

    function _storeCa(IntelStore.Data storage $, bytes32 id, Cert memory cert, Role role, uint256 until) private {
        $.ca[id] = Ca({
            x: cert.x,
            y: cert.y,
            subject: cert.subject,
            ski: cert.ski,
            serial: uint168(cert.serial),
            until: uint40(until),
            role: role
        });
    }

    function _ca(IntelStore.Data storage $, bytes32 id, Role role) private view returns (Ca storage ca) {
        ca = $.ca[id];
        if (ca.role != role) revert CaUnknown(id);
    }

    // --- Documents

    function upsertTcbInfo(bytes32 signerId, bytes calldata body, bytes calldata signature) external {
        IntelStore.Data storage $ = _data;
        Ca storage signer = _ca($, signerId, Role.SIGNER);
        if (!_isSigned($, signer, body, signature)) revert TcbInfoSignature();
        TcbInfo memory info = DOCS.parseTcbInfo(body);
        bytes32 id = tcbInfoId(info.isTdx, info.fmspc, info.pceid);
        if (info.issued > block.timestamp) revert TcbInfoNotYetValid();
        _replace($, CollateralKind.TCB_INFO, id, signer, info.evalNo, info.issued, info.nextUpdate, info.packed);
        emit TcbInfoUpdated(id, uint32(info.evalNo), uint40(info.issued), uint40(info.nextUpdate));
    }

    function upsertQeIdentity(bytes32 signerId, bytes calldata body, bytes calldata signature) external {
        IntelStore.Data storage $ = _data;
        Ca storage signer = _ca($, signerId, Role.SIGNER);
        if (!_isSigned($, signer, body, signature)) revert QeIdentitySignature();
        QeIdentity memory qe = DOCS.parseQeIdentity(body);
        bytes32 id = qeIdentityId(qe.isTdx);
        if (qe.issued > block.timestamp) revert QeIdentityNotYetValid();
        _replace($, CollateralKind.QE_IDENTITY, id, signer, qe.evalNo, qe.issued, qe.nextUpdate, qe.packed);
        emit QeIdentityUpdated(id, uint32(qe.evalNo), uint40(qe.issued), uint40(qe.nextUpdate));
    }

    /// @notice How TCB info is named: 'T' or 'S', FMSPC, PCEID.
    function tcbInfoId(bool tdx, bytes6 fmspc, bytes2 pceid) public pure returns (bytes32) {
        return bytes32(abi.encodePacked(tdx ? bytes1("T") : bytes1("S"), fmspc, pceid));
    }

    /// @notice How a QE identity is named.
    function qeIdentityId(bool tdx) public pure returns (bytes32) {
        return tdx ? bytes32("TD_QE") : bytes32("QE");
    }

    /// By a signer that is in order now.
    function _isSigned(IntelStore.Data storage $, Ca storage signer, bytes calldata body, bytes calldata signature)
        private
        view
        returns (bool)
    {
        if (signer.until <= block.timestamp) revert TcbSignerExpired();
        if (_isOnRootList($, signer.serial)) revert TcbSignerRevoked();
        if (signature.length != 64) return false;
        uint256 r = uint256(bytes32(signature[:32]));
        uint256 s = uint256(bytes32(signature[32:]));
        return P256Lib.verify(sha256(body), r, s, signer.x, signer.y);
    }

    function _isOnRootList(IntelStore.Data storage $, uint256 serial) private view returns (bool) {
        CrlState memory list = $.crl[ROOT];
        return list.generation != 0 && _isRevoked($, list, ROOT, serial);
    }

    /// Put a document in the place of an older one, or of one whose signer was revoked since: what a stolen key signed
    /// must not stand in the way of what Intel signs next.
    function _replace(
        IntelStore.Data storage $,
        CollateralKind kind,
        bytes32 id,
        Ca storage signer,
        uint256 evalNo,
        uint256 issued,
        uint256 nextUpdate,
        bytes memory packed
    ) private {
        Doc storage doc = $.doc[id];
        uint256 oldNo = doc.evalNo;
        bool older = evalNo < oldNo || (evalNo == oldNo && issued <= doc.issued);
        if (older && !_isOnRootList($, doc.signerSerial)) {
            revert CollateralNotNewer(kind, id, oldNo, doc.issued);
        }
        if (nextUpdate <= block.timestamp) revert CollateralExpired(kind, id, nextUpdate);
        doc.packed = _keep(packed);
        doc.until = uint32(_least(nextUpdate, type(uint32).max));
        doc.signerUntil = uint32(_least(signer.until, type(uint32).max));
        doc.evalNo = uint32(evalNo);
        doc.issued = uint40(issued);
        doc.signerSerial = signer.serial;
    }

    /// Bytes as the code of an account: the same bytes once, so that a document that only has a new date is cheap.
    function _keep(bytes memory packed) private returns (address where) {
        bytes memory code = bytes.concat(CODE_PREFIX, packed);
        where = Create2.computeAddress(0, keccak256(code));
        if (where.code.length == 0) Create2.deploy(0, 0, code);
    }

    // --- Revocation lists

    function beginCrl(bytes32 issuer, bytes calldata der) external {
        IntelStore.Data storage $ = _data;
        Ca storage ca = $.ca[issuer];
        if (ca.role == Role.NONE || ca.role == Role.SIGNER) revert CaUnknown(issuer);
        Crl memory crl = IntelCrl.parse(der);
        // Names alone would let one authority's list stand for another's.
        if (crl.issuer != ca.subject || crl.aki != ca.ski) revert CrlIssuer();
        if (!P256Lib.verify(crl.tbs, crl.r, crl.s, ca.x, ca.y)) revert CrlSignature();
        if (crl.thisUpdate > block.timestamp) revert CrlNotYetValid();

        CollateralKind kind = issuer == ROOT ? CollateralKind.ROOT_CRL : CollateralKind.PCK_CRL;
        CrlState storage state = $.crl[issuer];
        Pending storage pending = $.pending[issuer];
        uint256 newest = pending.thisUpdate > state.thisUpdate ? pending.thisUpdate : state.thisUpdate;
        if (crl.thisUpdate <= newest) revert CollateralNotNewer(kind, issuer, 0, newest);
        if (crl.nextUpdate <= block.timestamp) revert CollateralExpired(kind, issuer, crl.nextUpdate);
        uint256 start = DerLib.open(der).pos;
        uint256 next = crl.entriesLen == 0 ? 0 : crl.entriesAt - start;
        uint32 generation = ++state.lastGeneration;
        $.pending[issuer] = Pending({
            der: keccak256(der),
            thisUpdate: uint40(crl.thisUpdate),
            nextUpdate: uint40(crl.nextUpdate),
            generation: generation,
            next: uint32(next),
            end: uint32(next + crl.entriesLen),
            revoked: 0
        });
        emit CrlBegun(issuer, uint40(crl.thisUpdate));
        if (crl.entriesLen == 0) _seal($, issuer, 0);
    }

    function indexCrl(bytes32 issuer, bytes calldata der, uint256 most) external returns (bool left) {
        IntelStore.Data storage $ = _data;
        Pending storage pending = $.pending[issuer];
        if (pending.der == 0 || pending.der != keccak256(der)) revert CrlNotBegun(issuer);
        uint256 start = DerLib.open(der).pos;
        DerLib.Cursor memory list = DerLib.Cursor(start + pending.next, start + pending.end);
        mapping(uint256 => uint256) storage revoked = $.revoked[issuer];
        uint256 generation = pending.generation;
        uint256 count = pending.revoked;
        for (; most > 0 && list.pos < list.end; most--) {
            revoked[IntelCrl.readEntry(list)] = generation;
            count++;
        }
        left = list.pos < list.end;
        if (left) (pending.next, pending.revoked) = (uint32(list.pos - start), uint32(count));
        else _seal($, issuer, count);
    }

    /// The list under way comes into force.
    function _seal(IntelStore.Data storage $, bytes32 issuer, uint256 count) private {
        Pending storage pending = $.pending[issuer];
        CrlState storage state = $.crl[issuer];
        state.thisUpdate = pending.thisUpdate;
        state.nextUpdate = pending.nextUpdate;
        state.generation = pending.generation;
        state.revoked = uint32(count);
        emit CrlSealed(issuer, pending.thisUpdate, pending.nextUpdate, uint32(count));
        delete $.pending[issuer];
    }

    // --- Reading

    function lookup(bytes calldata pck, bool tdx, uint256 graceS) external view returns (CollateralFacts memory facts) {
        IntelStore.Data storage $ = _data;
        bytes32 id = keccak256(pck);
        if (!$.pck[id]) revert PckUnknown(id);
        uint256 until = IntelPck.until(pck);
        if (until <= block.timestamp) revert PckExpired();

        id = IntelPck.ca(pck);
        CrlState memory crl = _crl($, CollateralKind.PCK_CRL, id, graceS);
        if (_isRevoked($, crl, id, IntelPck.serial(pck))) revert PckRevoked();
        until = _least(until, crl.nextUpdate);
        crl = _crl($, CollateralKind.ROOT_CRL, ROOT, graceS);
        if (crl.revoked > 0 && _isRevoked($, crl, ROOT, $.ca[id].serial)) revert PckCaRevoked();
        facts.validUntil = uint40(_least(until, crl.nextUpdate));
        facts.simulated = crl.simulated;

        bytes8 family = IntelPck.family(pck);
        facts.evalNo = type(uint32).max;
        id = tcbInfoId(tdx, bytes6(family), bytes2(family << 48));
        facts.tcbInfo = _useDoc($, CollateralKind.TCB_INFO, id, crl, graceS, facts);
        facts.qeIdentity = _useDoc($, CollateralKind.QE_IDENTITY, qeIdentityId(tdx), crl, graceS, facts);
    }

    function isIndexing(bytes32 issuer) external view returns (bool) {
        return _data.pending[issuer].der != 0;
    }

    function simulated() external view returns (bool) {
        if (_data.ca[ROOT].role == Role.NONE) revert CaUnknown(ROOT);
        return _data.crl[ROOT].simulated;
    }

    /// A document that is there, fresh, and whose signer is in order: narrows the facts by it.
    function _useDoc(
        IntelStore.Data storage $,
        CollateralKind kind,
        bytes32 id,
        CrlState memory rootCrl,
        uint256 graceS,
        CollateralFacts memory facts
    ) private view returns (address packed) {
        Doc storage doc = $.doc[id];
        packed = doc.packed;
        if (packed == address(0)) revert CollateralMissing(kind, id);
        uint256 until = doc.until;
        if (until + graceS <= block.timestamp) revert CollateralExpired(kind, id, until);
        uint256 signerUntil = doc.signerUntil;
        if (signerUntil <= block.timestamp) revert TcbSignerExpired();
        if (rootCrl.revoked > 0 && _isRevoked($, rootCrl, ROOT, doc.signerSerial)) revert TcbSignerRevoked();
        facts.validUntil = uint40(_least(facts.validUntil, _least(until, signerUntil)));
        facts.evalNo = uint32(_least(facts.evalNo, doc.evalNo));
    }

    /// The list in force.
    function _crl(IntelStore.Data storage $, CollateralKind kind, bytes32 issuer, uint256 graceS)
        private
        view
        returns (CrlState memory state)
    {
        state = $.crl[issuer];
        if (state.generation == 0) revert CollateralMissing(kind, issuer);
        if (state.nextUpdate + graceS <= block.timestamp) revert CollateralExpired(kind, issuer, state.nextUpdate);
    }

    /// Named by the list in force, or by one under way.
    function _isRevoked(IntelStore.Data storage $, CrlState memory state, bytes32 issuer, uint256 serial)
        private
        view
        returns (bool)
    {
        return $.revoked[issuer][serial] >= state.generation;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
// forge-lint: disable-end(unsafe-typecast)
