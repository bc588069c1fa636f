// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../access/EpochBeacon.sol";
import {Governed} from "../access/Governed.sol";
import {Admission, ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {ClaimFlags, Claims} from "../interfaces/ITeeVerifier.sol";
import {IWorkerRegistry, Registration, Signer, Worker, WorkerState} from "../interfaces/IWorkerRegistry.sol";
import {WorkerBind} from "../lib/WorkerBind.sol";
import {Kind, Mode} from "../policy/TeeKinds.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title The workers of the network
/// @notice A worker enters with evidence that its keys were made in a TEE that runs an accepted image, and with its
/// owner's consent. It stays for a lease, and renews with fresh evidence; a key that was good once is not good for
/// ever. One platform has as many workers as the policy says: a worker's id is its platform and its place there.
///
/// Anybody may carry these messages: what counts is evidence and signatures.
contract WorkerRegistry layout at erc7201("phala.WorkerRegistry") is EIP712, Governed, IWorkerRegistry {
    /// Seconds after leaving, or after a key was replaced, in which what was signed can still be punished.
    uint40 public constant SLASH_WINDOW_S = 14 days;

    bytes32 private constant REGISTER_TYPE =
        keccak256("Register(uint16 kind,uint8 slot,address signKey,uint256 nonce,uint256 deadline)");
    bytes32 private constant ROTATE_TYPE = keccak256("RotateKey(bytes32 workerId,address newKey,bytes32 beacon)");
    bytes32 private constant REST_TYPE = keccak256("Rest(bytes32 workerId,address carrier)");
    bytes32 private constant WAKE_TYPE = keccak256("Wake(bytes32 workerId,address carrier)");

    ITeePolicy public immutable policy;
    EpochBeacon public immutable beacon;

    // These lie beside the authority, in its slot.
    uint24 private _indexCount;
    uint24 private _freeCount;

    mapping(bytes32 id => Worker) private _workers;
    mapping(address signKey => bytes32 id) private _idOfKey;
    mapping(uint256 index => bytes32 id) private _idAt;
    mapping(uint256 n => uint32 index) private _free;
    /// Unix seconds: signatures of a key that was replaced can be punished before.
    mapping(address signKey => uint40) public keySlashableUntil;
    /// What the certificate bound that admitted a worker, or what is attached to it, last; 0: none was needed.
    mapping(bytes32 id => mapping(uint16 kind => bytes32 bind)) public certificateOf;
    /// Images under which nobody is live: TeePolicy's word, as of the last syncImage.
    mapping(uint32 imageId => bool) public imageEnded;
    /// Unix seconds: until when an attachment (a GPU) of that kind is attested.
    mapping(bytes32 id => mapping(uint16 kind => uint40)) public attachedUntil;
    /// The worker beside which a device (a GPU) was attested last.
    mapping(bytes32 platformId => bytes32 id) public attachedTo;
    /// What an owner's consent to a key is to name: counts up when the owner takes consent back.
    mapping(address owner => mapping(address signKey => uint256)) public consentNonce;

    error WorkerUnknown(bytes32 id);
    /// The worker's state does not allow it.
    error WorkerIs(bytes32 id, WorkerState state);
    /// Only the worker's owner may.
    error NotOwner(bytes32 id, address caller);
    /// The owner neither sent nor signed it.
    error OwnerSignatureInvalid(address owner);
    /// The owner's signature was to be used before (Unix seconds).
    error SignatureExpired(uint256 deadline);
    /// The worker's key did not sign, or for another sender.
    error WorkerSignatureInvalid(address signKey);
    /// The key that is replaced did not sign.
    error OldKeySignatureInvalid(address oldKey);
    /// A key that was a worker's stays that worker's: it answers for what it signed.
    error KeyTaken(address signKey, bytes32 id);
    /// The worker's key is the operator's, or an operator's address a worker's key.
    error KeyNotSeparate(address key);
    /// The platform has fewer places.
    error SlotOutOfRange(uint8 slot, uint8 perPlatform);
    /// The evidence is of another worker, or of another kind, than the message names.
    error EvidenceOfOther(bytes32 id);
    /// Verifier and committee do not say the same.
    error ClaimsDiffer();
    /// This kind is an addition to a worker, or is none.
    error AttachmentMismatch(uint16 kind);
    /// The device is attested beside another worker, whose attachment is not over.
    error AttachedElsewhere(bytes32 id);
    /// The mode of the kind wants a certificate, or wants none.
    error CertificateMismatch(uint16 kind);
    /// Its lease runs and its image is accepted.
    error StillValid(bytes32 id, uint40 leaseUntil);

    event Registered(
        bytes32 indexed id,
        address indexed owner,
        address indexed signKey,
        uint16 kind,
        uint32 index,
        uint40 leaseUntil,
        bytes32 ecdhKey,
        bytes32 platformId,
        address cluster
    );
    event Renewed(bytes32 indexed id, uint40 leaseUntil, uint40 attestedAt, uint32 imageId, bytes32 ecdhKey);
    event KeyRotated(bytes32 indexed id, address indexed oldKey, address indexed newKey);
    event StateChanged(bytes32 indexed id, WorkerState state);
    event ConsentWithdrawn(address indexed owner, address indexed signKey);
    event Attached(bytes32 indexed id, uint16 indexed kind, bytes32 platformId, uint40 until);
    event ImageSynced(uint32 indexed imageId, bool ended);
    event PoolBound(bytes32 indexed id, uint64 poolId, uint32 score);

    constructor(ITeePolicy policy_, EpochBeacon beacon_) EIP712("PhalaWorkerRegistry", "1") {
        policy = policy_;
        beacon = beacon_;
    }

    // Coming, staying, going

    /// @notice Enter a worker, or enter one again that has left. The owner's consent names the worker's key, and no
    /// evidence: with it a worker that fell out comes back by itself.
    /// @param deadline Unix seconds: the owner's signature holds before
    /// @param ownerSignature over Register (EIP-712; ERC-1271 for contracts); empty when the owner sends this itself
    function register(Registration calldata r, uint256 deadline, bytes calldata ownerSignature)
        external
        whenNotPaused
        returns (bytes32 id)
    {
        _checkOwner(r, deadline, ownerSignature);
        (Claims memory claims, Admission memory a, uint40 madeAfter) = _admit(r, 0);
        if (a.attachment) revert AttachmentMismatch(r.kind);
        if (r.slot >= a.perPlatform) revert SlotOutOfRange(r.slot, a.perPlatform);
        id = idOf(claims.platformId, r.slot);
        _checkVacant(id, _workers[id], r.owner);
        _takeKey(r.signKey, r.owner, id);
        uint32 index = _takeIndex(id);
        _enter(id, index, r, claims, a, madeAfter);
        _recordCertificate(id, r, claims);
        _announce(id, index, r, a.leaseUntil, claims.platformId);
    }

    /// @notice Prove again that all is well. The key that callers encrypt to may be another one.
    function renew(bytes32 id, Registration calldata r) external whenNotPaused {
        Worker storage w = _activeOrDraining(id);
        if (r.signKey != w.signKey) revert EvidenceOfOther(id);
        _prove(id, w, r);
    }

    /// @notice Replace a worker's key. The old one answers for what it signed for SLASH_WINDOW_S longer.
    /// @param r of the new key
    /// @param oldKeySignature over RotateKey (EIP-712)
    function rotateKey(bytes32 id, Registration calldata r, bytes calldata oldKeySignature) external whenNotPaused {
        Worker storage w = _activeOrDraining(id);
        address oldKey = w.signKey;
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(ROTATE_TYPE, id, r.signKey, r.beacon)));
        if (!SignatureChecker.isValidSignatureNow(oldKey, digest, oldKeySignature)) {
            revert OldKeySignatureInvalid(oldKey);
        }
        if (r.signKey == oldKey) revert KeyTaken(oldKey, id);
        _prove(id, w, r);
        _takeKey(r.signKey, r.owner, id);
        w.signKey = r.signKey;
        keySlashableUntil[oldKey] = uint40(block.timestamp) + SLASH_WINDOW_S;
        emit KeyRotated(id, oldKey, r.signKey);
    }

    /// @notice Record that a device which is no worker of its own, a GPU, is attested beside a worker.
    function attach(bytes32 id, Registration calldata r) external whenNotPaused {
        Worker storage w = _activeOrDraining(id);
        if (r.signKey != w.signKey || r.owner != w.owner || r.ecdhKey != w.ecdhKey) revert EvidenceOfOther(id);
        (Claims memory claims, Admission memory a,) = _admit(r, 0);
        if (!a.attachment) revert AttachmentMismatch(r.kind);
        bytes32 other = attachedTo[claims.platformId];
        bool elsewhere = other != 0 && other != id && block.timestamp < attachedUntil[other][r.kind];
        if (elsewhere && _isActive(_workers[other].state)) revert AttachedElsewhere(other);
        attachedTo[claims.platformId] = id;
        _recordCertificate(id, r, claims);
        attachedUntil[id][r.kind] = a.leaseUntil;
        emit Attached(id, r.kind, claims.platformId, a.leaseUntil);
    }

    /// @notice Finish what there is and take nothing new, until the owner revives it.
    function drain(bytes32 id) external {
        Worker storage w = _activeOrDraining(id);
        _checkCallerOwns(id, w);
        if (w.state == WorkerState.DRAINING) revert WorkerIs(id, w.state);
        _set(id, w, WorkerState.DRAINING);
    }

    /// @notice Take new work again.
    function revive(bytes32 id) external {
        Worker storage w = _activeOrDraining(id);
        _checkCallerOwns(id, w);
        if (w.state == WorkerState.ACTIVE) revert WorkerIs(id, w.state);
        _set(id, w, WorkerState.ACTIVE);
    }

    /// @notice The worker itself takes nothing new: it is being stopped.
    /// @param signature the worker's key over Rest (EIP-712), for this sender
    function rest(bytes32 id, bytes calldata signature) external {
        _setByWorker(id, WorkerState.ACTIVE, WorkerState.RESTING, REST_TYPE, signature);
    }

    /// @notice The worker itself is back. It cannot undo what its owner did.
    /// @param signature the worker's key over Wake (EIP-712), for this sender
    function wake(bytes32 id, bytes calldata signature) external {
        _setByWorker(id, WorkerState.RESTING, WorkerState.ACTIVE, WAKE_TYPE, signature);
    }

    /// @notice Take consent to a key back, before the worker is in or after. For its owner.
    function withdrawConsent(address signKey) external {
        _withdrawConsent(msg.sender, signKey);
    }

    /// @notice Leave. The worker can be punished for SLASH_WINDOW_S longer, and needs new consent to come back.
    function retire(bytes32 id) external {
        Worker storage w = _activeOrDraining(id);
        _checkCallerOwns(id, w);
        _withdrawConsent(w.owner, w.signKey);
        _end(id, w, WorkerState.RETIRED);
    }

    /// @notice End a worker whose lease is over or whose image is accepted no more. For anybody.
    function invalidate(bytes32 id) external {
        Worker storage w = _activeOrDraining(id);
        if (block.timestamp < w.leaseUntil && policy.isImageLive(w.imageId)) revert StillValid(id, w.leaseUntil);
        _end(id, w, WorkerState.INVALID);
    }

    /// @notice Take over from TeePolicy whether an image is accepted: all workers that run a revoked one end with this
    /// one call, and `invalidate` tidies them up later. For anybody.
    function syncImage(uint32 imageId) external {
        bool ended = !policy.isImageLive(imageId);
        imageEnded[imageId] = ended;
        emit ImageSynced(imageId, ended);
    }

    /// @inheritdoc IWorkerRegistry
    function strike(bytes32 id, uint16 kind, bytes32 bind) external restricted {
        if (bind == 0 || certificateOf[id][kind] != bind) return;
        delete certificateOf[id][kind];
        Worker storage w = _workers[id];
        if (kind != w.kind) {
            attachedUntil[id][kind] = 0;
            emit Attached(id, kind, 0, 0);
        } else if (_isActive(w.state)) {
            _end(id, w, WorkerState.INVALID);
        }
    }

    /// @notice Say which stake is behind a worker. For the contracts that keep it.
    function bindPool(bytes32 id, uint64 poolId, uint32 score) external restricted {
        Worker storage w = _workers[id];
        if (w.state == WorkerState.NONE) revert WorkerUnknown(id);
        w.poolId = poolId;
        w.score = score;
        emit PoolBound(id, poolId, score);
    }

    // Reading

    /// The worker in a place of a platform.
    function idOf(bytes32 platformId, uint8 slot) public pure returns (bytes32) {
        return keccak256(abi.encode(platformId, slot));
    }

    /// What evidence must bind for this registration (the first half of report data).
    function bindOf(Registration calldata r) external view returns (bytes32) {
        return WorkerBind.bind(r, address(this));
    }

    /// @inheritdoc IWorkerRegistry
    function workerOf(bytes32 id) external view returns (Worker memory) {
        return _workers[id];
    }

    /// @inheritdoc IWorkerRegistry
    function idOfKey(address signKey) external view returns (bytes32) {
        return _idOfKey[signKey];
    }

    /// @inheritdoc IWorkerRegistry
    function signerOf(address signKey) external view returns (Signer memory s) {
        bytes32 id = _idOfKey[signKey];
        if (id == 0) return s;
        Worker storage w = _workers[id];
        s.workerId = id;
        s.owner = w.owner;
        s.kind = w.kind;
        s.imageId = w.imageId;
        s.tcbStatus = w.tcbStatus;
        s.vendor = w.vendor;
        s.ecdhKey = w.ecdhKey;
        s.live = _isActive(w.state) && block.timestamp < w.leaseUntil && w.signKey == signKey && !imageEnded[w.imageId];
    }

    /// @inheritdoc IWorkerRegistry
    function isLive(uint32 index) external view returns (bool) {
        Worker storage w = _workers[_idAt[index]];
        return w.state == WorkerState.ACTIVE && block.timestamp < w.leaseUntil && !imageEnded[w.imageId];
    }

    /// The worker at an index; 0: none.
    function idAt(uint32 index) external view returns (bytes32) {
        return _idAt[index];
    }

    /// Indices in use are below.
    function indexCount() external view returns (uint32) {
        return _indexCount;
    }

    // Evidence

    /// Have evidence judged, and ask the policy whether what it proves is enough.
    function _admit(Registration calldata r, uint40 inOrderSince)
        private
        returns (Claims memory claims, Admission memory a, uint40 madeAfter)
    {
        madeAfter = beacon.timeOf(r.beacon);
        bytes32 bound = WorkerBind.bind(r, address(this));
        Kind memory kind = policy.kindOf(r.kind);
        if (kind.mode == Mode.NONE) revert ITeePolicy.KindUnknown(r.kind);
        if ((kind.mode == Mode.ONCHAIN_AND_COMMITTEE) != (r.certificate.length != 0)) {
            revert CertificateMismatch(r.kind);
        }
        claims = inOrderSince == 0
            ? kind.verifier.verify(r.evidence, bound)
            : kind.verifier.verifyRenewal(r.evidence, bound, kind.tcbGraceS);
        if (kind.mode == Mode.ONCHAIN_AND_COMMITTEE) _second(claims, kind.committee.verify(r.certificate, bound));
        a = policy.admit(r.kind, claims, madeAfter, inOrderSince);
    }

    /// Two judges must have seen the same; the shorter validity counts.
    function _second(Claims memory claims, Claims memory other) private pure {
        bool same = other.kind == claims.kind && other.image == claims.image && other.platformId == claims.platformId
            && other.tcbStatus == claims.tcbStatus;
        if (!same) revert ClaimsDiffer();
        if (other.validUntil < claims.validUntil) claims.validUntil = other.validUntil;
        claims.flags |= other.flags;
    }

    /// Remember what a committee's certificate was about, so that it can be struck if the certificate was false.
    function _recordCertificate(bytes32 id, Registration calldata r, Claims memory claims) private {
        if (claims.flags & ClaimFlags.COMMITTEE != 0) certificateOf[id][r.kind] = WorkerBind.bind(r, address(this));
    }

    /// Renewal: the same machine, owner and kind.
    function _prove(bytes32 id, Worker storage w, Registration calldata r) private {
        if (r.kind != w.kind || r.owner != w.owner || r.slot != w.slot) revert EvidenceOfOther(id);
        (Claims memory claims, Admission memory a, uint40 madeAfter) = _admit(r, w.attestedAt);
        if (idOf(claims.platformId, r.slot) != id) revert EvidenceOfOther(id);
        // An older piece of evidence than the last one says nothing new.
        if (madeAfter < w.attestedAt) revert EvidenceOfOther(id);
        _recordCertificate(id, r, claims);
        w.leaseUntil = a.leaseUntil;
        if (a.inOrder) w.attestedAt = madeAfter;
        w.imageId = a.imageId;
        w.tcbStatus = uint8(claims.tcbStatus);
        if (w.ecdhKey != r.ecdhKey) w.ecdhKey = r.ecdhKey;
        emit Renewed(id, a.leaseUntil, w.attestedAt, a.imageId, r.ecdhKey);
    }

    // States

    function _enter(
        bytes32 id,
        uint32 index,
        Registration calldata r,
        Claims memory claims,
        Admission memory a,
        uint40 madeAfter
    ) private {
        Worker storage w = _workers[id];
        w.owner = r.owner;
        w.leaseUntil = a.leaseUntil;
        w.index = index;
        w.kind = r.kind;
        w.state = WorkerState.ACTIVE;
        w.signKey = r.signKey;
        w.attestedAt = madeAfter;
        w.imageId = a.imageId;
        w.slot = r.slot;
        w.tcbStatus = uint8(claims.tcbStatus);
        w.vendor = a.vendor;
        w.ecdhKey = r.ecdhKey;
    }

    function _announce(bytes32 id, uint32 index, Registration calldata r, uint40 leaseUntil, bytes32 platformId)
        private
    {
        emit Registered(id, r.owner, r.signKey, r.kind, index, leaseUntil, r.ecdhKey, platformId, r.cluster);
    }

    function _checkVacant(bytes32 id, Worker storage w, address owner) private view {
        WorkerState state = w.state;
        if (state == WorkerState.NONE) return;
        bool left = state == WorkerState.RETIRED || state == WorkerState.INVALID;
        if (!left || (w.owner != owner && block.timestamp < w.slashableUntil)) revert WorkerIs(id, state);
    }

    function _activeOrDraining(bytes32 id) private view returns (Worker storage w) {
        w = _workers[id];
        if (w.state == WorkerState.NONE) revert WorkerUnknown(id);
        if (!_isActive(w.state)) revert WorkerIs(id, w.state);
    }

    function _isActive(WorkerState state) private pure returns (bool) {
        return state == WorkerState.ACTIVE || state == WorkerState.DRAINING || state == WorkerState.RESTING;
    }

    function _set(bytes32 id, Worker storage w, WorkerState state) private {
        w.state = state;
        emit StateChanged(id, state);
    }

    /// The signature names who carries it, so that nobody else can use it again.
    function _setByWorker(bytes32 id, WorkerState from, WorkerState to, bytes32 typeHash, bytes calldata signature)
        private
    {
        Worker storage w = _activeOrDraining(id);
        if (w.state != from) revert WorkerIs(id, w.state);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(typeHash, id, msg.sender)));
        if (!SignatureChecker.isValidSignatureNow(w.signKey, digest, signature)) {
            revert WorkerSignatureInvalid(w.signKey);
        }
        _set(id, w, to);
    }

    function _end(bytes32 id, Worker storage w, WorkerState state) private {
        w.state = state;
        w.slashableUntil = uint40(block.timestamp) + SLASH_WINDOW_S;
        _free[_freeCount++] = w.index;
        delete _idAt[w.index];
        emit StateChanged(id, state);
    }

    // Keys and places

    function _checkOwner(Registration calldata r, uint256 deadline, bytes calldata signature) private view {
        if (msg.sender == r.owner) return;
        if (block.timestamp >= deadline) revert SignatureExpired(deadline);
        bytes32 digest = _hashTypedDataV4(
            keccak256(abi.encode(REGISTER_TYPE, r.kind, r.slot, r.signKey, consentNonce[r.owner][r.signKey], deadline))
        );
        if (!SignatureChecker.isValidSignatureNow(r.owner, digest, signature)) revert OwnerSignatureInvalid(r.owner);
    }

    function _checkCallerOwns(bytes32 id, Worker storage w) private view {
        if (msg.sender != w.owner) revert NotOwner(id, msg.sender);
    }

    function _withdrawConsent(address owner, address signKey) private {
        consentNonce[owner][signKey]++;
        emit ConsentWithdrawn(owner, signKey);
    }

    function _takeKey(address signKey, address owner, bytes32 id) private {
        if (signKey == owner || signKey == address(0)) revert KeyNotSeparate(signKey);
        if (_idOfKey[owner] != 0) revert KeyNotSeparate(owner);
        bytes32 taken = _idOfKey[signKey];
        if (taken == id) return;
        if (taken != 0) revert KeyTaken(signKey, taken);
        _idOfKey[signKey] = id;
    }

    function _takeIndex(bytes32 id) private returns (uint32 index) {
        index = _freeCount == 0 ? _indexCount++ : _free[--_freeCount];
        _idAt[index] = id;
    }
}
