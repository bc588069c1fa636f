// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vendor} from "../policy/TeeKinds.sol";

/// @notice Where a worker stands.
enum WorkerState {
    NONE,
    /// Works as long as its lease runs.
    ACTIVE,
    /// Finishes what it has, takes nothing new.
    DRAINING,
    /// Its owner took it away; slashable until `slashableUntil`.
    RETIRED,
    /// Lease over, image gone, or admitted by a false certificate.
    INVALID,
    /// Takes nothing new by its own word: it is being stopped, and says when it is back.
    RESTING
}

/// @notice A worker. Four storage slots, of which registration writes three.
struct Worker {
    /// Who runs it, is paid for it and answers for it: the operator. Never a worker's key.
    address owner;
    /// Unix seconds: what it signs counts before.
    uint40 leaseUntil;
    /// Its place in bitmaps: dense, reused when it is free again.
    uint32 index;
    /// As TeePolicy numbers them.
    uint16 kind;
    WorkerState state;
    /// Signs receipts and answers; made in the TEE and known nowhere else.
    address signKey;
    /// Unix seconds of the beacon value that the last evidence that needed no grace binds.
    uint40 attestedAt;
    /// TeePolicy's short name of what it runs.
    uint32 imageId;
    /// Which of its platform's places it has.
    uint8 slot;
    uint8 tcbStatus;
    Vendor vendor;
    /// X25519; callers encrypt to it. The same on all workers of a cluster.
    bytes32 ecdhKey;
    /// Stake behind it; 0: none.
    uint64 poolId;
    uint32 score;
    /// Unix seconds: slashable before, after it has left.
    uint40 slashableUntil;
}

/// @notice What a worker says of itself and proves with evidence.
struct Registration {
    /// Whose rules apply: TeePolicy's number.
    uint16 kind;
    /// Which of its platform's places it takes, from 0.
    uint8 slot;
    address owner;
    address signKey;
    bytes32 ecdhKey;
    /// A value of the EpochBeacon, the current one or the one before.
    bytes32 beacon;
    /// SHA-256 of the SubjectPublicKeyInfo of its TLS key.
    bytes32 tlsKeyHash;
    /// What owners of phats sign for: the address of its cluster.
    address cluster;
    /// SHA-256 of its Oblivious HTTP key configuration; 0: it has none.
    bytes32 ohttpHash;
    /// For the kind's verifier.
    bytes evidence;
    /// For the kind's committee verifier; empty unless the mode is ONCHAIN_AND_COMMITTEE.
    bytes certificate;
}

/// @notice What the key of an answer stands for.
struct Signer {
    bytes32 workerId;
    address owner;
    uint16 kind;
    uint32 imageId;
    uint8 tcbStatus;
    Vendor vendor;
    /// Its worker may sign now: in state ACTIVE, DRAINING or RESTING, lease not over, and this is its key of today.
    bool live;
    bytes32 ecdhKey;
}

/// @notice What the other contracts ask of the registry.
interface IWorkerRegistry {
    /// All zero: never registered.
    function workerOf(bytes32 id) external view returns (Worker memory);

    /// The worker whose key it is or was, also after it left; 0: nobody's.
    function idOfKey(address signKey) external view returns (bytes32);

    /// What a signature by this key is worth now; all zero: nothing.
    function signerOf(address signKey) external view returns (Signer memory);

    /// Whether new work may be given to it.
    function isLive(uint32 index) external view returns (bool);

    /// @notice The certificate over `bind` that admitted this worker, or what of `kind` is attached to it, was false.
    /// Does nothing when it has proved itself anew since.
    function strike(bytes32 id, uint16 kind, bytes32 bind) external;
}
