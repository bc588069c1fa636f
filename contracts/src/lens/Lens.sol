// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../access/EpochBeacon.sol";
import {PhatAnchor} from "../anchor/PhatAnchor.sol";
import {VerifierCommittee} from "../committee/VerifierCommittee.sol";
import {ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {Worker} from "../interfaces/IWorkerRegistry.sol";
import {Image} from "../policy/TeeKinds.sol";
import {WorkerRegistry} from "../worker/WorkerRegistry.sol";

/// @title Everything a node asks at once
/// @notice Views that read many contracts in one call, for a node that polls. It holds nothing and is trusted with
/// nothing: a newer one replaces it at another address.
contract Lens {
    /// Most entries of one answer.
    uint32 public constant PAGE_MAX = 500;

    WorkerRegistry public immutable registry;
    ITeePolicy public immutable policy;
    EpochBeacon public immutable beacon;
    VerifierCommittee public immutable committee;
    PhatAnchor public immutable anchor;

    /// @notice What a worker needs to know of itself and of the network.
    struct WorkerStatus {
        /// Of this block, in Unix seconds.
        uint40 time;
        uint64 blockNumber;
        /// What new evidence is to bind …
        bytes32 beacon;
        /// … rolled then (Unix seconds); it can be rolled anew at beaconDue.
        uint40 beaconTime;
        uint40 beaconDue;
        /// 0: the key is nobody's yet.
        bytes32 id;
        Worker worker;
        /// Evidence that the worker made now would be taken for its image.
        bool imageLive;
        bytes32 image;
        uint40 imageRetireAt;
        /// Whether it sits on the newest committee.
        uint64 committee;
        bool committeeMember;
        /// Wei that its owner can take out of the anchor.
        uint256 ownerCreditWei;
        /// Unix seconds; 0 or the past: not paused.
        uint40 registryPausedUntil;
        uint40 anchorPausedUntil;
        uint64 requestCount;
    }

    /// @notice A worker as others see it.
    struct WorkerEntry {
        bytes32 id;
        Worker worker;
        bool live;
    }

    constructor(WorkerRegistry registry_, VerifierCommittee committee_, PhatAnchor anchor_) {
        registry = registry_;
        policy = registry_.policy();
        beacon = registry_.beacon();
        committee = committee_;
        anchor = anchor_;
    }

    /// @param signKey the worker's key
    function statusOf(address signKey) external view returns (WorkerStatus memory s) {
        s.time = uint40(block.timestamp);
        s.blockNumber = uint64(block.number);
        s.beacon = beacon.current();
        s.beaconTime = beacon.currentTime();
        s.beaconDue = s.beaconTime + beacon.EPOCH_S();
        s.id = registry.idOfKey(signKey);
        s.worker = registry.workerOf(s.id);
        s.image = policy.imageById(s.worker.imageId);
        Image memory image = policy.imageOf(s.image);
        s.imageLive = policy.isImageLive(s.worker.imageId);
        s.imageRetireAt = image.retireAt;
        s.committee = committee.currentSet();
        s.committeeMember = committee.isMember(s.committee, signKey);
        s.ownerCreditWei = anchor.creditOf(s.worker.owner);
        s.registryPausedUntil = registry.pausedUntil();
        s.anchorPausedUntil = anchor.pausedUntil();
        s.requestCount = anchor.requestCount();
    }

    /// @notice Workers by index, [from, from + count) as far as there are; free indices are left out.
    /// @param count at most PAGE_MAX
    function workers(uint32 from, uint32 count) external view returns (WorkerEntry[] memory page) {
        if (count > PAGE_MAX) count = PAGE_MAX;
        uint32 end = registry.indexCount();
        if (from > end) from = end;
        if (end - from > count) end = from + count;
        uint256 found = 0;
        for (uint32 i = from; i < end; i++) {
            if (registry.idAt(i) != 0) found++;
        }
        page = new WorkerEntry[](found);
        found = 0;
        for (uint32 i = from; i < end; i++) {
            bytes32 id = registry.idAt(i);
            if (id != 0) page[found++] = WorkerEntry(id, registry.workerOf(id), registry.isLive(i));
        }
    }

    /// @notice What is stored of requests: the hash of the terms of each that is open, 0 of those that are done.
    function commitments(uint64[] calldata ids) external view returns (bytes32[] memory stored) {
        stored = new bytes32[](ids.length);
        for (uint256 i = 0; i < ids.length; i++) {
            stored[i] = anchor.commitmentOf(ids[i]);
        }
    }
}
