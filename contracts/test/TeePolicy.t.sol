// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Admission} from "../src/interfaces/ITeePolicy.sol";
import {ITeePolicy} from "../src/interfaces/ITeePolicy.sol";
import {ClaimFlags, Claims, ITeeVerifier, TcbStatus} from "../src/interfaces/ITeeVerifier.sol";
import {Kind, Mode, Vendor} from "../src/policy/TeeKinds.sol";
import {TeePolicy} from "../src/policy/TeePolicy.sol";
import {FakeVerifier} from "./lib/FakeVerifier.sol";
import {NetworkTest} from "./lib/NetworkTest.sol";

contract TeePolicyTest is NetworkTest {
    bytes32 private constant PLATFORM = keccak256("a machine");

    function _admit(Claims memory c) private view returns (Admission memory) {
        return net.policy.admit(KIND, c, uint40(START), 0);
    }

    function _refuse(Claims memory c, bytes memory why) private {
        vm.expectRevert(why);
        net.policy.admit(KIND, c, uint40(START), 0);
    }

    function _refuseKind(uint16 kind, Kind memory rules, bytes memory why) private {
        vm.expectRevert(why);
        asGovernance();
        net.policy.addKind(kind, rules);
    }

    function _invalid(uint16 kind, bytes32 what) private pure returns (bytes memory) {
        return abi.encodeWithSelector(TeePolicy.KindInvalid.selector, kind, what);
    }

    // Kinds

    function test_rules_that_cannot_be_are_refused() public {
        for (uint256 field = 0; field < 12; field++) {
            Kind memory k = rulesOf(Vendor.INTEL, Mode.ONCHAIN);
            bytes32 what;
            if (field == 0) (k.mode, what) = (Mode.NONE, "mode");
            if (field == 1) (k.verifier, what) = (ITeeVerifier(STRANGER), "verifier");
            if (field == 2) (k.committee, what) = (fake, "committee");
            if (field == 3) (k.mode, what) = (Mode.ONCHAIN_AND_COMMITTEE, "committee");
            if (field == 4) (k.perPlatform, what) = (0, "perPlatform");
            if (field == 5) (k.leaseS, what) = (0, "leaseS");
            if (field == 6) (k.leaseS, what) = (90 days + 1, "leaseS");
            if (field == 7) (k.tcbMask, what) = (0, "tcbMask");
            if (field == 8) (k.tcbMask, what) = (uint16(2 + (1 << uint8(TcbStatus.REVOKED))), "tcbMask");
            if (field == 9) (k.maxEvidenceAgeS, what) = (0, "maxEvidenceAgeS");
            if (field == 10) (k.maxEvidenceAgeS, what) = (LEASE_S + 1, "maxEvidenceAgeS");
            if (field == 11) (k.tcbGraceS, what) = (7 days + 1, "tcbGraceS");
            _refuseKind(9, k, _invalid(9, what));
        }
        _refuseKind(0, rulesOf(Vendor.INTEL, Mode.ONCHAIN), _invalid(0, "kind"));
        _refuseKind(
            KIND, rulesOf(Vendor.INTEL, Mode.ONCHAIN), abi.encodeWithSelector(TeePolicy.KindExists.selector, KIND)
        );
    }

    function test_simulators_exist_on_the_development_chain_only() public {
        vm.chainId(2035);
        _refuseKind(
            255,
            rulesOf(Vendor.SIMULATED_A, Mode.ONCHAIN),
            abi.encodeWithSelector(TeePolicy.SimulatorRefused.selector, 255, 2035)
        );
        vm.chainId(31337);
        asGovernance();
        net.policy.addKind(255, rulesOf(Vendor.SIMULATED_A, Mode.ONCHAIN));
        asGovernance();
        bytes32 simulated = net.policy.addImage(255, abi.encodePacked(TUPLE, "sim"), FAMILY, 0);
        Claims memory c = claimsOf(PLATFORM);
        c.image = simulated;
        // Evidence that does not say that it is simulated is not for the simulator's kind.
        bytes memory why = abi.encodeWithSelector(TeePolicy.SimulatorRefused.selector, 255, 31337);
        vm.expectRevert(why);
        net.policy.admit(255, c, uint40(START), 0);
        c.flags = ClaimFlags.SIMULATED;
        net.policy.admit(255, c, uint40(START), 0);
        // And simulated evidence for no other.
        c.image = image;
        _refuse(c, abi.encodeWithSelector(TeePolicy.SimulatorRefused.selector, KIND, 31337));
    }

    function test_rules_change_and_judges_do_not_with_them() public {
        Kind memory k = rulesOf(Vendor.INTEL, Mode.ONCHAIN);
        k.minEvalNo = 18;
        asGovernance();
        net.policy.setKind(KIND, k);
        vm.assertEq(net.policy.kindOf(KIND).minEvalNo, 18);
        _refuse(claimsOf(PLATFORM), abi.encodeWithSelector(TeePolicy.EvalNoTooLow.selector, 17, 18));
        ITeeVerifier other = new FakeVerifier();
        for (uint256 field = 0; field < 3; field++) {
            k = rulesOf(Vendor.INTEL, Mode.ONCHAIN);
            if (field == 0) k.verifier = other;
            if (field == 1) k.committee = other;
            if (field == 2) k.mode = Mode.COMMITTEE;
            vm.expectRevert(_invalid(KIND, "verifier"));
            asGovernance();
            net.policy.setKind(KIND, k);
        }
        vm.expectRevert(abi.encodeWithSelector(ITeePolicy.KindUnknown.selector, 9));
        asGovernance();
        net.policy.setKind(9, k);
    }

    function test_another_verifier_waits_a_day() public {
        ITeeVerifier other = new FakeVerifier();
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.DelayOutOfRange.selector, 1 days - 1));
        asGovernance();
        net.policy.announceVerifier(KIND, other, 1 days - 1);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.DelayOutOfRange.selector, 7 days + 1));
        asGovernance();
        net.policy.announceVerifier(KIND, other, 7 days + 1);
        vm.expectRevert(_invalid(KIND, "verifier"));
        asGovernance();
        net.policy.announceVerifier(KIND, ITeeVerifier(STRANGER), 1 days);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.VerifierNotYet.selector, KIND, 0));
        net.policy.changeVerifier(KIND);
        asGovernance();
        net.policy.announceVerifier(KIND, other, 1 days);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.VerifierNotYet.selector, KIND, START + 1 days));
        net.policy.changeVerifier(KIND);
        vm.warp(START + 1 days);
        net.policy.changeVerifier(KIND);
        vm.assertEq(address(net.policy.kindOf(KIND).verifier), address(other));
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.VerifierNotYet.selector, KIND, 0));
        net.policy.changeVerifier(KIND);
    }

    function test_an_announced_verifier_can_be_withdrawn() public {
        FakeVerifier other = new FakeVerifier();
        asGovernance();
        net.policy.announceVerifier(KIND, other, 1 days);
        asGovernance();
        net.policy.withdrawVerifier(KIND);
        vm.warp(START + 2 days);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.VerifierNotYet.selector, KIND, 0));
        net.policy.changeVerifier(KIND);
    }

    function test_a_closed_kind_takes_nothing_new() public {
        Kind memory k = rulesOf(Vendor.INTEL, Mode.ONCHAIN);
        k.open = false;
        asGovernance();
        net.policy.setKind(KIND, k);
        _refuse(claimsOf(PLATFORM), abi.encodeWithSelector(TeePolicy.KindClosed.selector, KIND));
        vm.assertFalse(net.policy.isAllowed(KIND, image, 1, 17, uint40(START)));
    }

    // Images

    function test_an_image_is_its_full_tuple_and_never_zero() public {
        vm.assertEq(image, keccak256(TUPLE));
        vm.expectRevert(TeePolicy.ImageAllZero.selector);
        asGovernance();
        net.policy.addImage(KIND, abi.encodePacked(KIND, new bytes(384)), FAMILY, 0);
        vm.expectRevert(TeePolicy.ImageAllZero.selector);
        asGovernance();
        net.policy.addImage(KIND, "", FAMILY, 0);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.EvidenceOfOtherKind.selector, 1, KIND));
        asGovernance();
        net.policy.addImage(KIND, abi.encodePacked(uint16(1), "mr"), FAMILY, 0);
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.ImageExists.selector, image));
        asGovernance();
        net.policy.addImage(KIND, TUPLE, FAMILY, 0);
        vm.expectRevert(abi.encodeWithSelector(ITeePolicy.KindUnknown.selector, 9));
        asGovernance();
        net.policy.addImage(9, TUPLE, FAMILY, 0);
        vm.assertEq(net.policy.imageCount(), 2);
        vm.assertEq(net.policy.imageById(1), image);
    }

    function test_unknown_images_and_those_of_other_kinds_are_refused() public {
        Claims memory c = claimsOf(PLATFORM);
        c.image = keccak256("mine");
        _refuse(c, abi.encodeWithSelector(TeePolicy.ImageUnknown.selector, c.image));
        c.image = imageAmd;
        _refuse(c, abi.encodeWithSelector(TeePolicy.ImageOfOtherKind.selector, imageAmd, KIND));
        c = claimsOfKind(KIND_AMD, PLATFORM);
        _refuse(c, abi.encodeWithSelector(TeePolicy.EvidenceOfOtherKind.selector, KIND_AMD, KIND));
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.ImageUnknown.selector, bytes32(0)));
        asGovernance();
        net.policy.retireImage(0, 0);
    }

    function test_an_image_counts_from_and_until() public {
        asGovernance();
        bytes32 later = net.policy.addImage(KIND, abi.encodePacked(KIND, "later"), FAMILY, uint40(START) + 10);
        Claims memory c = claimsOf(PLATFORM);
        c.image = later;
        _refuse(c, abi.encodeWithSelector(TeePolicy.ImageNotNow.selector, later, START + 10, 0));
        vm.assertFalse(net.policy.isAllowed(KIND, later, 1, 17, uint40(START) + 9));
        vm.assertTrue(net.policy.isAllowed(KIND, later, 1, 17, uint40(START) + 10));
        asGovernance();
        net.policy.retireImage(later, uint40(START) + 100);
        vm.warp(START + 10);
        vm.assertEq(_admit(c).leaseUntil, START + 100, "a lease ends with its image");
        vm.warp(START + 100);
        _refuse(c, abi.encodeWithSelector(TeePolicy.ImageNotNow.selector, later, START + 10, START + 100));
        vm.assertFalse(net.policy.isImageLive(3));
        vm.assertFalse(net.policy.isAllowed(KIND, later, 1, 17, uint40(START) + 100));
    }

    function test_the_council_revokes_and_only_governance_restores() public {
        vm.expectRevert();
        net.policy.revokeImage(image);
        vm.prank(COUNCIL);
        net.policy.revokeImage(image);
        _refuse(claimsOf(PLATFORM), abi.encodeWithSelector(TeePolicy.ImageRevoked.selector, image));
        vm.assertFalse(net.policy.isImageLive(1));
        vm.assertFalse(net.policy.isAllowed(KIND, image, 1, 17, uint40(START)));
        vm.expectRevert();
        vm.prank(COUNCIL);
        net.policy.restoreImage(image);
        asGovernance();
        net.policy.restoreImage(image);
        vm.assertTrue(net.policy.isImageLive(1));
        vm.assertFalse(net.policy.isImageLive(99));
    }

    // Admission

    function test_statuses_outside_the_mask_are_refused() public {
        for (uint8 status = 0; status <= uint8(type(TcbStatus).max); status++) {
            Claims memory c = claimsOf(PLATFORM);
            c.tcbStatus = TcbStatus(status);
            if ((MASK >> status) & 1 != 0) {
                _admit(c);
            } else {
                _refuse(c, abi.encodeWithSelector(TeePolicy.TcbRefused.selector, status));
            }
            vm.assertEq(net.policy.isAllowed(KIND, image, status, 17, uint40(START)), (MASK >> status) & 1 != 0);
        }
        vm.assertFalse(net.policy.isAllowed(KIND, image, 255, 17, uint40(START)));
        vm.assertFalse(net.policy.isAllowed(KIND, image, 1, 16, uint40(START)));
        vm.assertFalse(net.policy.isAllowed(KIND_AMD, image, 1, 17, uint40(START)));
        vm.assertFalse(net.policy.isAllowed(KIND, 0, 1, 17, uint40(START)));
        vm.assertFalse(net.policy.isAllowed(9, image, 1, 17, uint40(START)));
    }

    function test_old_evidence_is_refused() public {
        vm.warp(START + AGE_S);
        _refuse(claimsOf(PLATFORM), abi.encodeWithSelector(TeePolicy.EvidenceTooOld.selector, START, START + AGE_S));
    }

    /// Found in automata-dcap-attestation: expired TCB info was accepted for ever.
    function test_collateral_that_expired_admits_nobody_new_and_ends_leases() public {
        Claims memory c = claimsOf(PLATFORM);
        c.validUntil = uint40(START) + 100;
        vm.assertEq(_admit(c).leaseUntil, START + 100 + 7 days, "a lease outlives collateral by the grace at most");
        vm.warp(START + 100);
        _refuse(c, abi.encodeWithSelector(TeePolicy.CollateralTooOld.selector, START + 100));
        vm.assertEq(net.policy.admit(KIND, c, uint40(START), uint40(START)).leaseUntil, START + 100 + 7 days);
        c.validUntil = uint40(START) + 100 - 7 days;
        vm.expectRevert(abi.encodeWithSelector(TeePolicy.CollateralTooOld.selector, c.validUntil));
        net.policy.admit(KIND, c, uint40(START), uint40(START));
    }

    function testFuzz_a_lease_never_outlives_what_it_rests_on(uint40 validUntil, uint40 retireAt, uint40 since) public {
        validUntil = uint40(bound(validUntil, START, START + 200 days));
        retireAt = uint40(bound(retireAt, START + 1, START + 200 days));
        since = uint40(bound(since, START - 60 days, START));
        asGovernance();
        net.policy.retireImage(image, retireAt);
        Claims memory c = claimsOf(PLATFORM);
        c.validUntil = validUntil;
        c.tcbStatus = TcbStatus.OUT_OF_DATE;
        try net.policy.admit(KIND, c, uint40(START), since) returns (Admission memory a) {
            vm.assertLe(a.leaseUntil, START + LEASE_S);
            vm.assertLe(a.leaseUntil, retireAt);
            vm.assertLe(a.leaseUntil, validUntil + 7 days);
            vm.assertLe(a.leaseUntil, since + LEASE_S + 7 days);
            vm.assertGt(a.leaseUntil, START);
            vm.assertFalse(a.inOrder);
        } catch {}
    }

    function test_nothing_is_admitted_while_paused() public {
        vm.prank(COUNCIL);
        net.policy.pause();
        vm.expectRevert();
        net.policy.admit(KIND, claimsOf(PLATFORM), uint40(START), 0);
    }
}
