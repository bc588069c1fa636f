// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CommitteeSets} from "../src/committee/CommitteeSets.sol";
import {CommitteeVerifier} from "../src/committee/CommitteeVerifier.sol";
import {VerifierCommittee} from "../src/committee/VerifierCommittee.sol";
import {Claims, TcbStatus} from "../src/interfaces/ITeeVerifier.sol";
import {Certificate, IDisputeJudge, IRoleStake} from "../src/interfaces/IVerifierCommittee.sol";
import {Registration, WorkerState} from "../src/interfaces/IWorkerRegistry.sol";
import {Kind, Mode, Vendor} from "../src/policy/TeeKinds.sol";
import {WorkerRegistry} from "../src/worker/WorkerRegistry.sol";
import {CommitteeTest} from "./lib/CommitteeTest.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

contract StakeOf is IRoleStake {
    mapping(bytes32 => bool) public hasRoleStake;

    function set(bytes32 id, bool has) external {
        hasRoleStake[id] = has;
    }
}

contract Judge is IDisputeJudge {
    bool private _verdict;

    constructor(bool verdict) {
        _verdict = verdict;
    }

    function judge(bytes calldata, bytes32, Claims calldata) external view returns (bool) {
        return _verdict;
    }
}

contract VerifierCommitteeTest is CommitteeTest {
    function _setRules(uint8 seats, uint8 quorum, uint8 cap) private {
        asGovernance();
        net.committee.setRules(CommitteeSets.Rules(seats, quorum, cap), IRoleStake(address(0)));
    }

    function _refuse(Certificate memory c, bytes[] memory s, bytes memory why) private {
        vm.expectRevert(why);
        net.committee.checkCertificate(c, s, 0);
    }

    // Candidates

    function test_owners_put_up_workers_that_are_judged_on_chain() public {
        bytes32 id = enter(0x500);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.NotOperator.selector, id, address(this)));
        net.committee.stand(id);
        vm.startPrank(ownerOf(0x500));
        net.committee.stand(id);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.CandidateAlready.selector, id));
        net.committee.stand(id);
        net.committee.standDown(id);
        vm.assertFalse(net.committee.isCandidate(id));
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.CandidateUnknown.selector, id));
        net.committee.standDown(id);
        net.registry.drain(id);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.NotEligible.selector, id));
        net.committee.stand(id);
        vm.stopPrank();
    }

    function test_anybody_removes_a_candidate_that_is_not_eligible() public {
        bytes32 id = workers[0];
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.NotOperator.selector, id, address(this)));
        net.committee.standDown(id);
        vm.prank(ownerOf(keys[0]));
        net.registry.retire(id);
        net.committee.standDown(id);
        vm.assertEq(net.committee.candidateCount(), keys.length - 1);
        vm.assertTrue(net.committee.isCandidate(workers[keys.length - 1]));
    }

    function test_members_need_stake_once_there_is_any() public {
        StakeOf stake = new StakeOf();
        asGovernance();
        net.committee.setRules(CommitteeSets.Rules(4, 3, 2), stake);
        bytes32 id = enter(0x500);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.NotEligible.selector, id));
        vm.prank(ownerOf(0x500));
        net.committee.stand(id);
        stake.set(id, true);
        vm.prank(ownerOf(0x500));
        net.committee.stand(id);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.TooFewMembers.selector, 1, 3));
        net.committee.draw();
    }

    // The draw

    function test_rules_keep_committees_independent() public {
        vm.chainId(2035);
        uint8[3][6] memory bad = [
            [uint8(0), 0, 0], [uint8(17), 9, 8], [uint8(4), 2, 2], [uint8(4), 5, 2], [uint8(4), 3, 3], [uint8(4), 3, 0]
        ];
        for (uint256 i = 0; i < bad.length; i++) {
            vm.expectRevert(CommitteeSets.RulesInvalid.selector);
            asGovernance();
            net.committee.setRules(CommitteeSets.Rules(bad[i][0], bad[i][1], bad[i][2]), IRoleStake(address(0)));
        }
        _setRules(13, 9, 6);
        vm.chainId(31337);
        _setRules(1, 1, 1);
    }

    function testFuzz_no_two_of_one_operator_and_half_of_a_vendor_at_most(bytes32 randomness) public {
        // A fourth of the candidates is one operator's.
        for (uint256 i = 0; i < 4; i++) {
            bytes32 id = enter(0x600 + i, ownerOf(keys[0]), KIND_AMD);
            vm.prank(ownerOf(keys[0]));
            net.committee.stand(id);
        }
        vm.warp(block.timestamp + 1 hours);
        vm.prevrandao(randomness);
        net.beacon.roll();
        uint64 set = net.committee.draw();
        address[] memory members = net.committee.membersOf(set);
        vm.assertGe(members.length, 3);
        uint256 amd;
        for (uint256 i = 0; i < members.length; i++) {
            vm.assertTrue(net.committee.isMember(set, members[i]));
            address owner = net.registry.signerOf(members[i]).owner;
            if (net.registry.signerOf(members[i]).vendor == Vendor.AMD) amd++;
            for (uint256 j = 0; j < i; j++) {
                vm.assertFalse(owner == net.registry.signerOf(members[j]).owner);
            }
        }
        vm.assertLe(amd, 2);
        vm.assertLe(members.length - amd, 2);
    }

    function test_a_draw_needs_enough_independent_candidates() public {
        _setRules(16, 16, 8);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.TooFewMembers.selector, keys.length, 16));
        net.committee.draw();
    }

    function test_the_next_draw_waits_for_a_beacon_value_after_the_term() public {
        net.committee.draw();
        uint256 due = block.timestamp + 1 days;
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.DrawTooSoon.selector, due));
        net.committee.draw();
        vm.warp(due);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.DrawTooSoon.selector, due));
        net.committee.draw();
        net.beacon.roll();
        vm.assertEq(net.committee.draw(), 2);
    }

    // Certificates

    function test_a_quorum_certifies() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        net.committee.checkCertificate(c, signatures(c, 3), 0);
        _refuse(c, signatures(c, 2), abi.encodeWithSelector(VerifierCommittee.TooFewSignatures.selector, 2, 3));
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.TooFewSignatures.selector, 3, 4));
        this.check(c, 3, 4);
        this.check(c, 4, 4);
    }

    function check(Certificate calldata c, uint256 count, uint256 least) external view {
        net.committee.checkCertificate(c, signatures(c, count), least);
    }

    /// Found in Hyperlane: a duplicated signer counted twice.
    function test_duplicate_unsorted_and_foreign_signers_are_refused() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        bytes[] memory good = signatures(c, 3);
        bytes[] memory s = signatures(c, 3);
        s[1] = s[0];
        address first = membersSorted()[0];
        _refuse(c, s, abi.encodeWithSelector(VerifierCommittee.SignersUnsorted.selector, first));
        (s[0], s[1], s[2]) = (good[1], good[0], good[2]);
        _refuse(c, s, abi.encodeWithSelector(VerifierCommittee.SignersUnsorted.selector, first));
        uint256[] memory foreign = new uint256[](3);
        (foreign[0], foreign[1], foreign[2]) = (0xf1, 0xf2, 0xf3);
        s = signedBy(foreign, net.committee.digestOf(c));
        vm.expectPartialRevert(VerifierCommittee.NotMember.selector);
        net.committee.checkCertificate(c, s, 0);
    }

    function test_no_replay_on_another_chain_or_contract() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        bytes[] memory s = signatures(c, 4);
        vm.assertEq(
            net.committee.digestOf(c), typedDigest("PhalaVerifierCommittee", address(net.committee), structHash(c))
        );
        vm.chainId(1);
        vm.expectRevert();
        net.committee.checkCertificate(c, s, 0);
        vm.chainId(31337);
        uint256[] memory all = keysOfMembers();
        s = signedBy(all, typedDigest("PhalaVerifierCommittee", address(this), structHash(c)));
        vm.expectRevert();
        net.committee.checkCertificate(c, s, 0);
    }

    function test_a_committee_is_in_office_for_its_term_and_the_next() public {
        draw();
        Certificate memory old = certificate(bytes32("bind"));
        bytes[] memory s = signatures(old, 3);
        vm.warp(block.timestamp + 1 days);
        draw();
        net.committee.checkCertificate(old, s, 0);
        vm.warp(block.timestamp + 1 days);
        draw();
        _refuse(old, s, abi.encodeWithSelector(VerifierCommittee.NotInOffice.selector, 1));
        vm.assertTrue(net.committee.isInOffice(2));
        vm.assertTrue(net.committee.isInOffice(3));
        vm.assertFalse(net.committee.isInOffice(4));
        vm.assertFalse(net.committee.isInOffice(0));
        vm.warp(block.timestamp + 2 days);
        vm.assertFalse(net.committee.isInOffice(3), "nobody drew: no committee rules for ever");
    }

    function test_certificates_are_of_their_committees_time() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        c.time = uint40(block.timestamp) + 1;
        _refuse(c, signatures(c, 3), abi.encodeWithSelector(VerifierCommittee.CertificateTime.selector, c.time));
        c.time = uint40(block.timestamp) - 1;
        _refuse(c, signatures(c, 3), abi.encodeWithSelector(VerifierCommittee.CertificateTime.selector, c.time));
        c.setId = 9;
        _refuse(c, signatures(c, 3), abi.encodeWithSelector(VerifierCommittee.NotInOffice.selector, 9));
    }

    function test_a_member_that_is_live_no_more_is_expelled_by_anybody() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        bytes[] memory s = signatures(c, 3);
        address member = membersSorted()[0];
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.StillLive.selector, member));
        net.committee.expel(1, member);
        bytes32 id = net.registry.idOfKey(member);
        vm.prank(net.registry.signerOf(member).owner);
        net.registry.retire(id);
        net.committee.expel(1, member);
        _refuse(c, s, abi.encodeWithSelector(VerifierCommittee.NotMember.selector, member));
        IERC20(net.pha).approve(address(net.committee), 100e18);
        net.committee.challenge(c, s);
        vm.assertEq(net.committee.challengeOf(net.committee.digestOf(c)).signers[0], member);
        vm.expectRevert(abi.encodeWithSelector(CommitteeSets.SeatUnknown.selector, STRANGER));
        net.committee.expel(1, STRANGER);
    }

    // Workers with certificates

    function _certified(uint256 key) private view returns (Registration memory r, Certificate memory c) {
        r = registrationOf(KIND_AMD + 20, ownerOf(key), vm.addr(key));
        c = certificate(net.registry.bindOf(r));
        r.evidence = abi.encode(c, signatures(c, 3));
    }

    function _useCommittee(Mode mode) private {
        Kind memory k = rulesOf(Vendor.AMD, mode);
        k.k = 3;
        vm.startPrank(address(net.timelock));
        net.policy.addKind(KIND_AMD + 20, k);
        certified = net.policy.addImage(KIND_AMD + 20, abi.encodePacked(KIND_AMD + 20, "guest"), FAMILY, 0);
        vm.stopPrank();
    }

    function test_a_certificate_admits_the_worker_that_it_binds() public {
        _useCommittee(Mode.COMMITTEE);
        draw();
        (Registration memory r, Certificate memory c) = _certified(0x700);
        Registration memory other = abi.decode(abi.encode(r), (Registration));
        other.ecdhKey = 0;
        vm.expectRevert(abi.encodeWithSelector(CommitteeVerifier.BindMismatch.selector, c.bind));
        vm.prank(r.owner);
        net.registry.register(other, 0, "");
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        vm.assertEq(net.registry.certificateOf(id, KIND_AMD + 20), c.bind);
    }

    function test_the_kinds_own_quorum_holds_as_well() public {
        Kind memory k = rulesOf(Vendor.AMD, Mode.COMMITTEE);
        k.k = 4;
        asGovernance();
        net.policy.addKind(KIND_AMD + 20, k);
        draw();
        (Registration memory r,) = _certified(0x700);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.TooFewSignatures.selector, 3, 4));
        vm.prank(r.owner);
        net.registry.register(r, 0, "");
    }

    function test_with_both_judges_both_must_agree() public {
        _useCommittee(Mode.ONCHAIN_AND_COMMITTEE);
        draw();
        (Registration memory r, Certificate memory c) = _certified(0x700);
        r.certificate = r.evidence;
        r.evidence = abi.encode(c.claims, c.bind);
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        vm.assertEq(net.registry.certificateOf(id, KIND_AMD + 20), c.bind);
        (r, c) = _certified(0x701);
        vm.expectRevert(abi.encodeWithSelector(WorkerRegistry.CertificateMismatch.selector, KIND_AMD + 20));
        vm.prank(r.owner);
        net.registry.register(r, 0, "");
        r.certificate = r.evidence;
        for (uint256 field = 0; field < 4; field++) {
            Claims memory claims = abi.decode(abi.encode(c.claims), (Claims));
            if (field == 0) claims.kind = KIND;
            if (field == 1) claims.image = image;
            if (field == 2) claims.platformId = "other";
            if (field == 3) claims.tcbStatus = TcbStatus.SW_HARDENING;
            r.evidence = abi.encode(claims, c.bind);
            vm.expectRevert(WorkerRegistry.ClaimsDiffer.selector);
            vm.prank(r.owner);
            net.registry.register(r, 0, "");
        }
    }

    // Disputes

    function _challenge(Certificate memory c) private returns (bytes32 digest) {
        bytes[] memory s = signatures(c, 3);
        IERC20(net.pha).approve(address(net.committee), 100e18);
        net.committee.challenge(c, s);
        return net.committee.digestOf(c);
    }

    function test_a_challenge_costs_a_bond_and_is_made_within_a_day() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        bytes[] memory s = signatures(c, 3);
        vm.expectRevert();
        net.committee.challenge(c, s);
        bytes32 digest = _challenge(c);
        vm.assertEq(IERC20(net.pha).balanceOf(address(net.committee)), 100e18);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierCommittee.ChallengeIs.selector, digest, VerifierCommittee.Status.CHALLENGED)
        );
        net.committee.challenge(c, s);
        net.committee.checkCertificate(c, s, 0); // An accusation alone takes nothing away.
        c = certificate(bytes32("second"));
        s = signatures(c, 3);
        vm.warp(c.time + 1 days);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.ChallengeTooLate.selector, c.time + 1 days));
        net.committee.challenge(c, s);
    }

    function _setJudge(bool verdict) private {
        Judge judge = new Judge(verdict);
        asGovernance();
        net.committee.setJudge(KIND_AMD + 20, judge);
    }

    function test_a_false_certificate_costs_the_signers_and_ends_the_worker() public {
        _useCommittee(Mode.COMMITTEE);
        draw();
        _setJudge(false);
        (Registration memory r, Certificate memory c) = _certified(0x700);
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        bytes32 digest = _challenge(c);
        vm.expectRevert(VerifierCommittee.EvidenceMismatch.selector);
        net.committee.decideOnChain(c, "other");
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.JudgeMismatch.selector, KIND_AMD + 20));
        net.committee.drawJury(c);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierCommittee.ChallengeIs.selector, digest, VerifierCommittee.Status.CHALLENGED)
        );
        net.committee.strike(c, id, KIND_AMD + 20);
        net.committee.decideOnChain(c, EVIDENCE);
        vm.assertEq(IERC20(net.pha).balanceOf(address(this)), 1e27);
        address[] memory signers = net.committee.challengeOf(digest).signers;
        vm.assertEq(signers.length, 3);
        for (uint256 i = 0; i < signers.length; i++) {
            bytes32 worker = net.registry.idOfKey(signers[i]);
            vm.assertTrue(net.committee.barred(worker));
            vm.assertFalse(net.committee.isCandidate(worker));
        }
        bytes[] memory s = signatures(c, 3);
        _refuse(c, s, abi.encodeWithSelector(VerifierCommittee.CertificateFalse.selector, digest));
        net.committee.strike(c, id, KIND_AMD + 20);
        vm.assertEq(uint256(net.registry.workerOf(id).state), uint256(WorkerState.INVALID));
        net.committee.strike(c, id, KIND_AMD + 20); // Twice does nothing.
        vm.expectRevert();
        net.registry.strike(id, KIND_AMD + 20, c.bind);
    }

    function test_a_strike_does_not_hit_a_worker_that_proved_itself_anew() public {
        _useCommittee(Mode.COMMITTEE);
        draw();
        _setJudge(false);
        (Registration memory r, Certificate memory c) = _certified(0x700);
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        _challenge(c);
        nextBeacon();
        r = registrationOf(KIND_AMD + 20, ownerOf(0x700), vm.addr(0x700));
        Certificate memory anew = certificate(net.registry.bindOf(r));
        r.evidence = abi.encode(anew, signatures(anew, 3));
        net.registry.renew(id, r);
        net.committee.decideOnChain(c, EVIDENCE);
        net.committee.strike(c, id, KIND_AMD + 20);
        vm.assertEq(uint256(net.registry.workerOf(id).state), uint256(WorkerState.ACTIVE));
    }

    function test_a_false_certificate_about_a_gpu_takes_the_gpu_only() public {
        Kind memory k = rulesOf(Vendor.NVIDIA, Mode.COMMITTEE);
        k.attachment = true;
        vm.startPrank(address(net.timelock));
        net.policy.addKind(KIND_AMD + 20, k);
        certified = net.policy.addImage(KIND_AMD + 20, abi.encodePacked(KIND_AMD + 20, "guest"), FAMILY, 0);
        vm.stopPrank();
        draw();
        _setJudge(false);
        bytes32 id = enter(0x700);
        (Registration memory r, Certificate memory c) = _certified(0x700);
        net.registry.attach(id, r);
        vm.assertGt(net.registry.attachedUntil(id, KIND_AMD + 20), block.timestamp);
        _challenge(c);
        net.committee.decideOnChain(c, EVIDENCE);
        net.committee.strike(c, id, KIND_AMD + 20);
        vm.assertEq(net.registry.attachedUntil(id, KIND_AMD + 20), 0);
        vm.assertEq(uint256(net.registry.workerOf(id).state), uint256(WorkerState.ACTIVE));
    }

    function test_a_challenge_of_a_genuine_certificate_costs_the_bond() public {
        draw();
        _setJudge(true);
        Certificate memory c = certificate(bytes32("bind"));
        bytes32 digest = _challenge(c);
        net.committee.decideOnChain(c, EVIDENCE);
        vm.assertEq(IERC20(net.pha).balanceOf(address(net.timelock)), 100e18);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierCommittee.ChallengeIs.selector, digest, VerifierCommittee.Status.GENUINE)
        );
        net.committee.decideOnChain(c, EVIDENCE);
        net.committee.checkCertificate(c, signatures(c, 3), 0);
    }

    function test_a_jury_of_others_decides_where_no_contract_can() public {
        draw();
        Certificate memory c = certificate(bytes32("bind"));
        bytes32 digest = _challenge(c);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.JudgeMismatch.selector, KIND_AMD + 20));
        net.committee.decideOnChain(c, EVIDENCE);
        bytes[] memory none = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.JuryMissing.selector, digest));
        net.committee.decideByJury(digest, false, none);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.JuryTooSoon.selector, block.timestamp));
        net.committee.drawJury(c);
        nextBeacon();
        net.committee.drawJury(c);
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.JuryExists.selector, digest));
        net.committee.drawJury(c);
        address[] memory jurors = net.committee.jurorsOf(digest);
        vm.assertEq(jurors.length, 8);
        for (uint256 i = 0; i < jurors.length; i++) {
            vm.assertFalse(net.committee.isMember(1, jurors[i]), "the committee does not judge itself");
        }
        uint256[] memory jury = new uint256[](4);
        for (uint256 i = 0; i < 4; i++) {
            jury[i] = keyOf(jurors[i]);
        }
        bytes[] memory s = signedBy(jury, net.committee.verdictDigest(digest, false));
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.TooFewSignatures.selector, 4, 5));
        net.committee.decideByJury(digest, false, s);
        jury = new uint256[](5);
        for (uint256 i = 0; i < 5; i++) {
            jury[i] = keyOf(jurors[i]);
        }
        s = signedBy(jury, net.committee.verdictDigest(digest, false));
        vm.expectRevert();
        net.committee.decideByJury(digest, true, s);
        net.committee.decideByJury(digest, false, s);
        vm.assertEq(uint256(net.committee.challengeOf(digest).status), uint256(VerifierCommittee.Status.FALSE));
    }

    function test_a_challenge_that_nobody_decides_is_dropped() public {
        draw();
        bytes32 digest = _challenge(certificate(bytes32("bind")));
        vm.expectRevert(abi.encodeWithSelector(VerifierCommittee.DecisionAhead.selector, block.timestamp + 7 days));
        net.committee.dropChallenge(digest);
        vm.warp(block.timestamp + 7 days);
        net.committee.dropChallenge(digest);
        vm.assertEq(IERC20(net.pha).balanceOf(address(this)), 1e27);
    }
}
