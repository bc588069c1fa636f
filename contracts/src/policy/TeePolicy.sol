// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../access/Governed.sol";
import {Admission, ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {ClaimFlags, Claims, ITeeVerifier} from "../interfaces/ITeeVerifier.sol";
import {Image, Kind, Mode, TeeKinds} from "./TeeKinds.sol";

/// @title Which TEEs the network trusts, and with what in them
/// @notice Governance adds kinds and images. Another verifier for a kind that is in use is announced at least a day
/// before it judges, so that it can be looked at. The council can revoke an image at once; only governance takes
/// that back.
contract TeePolicy layout at erc7201("phala.TeePolicy") is Governed, ITeePolicy {
    /// Longest grace, in seconds.
    uint32 public constant GRACE_MAX_S = 7 days;
    /// Longest lease, in seconds.
    uint32 public constant LEASE_MAX_S = 90 days;
    /// A new verifier waits at least this long, in seconds …
    uint40 public constant VERIFIER_DELAY_MIN_S = 1 days;
    /// … and at most this long.
    uint40 public constant VERIFIER_DELAY_MAX_S = 7 days;
    /// Statuses that no kind can accept: UNKNOWN, REVOKED, NO_LEVEL, and what is no status.
    uint16 private constant TCB_NEVER = 0xFE01;
    /// Statuses that a renewal may have during the grace: OUT_OF_DATE, OUT_OF_DATE_CONFIG.
    uint16 private constant TCB_GRACE = 0x0060;

    struct VerifierChange {
        ITeeVerifier verifier;
        uint40 effective;
    }

    mapping(uint16 kind => Kind) private _kinds;
    mapping(bytes32 image => Image) private _images;
    mapping(uint32 id => bytes32 image) private _imageById;
    uint32 private _imageCount;
    /// What will judge a kind, and from when (Unix seconds).
    mapping(uint16 kind => VerifierChange) public nextVerifier;

    error KindExists(uint16 kind);
    error KindClosed(uint16 kind);
    /// The evidence is of `given`; it was to be of `wanted`.
    error EvidenceOfOtherKind(uint16 given, uint16 wanted);
    /// A field of the kind's rules cannot be so.
    error KindInvalid(uint16 kind, bytes32 what);
    /// Simulated evidence and kind do not match, or this is not the development chain.
    error SimulatorRefused(uint16 kind, uint256 chainId);
    error ImageUnknown(bytes32 image);
    error ImageExists(bytes32 image);
    /// All measurements are zero: that is what a debug TEE or a parser's mistake looks like.
    error ImageAllZero();
    error ImageOfOtherKind(bytes32 image, uint16 kind);
    /// Accepted only within [from, until) (Unix seconds).
    error ImageNotNow(bytes32 image, uint40 from, uint40 until);
    error ImageRevoked(bytes32 image);
    error TcbRefused(uint8 status);
    /// The grace for a security version out of date is over (Unix seconds).
    error TcbGraceOver(uint8 status, uint40 until);
    error EvalNoTooLow(uint32 evalNo, uint32 least);
    /// The evidence binds a beacon value of `evidenceTime`; it had to be used before `until` (Unix seconds).
    error EvidenceTooOld(uint40 evidenceTime, uint40 until);
    /// What the evidence was judged by is itself too old (Unix seconds).
    error CollateralTooOld(uint40 validUntil);
    /// Not announced, or not yet time (Unix seconds).
    error VerifierNotYet(uint16 kind, uint40 effective);
    error DelayOutOfRange(uint40 delayS);

    event KindSet(uint16 indexed kind, Kind rules);
    event VerifierAnnounced(uint16 indexed kind, ITeeVerifier verifier, uint40 effective);
    event VerifierChanged(uint16 indexed kind, ITeeVerifier verifier);
    event ImageAdded(uint16 indexed kind, bytes32 indexed image, uint32 id, bytes32 family, uint40 from);
    event ImageRetires(bytes32 indexed image, uint40 effective);
    event ImageRevocation(bytes32 indexed image, bool revoked);

    // Kinds

    /// @notice A kind that was not there before.
    function addKind(uint16 kind, Kind calldata rules) external restricted {
        if (_kinds[kind].mode != Mode.NONE) revert KindExists(kind);
        _setKind(kind, rules);
    }

    /// @notice Other rules for a kind. Who judges it stays: see announceVerifier.
    function setKind(uint16 kind, Kind calldata rules) external restricted {
        Kind storage old = _known(kind);
        bool same = address(rules.verifier) == address(old.verifier)
            && address(rules.committee) == address(old.committee) && rules.mode == old.mode;
        if (!same) revert KindInvalid(kind, "verifier");
        _setKind(kind, rules);
    }

    /// @notice Announce that `verifier` will judge a kind.
    /// @param delayS seconds until it can take over, between VERIFIER_DELAY_MIN_S and VERIFIER_DELAY_MAX_S
    function announceVerifier(uint16 kind, ITeeVerifier verifier, uint40 delayS) external restricted {
        _known(kind);
        if (delayS < VERIFIER_DELAY_MIN_S || delayS > VERIFIER_DELAY_MAX_S) revert DelayOutOfRange(delayS);
        if (address(verifier).code.length == 0) revert KindInvalid(kind, "verifier");
        uint40 effective = uint40(block.timestamp) + delayS;
        nextVerifier[kind] = VerifierChange(verifier, effective);
        emit VerifierAnnounced(kind, verifier, effective);
    }

    /// @notice Withdraw an announcement.
    function withdrawVerifier(uint16 kind) external restricted {
        delete nextVerifier[kind];
        emit VerifierAnnounced(kind, ITeeVerifier(address(0)), 0);
    }

    /// @notice Put an announced verifier in its place when its time has come. For anybody.
    function changeVerifier(uint16 kind) external {
        VerifierChange memory change = nextVerifier[kind];
        if (change.effective == 0 || block.timestamp < change.effective) revert VerifierNotYet(kind, change.effective);
        delete nextVerifier[kind];
        _kinds[kind].verifier = change.verifier;
        emit VerifierChanged(kind, change.verifier);
    }

    // Images

    /// @notice Accept what these measurements stand for.
    /// @param tuple what TeeImage hashes: kind of the evidence (2 bytes), then all measurements; never a part of them
    /// @param family groups the versions of one image
    /// @param from Unix seconds: accepted from then on
    function addImage(uint16 kind, bytes calldata tuple, bytes32 family, uint40 from)
        external
        restricted
        returns (bytes32 image)
    {
        _known(kind);
        if (tuple.length < 2 || _isAllZero(tuple[2:])) revert ImageAllZero();
        uint16 evidenceKind = uint16(bytes2(tuple[:2]));
        if (!TeeKinds.isSimulated(kind) && evidenceKind != kind) revert EvidenceOfOtherKind(evidenceKind, kind);
        image = keccak256(tuple);
        if (_images[image].id != 0) revert ImageExists(image);
        uint32 id = ++_imageCount;
        _images[image] = Image(kind, id, from, 0, false, family);
        _imageById[id] = image;
        emit ImageAdded(kind, image, id, family, from);
    }

    /// @notice Let an image end. Workers that run it are to renew with a newer one before.
    /// @param effective Unix seconds; 0: it stays
    function retireImage(bytes32 image, uint40 effective) external restricted {
        _knownImage(image).retireAt = effective;
        emit ImageRetires(image, effective);
    }

    /// @notice End an image now. For the council.
    function revokeImage(bytes32 image) external restricted {
        _knownImage(image).revoked = true;
        emit ImageRevocation(image, true);
    }

    /// @notice Take a revocation back. For governance.
    function restoreImage(bytes32 image) external restricted {
        _knownImage(image).revoked = false;
        emit ImageRevocation(image, false);
    }

    // Decisions

    /// @inheritdoc ITeePolicy
    function admit(uint16 kind, Claims calldata claims, uint40 evidenceTime, uint40 inOrderSince)
        external
        view
        whenNotPaused
        returns (Admission memory a)
    {
        Kind storage rules = _known(kind);
        if (!rules.open) revert KindClosed(kind);
        _checkKind(kind, claims);
        Image storage image = _currentImage(kind, claims.image);
        if (claims.evalNo < rules.minEvalNo) revert EvalNoTooLow(claims.evalNo, rules.minEvalNo);
        uint40 until = evidenceTime + rules.maxEvidenceAgeS;
        if (block.timestamp >= until) revert EvidenceTooOld(evidenceTime, until);
        a.leaseUntil = _leaseEnd(rules, claims, evidenceTime, inOrderSince == 0);
        if (image.retireAt != 0) a.leaseUntil = _least(a.leaseUntil, image.retireAt);
        a.inOrder = _isInMask(rules.tcbMask, uint8(claims.tcbStatus));
        if (!a.inOrder) {
            a.leaseUntil = _least(a.leaseUntil, _graceEnd(rules, uint8(claims.tcbStatus), inOrderSince));
        }
        a.imageId = image.id;
        a.vendor = rules.vendor;
        a.perPlatform = rules.perPlatform;
        a.attachment = rules.attachment;
    }

    /// @inheritdoc ITeePolicy
    function isAllowed(uint16 kind, bytes32 image, uint8 tcbStatus, uint32 evalNo, uint40 time)
        external
        view
        returns (bool)
    {
        Kind storage k = _kinds[kind];
        Image storage i = _images[image];
        return k.mode != Mode.NONE && k.open && i.id != 0 && i.kind == kind && !i.revoked && time >= i.from
            && (i.retireAt == 0 || time < i.retireAt) && evalNo >= k.minEvalNo && _isInMask(k.tcbMask, tcbStatus);
    }

    /// @inheritdoc ITeePolicy
    function isImageLive(uint32 id) external view returns (bool) {
        Image storage i = _images[_imageById[id]];
        return i.id != 0 && !i.revoked && (i.retireAt == 0 || block.timestamp < i.retireAt);
    }

    /// @inheritdoc ITeePolicy
    function kindOf(uint16 kind) external view returns (Kind memory) {
        return _kinds[kind];
    }

    /// @inheritdoc ITeePolicy
    function imageOf(bytes32 image) external view returns (Image memory) {
        return _images[image];
    }

    /// @inheritdoc ITeePolicy
    function imageById(uint32 id) external view returns (bytes32) {
        return _imageById[id];
    }

    /// How many images there have been; their short names are 1 … imageCount.
    function imageCount() external view returns (uint32) {
        return _imageCount;
    }

    function _setKind(uint16 kind, Kind calldata rules) private {
        if (kind == 0) revert KindInvalid(kind, "kind");
        if (TeeKinds.isSimulated(kind) && block.chainid != TeeKinds.DEVELOPMENT_CHAIN) {
            revert SimulatorRefused(kind, block.chainid);
        }
        if (rules.mode == Mode.NONE) revert KindInvalid(kind, "mode");
        if (address(rules.verifier).code.length == 0) revert KindInvalid(kind, "verifier");
        if ((rules.mode == Mode.ONCHAIN_AND_COMMITTEE) != (address(rules.committee).code.length != 0)) {
            revert KindInvalid(kind, "committee");
        }
        if (rules.perPlatform == 0) revert KindInvalid(kind, "perPlatform");
        if (rules.leaseS == 0 || rules.leaseS > LEASE_MAX_S) revert KindInvalid(kind, "leaseS");
        if (rules.tcbMask == 0 || rules.tcbMask & TCB_NEVER != 0) revert KindInvalid(kind, "tcbMask");
        if (rules.maxEvidenceAgeS == 0 || rules.maxEvidenceAgeS > rules.leaseS) {
            revert KindInvalid(kind, "maxEvidenceAgeS");
        }
        if (rules.tcbGraceS > GRACE_MAX_S) revert KindInvalid(kind, "tcbGraceS");
        _kinds[kind] = rules;
        emit KindSet(kind, rules);
    }

    function _known(uint16 kind) private view returns (Kind storage k) {
        k = _kinds[kind];
        if (k.mode == Mode.NONE) revert KindUnknown(kind);
    }

    function _knownImage(bytes32 image) private view returns (Image storage i) {
        i = _images[image];
        if (i.id == 0) revert ImageUnknown(image);
    }

    function _currentImage(uint16 kind, bytes32 image) private view returns (Image storage i) {
        i = _knownImage(image);
        if (i.kind != kind) revert ImageOfOtherKind(image, kind);
        if (i.revoked) revert ImageRevoked(image);
        if (block.timestamp < i.from || (i.retireAt != 0 && block.timestamp >= i.retireAt)) {
            revert ImageNotNow(image, i.from, i.retireAt);
        }
    }

    /// Simulated evidence belongs to the simulators' kinds and real evidence to its own, and never the other way.
    function _checkKind(uint16 kind, Claims calldata claims) private view {
        bool simulated = TeeKinds.isSimulated(kind);
        if (simulated != (claims.flags & ClaimFlags.SIMULATED != 0)) revert SimulatorRefused(kind, block.chainid);
        if (!simulated && claims.kind != kind) revert EvidenceOfOtherKind(claims.kind, kind);
    }

    /// A new worker gets no grace for its collateral.
    function _leaseEnd(Kind storage rules, Claims calldata claims, uint40 evidenceTime, bool isNew)
        private
        view
        returns (uint40)
    {
        uint40 collateralEnd = claims.validUntil + rules.tcbGraceS;
        if (block.timestamp >= (isNew ? claims.validUntil : collateralEnd)) revert CollateralTooOld(claims.validUntil);
        return _least(evidenceTime + rules.leaseS, collateralEnd);
    }

    /// Where the lease of a worker whose status is not accepted any more ends: counted from when it was, so that
    /// renewing again and again does not move it.
    function _graceEnd(Kind storage rules, uint8 status, uint40 inOrderSince) private view returns (uint40 until) {
        if (inOrderSince == 0 || !_isInMask(TCB_GRACE, status)) revert TcbRefused(status);
        until = inOrderSince + rules.leaseS + rules.tcbGraceS;
        if (block.timestamp >= until) revert TcbGraceOver(status, until);
    }

    function _isInMask(uint16 mask, uint8 status) private pure returns (bool) {
        return status < 16 && (mask >> status) & 1 != 0;
    }

    function _least(uint40 a, uint40 b) private pure returns (uint40) {
        return a < b ? a : b;
    }

    function _isAllZero(bytes calldata b) private pure returns (bool) {
        for (uint256 i = 0; i < b.length; i++) {
            if (b[i] != 0) return false;
        }
        return true;
    }
}
