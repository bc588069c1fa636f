// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../src/access/EpochBeacon.sol";
import {Governed} from "../src/access/Governed.sol";
import {ITeePolicy} from "../src/interfaces/ITeePolicy.sol";
import {Claims, TcbStatus} from "../src/interfaces/ITeeVerifier.sol";
import {Registration, Signer, Worker, WorkerState} from "../src/interfaces/IWorkerRegistry.sol";
import {Kind, Mode, Vendor} from "../src/policy/TeeKinds.sol";
import {TeePolicy} from "../src/policy/TeePolicy.sol";
import {WorkerRegistry} from "../src/worker/WorkerRegistry.sol";
import {FakeVerifier} from "./lib/FakeVerifier.sol";
import {NetworkTest} from "./lib/NetworkTest.sol";

contract WorkerRegistryTest is NetworkTest {
    uint256 private constant KEY = 0x1234;
    uint256 private constant NEW_KEY = 0x5678;
    bytes32 private constant PLATFORM = keccak256("a machine");

    function _registration() private view returns (Registration memory) {
        return registrationOf(KIND, ownerOf(KEY), vm.addr(KEY));
    }

    function _good() private view returns (Registration memory) {
        return withEvidence(_registration(), claimsOf(PLATFORM));
    }

    function _register(Registration memory r) private returns (bytes32) {
        vm.prank(r.owner);
        return net.registry.register(r, 0, "");
    }

    function _refuse(Registration memory r, bytes memory why) private {
        vm.expectRevert(why);
        vm.prank(r.owner);
        net.registry.register(r, 0, "");
    }

    function _state(bytes32 id) private view returns (uint256) {
        return uint256(net.registry.workerOf(id).state);
    }

    // Entering

    function test_a_worker_with_evidence_enters() public {
        Registration memory r = _good();
        bytes32 id = _register(r);
        Worker memory w = net.registry.workerOf(id);
        vm.assertEq(id, net.registry.idOf(PLATFORM, 0));
        vm.assertEq(w.owner, r.owner);
        vm.assertEq(w.signKey, r.signKey);
        vm.assertEq(w.ecdhKey, r.ecdhKey);
        vm.assertEq(w.leaseUntil, START + LEASE_S);
        vm.assertEq(w.attestedAt, START);
        vm.assertEq(w.imageId, 1);
        vm.assertEq(uint256(w.vendor), uint256(Vendor.INTEL));
        vm.assertTrue(net.registry.isLive(w.index));
        vm.assertEq(net.registry.idAt(w.index), id);
        vm.assertEq(net.registry.idOfKey(r.signKey), id);
        Signer memory s = net.registry.signerOf(r.signKey);
        vm.assertTrue(s.live);
        vm.assertEq(s.workerId, id);
        vm.assertEq(s.owner, r.owner);
        vm.assertEq(s.ecdhKey, r.ecdhKey);
    }

    function test_the_bind_hash_is_that_of_the_c_node() public {
        Registration memory r = _registration();
        bytes32 nonce = sha256(abi.encodePacked("phala.bind.v2", r.beacon, r.tlsKeyHash, r.cluster));
        bytes memory rest = abi.encodePacked(address(net.registry), r.signKey, r.ecdhKey, r.owner);
        bytes32 bound = sha256(abi.encodePacked("phala.worker.v1", uint256(31337), rest, nonce));
        vm.assertEq(net.registry.bindOf(r), bound);
        r.ohttpHash = keccak256("keys");
        nonce = sha256(abi.encodePacked("phala.bind.v3", r.beacon, r.tlsKeyHash, r.cluster, r.ohttpHash));
        bound = sha256(abi.encodePacked("phala.worker.v1", uint256(31337), rest, nonce));
        vm.assertEq(net.registry.bindOf(r), bound);
        _register(withEvidence(r, claimsOf(PLATFORM)));
    }

    function test_evidence_binds_every_field_the_chain_and_the_contract() public {
        Registration memory good = _good();
        for (uint256 field = 0; field < 7; field++) {
            Registration memory r = abi.decode(abi.encode(good), (Registration));
            if (field == 0) r.owner = STRANGER;
            if (field == 1) r.signKey = STRANGER;
            if (field == 2) r.ecdhKey = 0;
            if (field == 3) r.tlsKeyHash = 0;
            if (field == 4) r.cluster = STRANGER;
            if (field == 5) r.ohttpHash = keccak256("other");
            if (field == 6) vm.chainId(2035);
            _refuse(r, abi.encodeWithSelector(FakeVerifier.BindMismatch.selector));
        }
        vm.chainId(31337);
        WorkerRegistry other = new WorkerRegistry(net.policy, net.beacon);
        vm.assertNotEq(other.bindOf(good), net.registry.bindOf(good));
    }

    function test_the_owner_signs_or_sends() public {
        uint256 ownerKey = 0xabc;
        Registration memory r = registrationOf(KIND, vm.addr(ownerKey), vm.addr(KEY));
        r = withEvidence(r, claimsOf(PLATFORM));
        uint256 deadline = block.timestamp + 100;
        bytes memory signature = _consent(ownerKey, r, 0, deadline);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.OwnerSignatureInvalid.selector, r.owner));
        net.registry.register(r, deadline + 1, signature);
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.SignatureExpired.selector, deadline));
        net.registry.register(r, deadline, signature);
        vm.warp(deadline - 1);
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.OwnerSignatureInvalid.selector, r.owner));
        net.registry.register(r, deadline, signature);
        vm.chainId(31337);
        net.registry.register(r, deadline, signature);
    }

    function test_consent_lets_a_worker_come_back_until_it_is_taken_back() public {
        uint256 ownerKey = 0xabc;
        address owner = vm.addr(ownerKey);
        uint256 deadline = block.timestamp + 365 days;
        Registration memory r = registrationOf(KIND, owner, vm.addr(KEY));
        bytes memory signature = _consent(ownerKey, r, 0, deadline);
        bytes32 id = net.registry.register(withEvidence(r, claimsOf(PLATFORM)), deadline, signature);

        vm.warp(block.timestamp + LEASE_S);
        net.beacon.roll();
        net.registry.invalidate(id);
        r = withEvidence(registrationOf(KIND, owner, vm.addr(KEY)), claimsOf(PLATFORM));
        net.registry.register(r, deadline, signature);

        vm.prank(owner);
        net.registry.retire(id);
        vm.assertEq(net.registry.consentNonce(owner, vm.addr(KEY)), 1);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.OwnerSignatureInvalid.selector, owner));
        net.registry.register(r, deadline, signature);
        net.registry.register(r, deadline, _consent(ownerKey, r, 1, deadline));
    }

    function test_an_owner_takes_consent_to_one_key_back() public {
        uint256 ownerKey = 0xabc;
        address owner = vm.addr(ownerKey);
        uint256 deadline = block.timestamp + 100;
        Registration memory r = withEvidence(registrationOf(KIND, owner, vm.addr(KEY)), claimsOf(PLATFORM));
        net.registry.withdrawConsent(vm.addr(KEY)); // a stranger's word about it counts for nothing
        vm.prank(owner);
        net.registry.withdrawConsent(vm.addr(NEW_KEY));
        bytes memory signature = _consent(ownerKey, r, 0, deadline);
        uint256 before = vm.snapshotState();
        net.registry.register(r, deadline, signature);
        vm.revertToState(before);
        vm.prank(owner);
        net.registry.withdrawConsent(vm.addr(KEY));
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.OwnerSignatureInvalid.selector, owner));
        net.registry.register(r, deadline, signature);
    }

    function test_operator_and_worker_have_different_keys() public {
        Registration memory r = registrationOf(KIND, vm.addr(KEY), vm.addr(KEY));
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)),
            abi.encodeWithSelector(WorkerRegistry.KeyNotSeparate.selector, vm.addr(KEY))
        );
        r = registrationOf(KIND, ownerOf(KEY), address(0));
        _refuse(withEvidence(r, claimsOf(PLATFORM)), abi.encodeWithSelector(WorkerRegistry.KeyNotSeparate.selector, 0));
        enter(KEY);
        r = registrationOf(KIND, vm.addr(KEY), vm.addr(NEW_KEY));
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)),
            abi.encodeWithSelector(WorkerRegistry.KeyNotSeparate.selector, vm.addr(KEY))
        );
    }

    function test_a_platform_has_one_live_worker_per_slot() public {
        bytes32 id = _register(_good());
        Registration memory r = registrationOf(KIND, ownerOf(KEY), vm.addr(NEW_KEY));
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)),
            abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.ACTIVE)
        );
        r.slot = 1;
        _register(withEvidence(r, claimsOf(PLATFORM)));
        r = registrationOf(KIND, ownerOf(KEY), vm.addr(0x99));
        r.slot = 2;
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)), abi.encodeWithSelector(WorkerRegistry.SlotOutOfRange.selector, 2, 2)
        );
    }

    function test_a_key_is_one_workers_for_ever() public {
        bytes32 id = enter(KEY);
        _refuse(_good(), abi.encodeWithSelector(WorkerRegistry.KeyTaken.selector, vm.addr(KEY), id));
        vm.prank(ownerOf(KEY));
        net.registry.retire(id);
        vm.warp(block.timestamp + 20 days);
        net.beacon.roll();
        _refuse(_good(), abi.encodeWithSelector(WorkerRegistry.KeyTaken.selector, vm.addr(KEY), id));
    }

    function test_evidence_without_a_beacon_value_of_late_is_refused() public {
        Registration memory r = _registration();
        r.beacon = 0;
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)), abi.encodeWithSelector(EpochBeacon.BeaconUnknown.selector, bytes32(0))
        );
        r = _registration();
        nextBeacon();
        nextBeacon();
        _refuse(
            withEvidence(r, claimsOf(PLATFORM)), abi.encodeWithSelector(EpochBeacon.BeaconUnknown.selector, r.beacon)
        );
    }

    function test_the_beacon_value_before_still_counts() public {
        Registration memory r = _good();
        nextBeacon();
        bytes32 id = _register(r);
        vm.assertEq(net.registry.workerOf(id).leaseUntil, START + LEASE_S);
    }

    function test_the_same_evidence_again_gives_no_longer_lease() public {
        Registration memory r = _good();
        bytes32 id = _register(r);
        vm.warp(START + 1000);
        net.registry.renew(id, r);
        vm.assertEq(net.registry.workerOf(id).leaseUntil, START + LEASE_S);
    }

    function test_unknown_kinds_are_refused() public {
        Registration memory r = registrationOf(77, ownerOf(KEY), vm.addr(KEY));
        _refuse(withEvidence(r, claimsOf(PLATFORM)), abi.encodeWithSelector(ITeePolicy.KindUnknown.selector, 77));
    }

    function test_a_certificate_where_none_is_wanted_is_refused() public {
        Registration memory r = _good();
        r.certificate = "x";
        _refuse(r, abi.encodeWithSelector(WorkerRegistry.CertificateMismatch.selector, KIND));
    }

    function test_nothing_enters_while_paused() public {
        vm.prank(COUNCIL);
        net.registry.pause();
        _refuse(_good(), abi.encodeWithSelector(Governed.Paused.selector, START + 7 days));
        vm.warp(START + 7 days);
        net.beacon.roll();
        _register(_good());
    }

    // Renewing

    function test_renewal_moves_the_lease() public {
        bytes32 id = _register(_good());
        nextBeacon();
        Registration memory r = _good();
        r.ecdhKey = keccak256("next epoch");
        net.registry.renew(id, withEvidence(r, claimsOf(PLATFORM)));
        Worker memory w = net.registry.workerOf(id);
        vm.assertEq(w.leaseUntil, block.timestamp + LEASE_S);
        vm.assertEq(w.ecdhKey, keccak256("next epoch"));
    }

    function test_renewal_is_of_the_same_worker() public {
        bytes32 id = _register(_good());
        bytes32 other = enter(0x77);
        bytes memory why = abi.encodeWithSelector(WorkerRegistry.EvidenceOfOther.selector, id);
        Registration memory r = registrationOf(KIND, ownerOf(0x77), vm.addr(0x77));
        r = withEvidence(r, claimsOf(PLATFORM));
        vm.expectRevert(why);
        net.registry.renew(id, r);
        // Another owner, kind, slot, platform.
        r = registrationOf(KIND, STRANGER, vm.addr(KEY));
        r = withEvidence(r, claimsOf(PLATFORM));
        vm.expectRevert(why);
        net.registry.renew(id, r);
        r = registrationOf(KIND_AMD, ownerOf(KEY), vm.addr(KEY));
        r = withEvidence(r, claimsOfKind(KIND_AMD, PLATFORM));
        vm.expectRevert(why);
        net.registry.renew(id, r);
        r = _registration();
        r.slot = 1;
        r = withEvidence(r, claimsOf(PLATFORM));
        vm.expectRevert(why);
        net.registry.renew(id, r);
        r = _registration();
        r = withEvidence(r, claimsOf(keccak256("another machine")));
        vm.expectRevert(why);
        net.registry.renew(id, r);
        vm.assertNotEq(id, other);
    }

    function test_older_evidence_than_the_last_is_refused() public {
        bytes32 id = _register(_good());
        Registration memory old = _good();
        nextBeacon();
        net.registry.renew(id, _good());
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.EvidenceOfOther.selector, id));
        net.registry.renew(id, old);
    }

    function test_a_worker_out_of_date_renews_within_the_grace_and_not_beyond() public {
        bytes32 id = _register(_good());
        Claims memory c;
        for (uint256 hour = 0; hour < 3; hour++) {
            nextBeacon();
            c = claimsOf(PLATFORM);
            c.tcbStatus = TcbStatus.OUT_OF_DATE;
            net.registry.renew(id, withEvidence(_registration(), c));
            vm.assertEq(net.registry.workerOf(id).attestedAt, START);
            vm.assertLe(net.registry.workerOf(id).leaseUntil, START + LEASE_S + 7 days);
        }
        vm.warp(START + LEASE_S + 7 days);
        net.beacon.roll();
        c = claimsOf(PLATFORM);
        c.tcbStatus = TcbStatus.OUT_OF_DATE;
        Registration memory r = withEvidence(_registration(), c);
        vm.expectRevert(
            abi.encodeWithSelector(
                TeePolicy.TcbGraceOver.selector, uint8(TcbStatus.OUT_OF_DATE), START + LEASE_S + 7 days
            )
        );
        net.registry.renew(id, r);
    }

    function test_a_new_worker_out_of_date_is_refused() public {
        Claims memory c = claimsOf(PLATFORM);
        c.tcbStatus = TcbStatus.OUT_OF_DATE;
        _refuse(
            withEvidence(_registration(), c),
            abi.encodeWithSelector(TeePolicy.TcbRefused.selector, uint8(TcbStatus.OUT_OF_DATE))
        );
    }

    function test_a_lease_that_is_over_can_be_renewed_until_somebody_ends_it() public {
        bytes32 id = _register(_good());
        vm.warp(START + LEASE_S);
        vm.assertFalse(net.registry.isLive(0));
        vm.assertFalse(net.registry.signerOf(vm.addr(KEY)).live);
        net.beacon.roll();
        net.registry.renew(id, _good());
        vm.assertTrue(net.registry.signerOf(vm.addr(KEY)).live);
        vm.warp(block.timestamp + LEASE_S);
        net.registry.invalidate(id);
        net.beacon.roll();
        Registration memory r = _good();
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.INVALID));
        net.registry.renew(id, r);
        _register(r);
    }

    // Keys

    function _rotation(bytes32 id, Registration memory r, uint256 oldKey) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(keccak256("RotateKey(bytes32 workerId,address newKey,bytes32 beacon)"), id, r.signKey, r.beacon)
        );
        return signed(oldKey, typedDigest("PhalaWorkerRegistry", address(net.registry), structHash));
    }

    function test_the_old_key_hands_over_to_the_new_one() public {
        bytes32 id = _register(_good());
        nextBeacon();
        Registration memory r = withEvidence(registrationOf(KIND, ownerOf(KEY), vm.addr(NEW_KEY)), claimsOf(PLATFORM));
        net.registry.rotateKey(id, r, _rotation(id, r, KEY));
        vm.assertTrue(net.registry.signerOf(vm.addr(NEW_KEY)).live);
        vm.assertFalse(net.registry.signerOf(vm.addr(KEY)).live, "the old key signs nothing new");
        vm.assertEq(net.registry.idOfKey(vm.addr(KEY)), id, "and answers for what it signed");
        vm.assertEq(net.registry.keySlashableUntil(vm.addr(KEY)), block.timestamp + 14 days);
    }

    function test_a_key_is_not_replaced_without_the_old_one() public {
        bytes32 id = _register(_good());
        Registration memory r = withEvidence(registrationOf(KIND, ownerOf(KEY), vm.addr(NEW_KEY)), claimsOf(PLATFORM));
        bytes memory signature = _rotation(id, r, NEW_KEY);
        bytes memory why = abi.encodeWithSelector(WorkerRegistry.OldKeySignatureInvalid.selector, vm.addr(KEY));
        vm.expectRevert(why);
        net.registry.rotateKey(id, r, signature);
        vm.expectRevert(why);
        net.registry.rotateKey(id, r, "");
        r = _good();
        signature = _rotation(id, r, KEY);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.KeyTaken.selector, vm.addr(KEY), id));
        net.registry.rotateKey(id, r, signature);
    }

    // Leaving

    function test_a_draining_worker_finishes_and_takes_nothing_new() public {
        bytes32 id = _register(_good());
        vm.prank(ownerOf(KEY));
        net.registry.drain(id);
        vm.assertFalse(net.registry.isLive(0));
        vm.assertTrue(net.registry.signerOf(vm.addr(KEY)).live);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.DRAINING));
        vm.prank(ownerOf(KEY));
        net.registry.drain(id);
        vm.prank(ownerOf(KEY));
        net.registry.revive(id);
        vm.assertTrue(net.registry.isLive(0));
    }

    function test_a_worker_rests_and_wakes_by_itself() public {
        bytes32 id = _register(_good());
        bytes memory rest = _word("Rest", id, KEY, address(this));
        bytes memory wake = _word("Wake", id, KEY, address(this));
        net.registry.rest(id, rest);
        vm.assertFalse(net.registry.isLive(0));
        vm.assertTrue(net.registry.signerOf(vm.addr(KEY)).live);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.RESTING));
        net.registry.rest(id, rest);
        nextBeacon();
        net.registry.renew(id, _good());
        net.registry.wake(id, wake);
        vm.assertTrue(net.registry.isLive(0));
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.ACTIVE));
        net.registry.wake(id, wake);
    }

    function test_a_workers_word_is_its_keys_and_its_carriers() public {
        bytes32 id = _register(_good());
        bytes memory why = abi.encodeWithSelector(WorkerRegistry.WorkerSignatureInvalid.selector, vm.addr(KEY));
        bytes memory rest = _word("Rest", id, KEY, address(this));
        bytes[4] memory wrong = [
            _word("Rest", id, NEW_KEY, address(this)),
            _word("Rest", id, KEY, STRANGER),
            _word("Wake", id, KEY, address(this)),
            bytes("")
        ];
        for (uint256 i = 0; i < wrong.length; i++) {
            vm.expectRevert(why);
            net.registry.rest(id, wrong[i]);
        }
        vm.expectRevert(why);
        vm.prank(STRANGER); // carries again what it saw
        net.registry.rest(id, rest);
        net.registry.rest(id, rest);
        vm.expectRevert(why);
        net.registry.wake(id, rest);
    }

    function test_a_worker_cannot_undo_what_its_owner_did() public {
        bytes32 id = _register(_good());
        net.registry.rest(id, _word("Rest", id, KEY, address(this)));
        vm.prank(ownerOf(KEY));
        net.registry.drain(id);
        bytes memory wake = _word("Wake", id, KEY, address(this));
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.DRAINING));
        net.registry.wake(id, wake);
        vm.prank(ownerOf(KEY));
        net.registry.retire(id);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.RETIRED));
        net.registry.wake(id, wake);
    }

    function test_an_owner_revives_a_worker_that_rests() public {
        bytes32 id = _register(_good());
        net.registry.rest(id, _word("Rest", id, KEY, address(this)));
        vm.prank(ownerOf(KEY));
        net.registry.revive(id);
        vm.assertTrue(net.registry.isLive(0));
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.ACTIVE));
        vm.prank(ownerOf(KEY));
        net.registry.revive(id);
    }

    function test_only_the_owner_drains_and_retires() public {
        bytes32 id = _register(_good());
        bytes memory why = abi.encodeWithSelector(WorkerRegistry.NotOwner.selector, id, address(this));
        vm.expectRevert(why);
        net.registry.drain(id);
        vm.expectRevert(why);
        net.registry.retire(id);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerUnknown.selector, bytes32(0)));
        net.registry.retire(0);
    }

    function test_a_worker_that_left_is_slashable_and_its_place_is_kept_for_that_long() public {
        bytes32 id = _register(_good());
        vm.prank(ownerOf(KEY));
        net.registry.retire(id);
        vm.assertEq(net.registry.workerOf(id).slashableUntil, START + 14 days);
        vm.assertFalse(net.registry.signerOf(vm.addr(KEY)).live);
        Registration memory other = registrationOf(KIND, STRANGER, vm.addr(NEW_KEY));
        _refuse(
            withEvidence(other, claimsOf(PLATFORM)),
            abi.encodeWithSelector(WorkerRegistry.WorkerIs.selector, id, WorkerState.RETIRED)
        );
        vm.warp(START + 14 days);
        net.beacon.roll();
        other = registrationOf(KIND, STRANGER, vm.addr(NEW_KEY));
        _register(withEvidence(other, claimsOf(PLATFORM)));
        vm.assertEq(net.registry.workerOf(id).owner, STRANGER);
    }

    function test_its_own_owner_may_bring_it_back_at_once() public {
        bytes32 id = _register(_good());
        vm.prank(ownerOf(KEY));
        net.registry.retire(id);
        vm.assertEq(_register(_good()), id);
        vm.assertEq(net.registry.workerOf(id).slashableUntil, START + 14 days, "what was done before still counts");
    }

    function test_anybody_ends_a_worker_whose_image_was_revoked() public {
        bytes32 id = _register(_good());
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.StillValid.selector, id, START + LEASE_S));
        net.registry.invalidate(id);
        vm.prank(COUNCIL);
        net.policy.revokeImage(image);
        net.registry.invalidate(id);
        vm.assertEq(_state(id), uint256(WorkerState.INVALID));
        vm.assertFalse(net.registry.signerOf(vm.addr(KEY)).live);
    }

    function test_one_call_ends_all_workers_of_a_revoked_image() public {
        _register(_good());
        vm.prank(COUNCIL);
        net.policy.revokeImage(image);
        net.registry.syncImage(1);
        vm.assertFalse(net.registry.signerOf(vm.addr(KEY)).live);
        vm.assertFalse(net.registry.isLive(0));
        asGovernance();
        net.policy.restoreImage(image);
        net.registry.syncImage(1);
        vm.assertTrue(net.registry.signerOf(vm.addr(KEY)).live);
    }

    function test_indices_are_dense_and_used_again() public {
        bytes32 a = enter(1);
        bytes32 b = enter(2);
        enter(3);
        vm.assertEq(net.registry.indexCount(), 3);
        vm.prank(ownerOf(2));
        net.registry.retire(b);
        vm.prank(ownerOf(1));
        net.registry.retire(a);
        vm.assertEq(net.registry.idAt(1), 0);
        vm.assertFalse(net.registry.isLive(1));
        enter(4);
        enter(5);
        vm.assertEq(net.registry.indexCount(), 3);
        enter(6);
        vm.assertEq(net.registry.indexCount(), 4);
    }

    // Attachments

    function _withGpu() private returns (bytes32 gpuImage) {
        Kind memory k = rulesOf(Vendor.NVIDIA, Mode.ONCHAIN);
        k.attachment = true;
        asGovernance();
        net.policy.addKind(4, k);
        asGovernance();
        gpuImage = net.policy.addImage(4, abi.encodePacked(uint16(4), "vbios"), "gpu", 0);
    }

    function test_a_gpu_is_attached_to_a_worker_and_is_none() public {
        bytes32 gpuImage = _withGpu();
        bytes32 id = _register(_good());
        Claims memory c = claimsOf(keccak256("a gpu"));
        c.kind = 4;
        c.image = gpuImage;
        Registration memory r = withEvidence(registrationOf(4, ownerOf(KEY), vm.addr(KEY)), c);
        net.registry.attach(id, r);
        vm.assertEq(net.registry.attachedUntil(id, 4), START + LEASE_S);
        _refuse(r, abi.encodeWithSelector(WorkerRegistry.AttachmentMismatch.selector, 4));
        Registration memory td = withEvidence(_registration(), claimsOf(keccak256("other")));
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.AttachmentMismatch.selector, KIND));
        net.registry.attach(id, td);
        net.registry.attach(id, r);
        bytes32 second = enter(NEW_KEY);
        r = withEvidence(registrationOf(4, ownerOf(NEW_KEY), vm.addr(NEW_KEY)), c);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.AttachedElsewhere.selector, id));
        net.registry.attach(second, r);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.EvidenceOfOther.selector, id));
        net.registry.attach(id, r);
        vm.prank(ownerOf(KEY));
        net.registry.retire(id);
        net.registry.attach(second, r);
        vm.assertEq(net.registry.attachedTo(c.platformId), second);
    }

    // Stake

    function test_only_the_keepers_of_stake_bind_pools() public {
        bytes32 id = _register(_good());
        vm.expectRevert();
        net.registry.bindPool(id, 1, 2);
        vm.prank(address(net.upgradeTimelock));
        net.manager.grantRole(5, address(this), 0);
        net.registry.bindPool(id, 1, 2);
        vm.assertEq(net.registry.workerOf(id).poolId, 1);
        vm.assertEq(net.registry.workerOf(id).score, 2);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.WorkerUnknown.selector, bytes32(0)));
        net.registry.bindPool(0, 1, 2);
    }

    /// The owner's signature that lets a key in.
    function _consent(uint256 ownerKey, Registration memory r, uint256 nonce, uint256 deadline)
        private
        view
        returns (bytes memory)
    {
        bytes32 typeHash = keccak256("Register(uint16 kind,uint8 slot,address signKey,uint256 nonce,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typeHash, r.kind, r.slot, r.signKey, nonce, deadline));
        return signed(ownerKey, typedDigest("PhalaWorkerRegistry", address(net.registry), structHash));
    }

    /// What a worker says of itself: Rest or Wake.
    function _word(string memory what, bytes32 id, uint256 key, address carrier) private view returns (bytes memory) {
        bytes32 typeHash = keccak256(bytes(string.concat(what, "(bytes32 workerId,address carrier)")));
        bytes32 structHash = keccak256(abi.encode(typeHash, id, carrier));
        return signed(key, typedDigest("PhalaWorkerRegistry", address(net.registry), structHash));
    }
}
