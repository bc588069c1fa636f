// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../src/access/Governed.sol";
import {AnchorStore} from "../src/anchor/AnchorStore.sol";
import {PhatAnchor} from "../src/anchor/PhatAnchor.sol";
import {Demand, Reply, Terms} from "../src/interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../src/interfaces/IPhatApp.sol";
import {ExactCall} from "../src/lib/ExactCall.sol";
import {AnchorTest} from "./lib/AnchorTest.sol";
import {Consumer, HostileConsumer, MeteredConsumer} from "./lib/Consumers.sol";

contract PhatAnchorTest is AnchorTest {
    function _refuse(Terms memory t, Reply memory reply, bytes[] memory signatures, bytes memory why) internal {
        vm.expectRevert(why);
        net.anchor.fulfill(t, reply, signatures);
    }

    // Asking

    function test_a_request_stores_the_hash_of_its_terms() public {
        Terms memory t = ask(1 ether, 1, 0);
        vm.assertEq(t.id, 1);
        vm.assertTrue(net.anchor.isOpen(t));
        vm.assertEq(net.anchor.commitmentOf(1), keccak256(abi.encode(t)));
        vm.assertEq(net.anchor.requestCount(), 1);
        vm.assertEq(ask(0, 1, 0).id, 2);
    }

    function test_terms_out_of_range_are_refused() public {
        uint40 deadline = uint40(block.timestamp) + 1;
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("replicas")));
        consumer.ask(app, "", 0, deadline, 2, 0);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("demand")));
        consumer.ask(app, "", 0, deadline, 3, 8);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("demand")));
        consumer.ask(app, "", 0, deadline, 3, Demand.BLOB_INPUT);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("demand")));
        consumer.ask(app, "", 0, deadline, 1, Demand.DISTINCT_VENDORS);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("callbackGas")));
        consumer.ask(app, "", 10_000_001, deadline, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("deadline")));
        consumer.ask(app, "", 0, deadline - 1, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("deadline")));
        consumer.ask(app, "", 0, deadline + 7 days, 1, 0);
        vm.deal(address(this), 1 << 97);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("fee")));
        consumer.ask{value: 1 << 96}(app, "", 0, deadline, 1, 0);
    }

    function test_an_input_can_be_elsewhere() public {
        uint40 deadline = uint40(block.timestamp) + 100;
        uint64 id = net.anchor.requestBlob(app, "blob", 0, deadline, 3, Demand.HASH_ONLY);
        Terms memory t = Terms(id, app, address(this), 0, 0, deadline, 3, Demand.HASH_ONLY | Demand.BLOB_INPUT, "blob");
        vm.assertTrue(net.anchor.isOpen(t));
    }

    // Answering

    function test_one_worker_answers_is_paid_and_the_consumer_is_called() public {
        Terms memory t = ask(1 ether, 1, 0);
        fulfill(t, KEY_A);
        vm.assertEq(consumer.answered(), t.id);
        vm.assertEq(consumer.answer(), keccak256(abi.encode(uint8(0), RESULT)));
        vm.assertEq(net.anchor.creditOf(ownerOf(KEY_A)), 1 ether);
        vm.assertEq(net.anchor.commitmentOf(t.id), 0);
        vm.prank(ownerOf(KEY_A));
        net.anchor.withdraw(address(0x99));
        vm.assertEq(address(0x99).balance, 1 ether);
    }

    function test_an_answer_counts_once() public {
        Terms memory t = ask(0, 1, 0);
        fulfill(t, KEY_A);
        bytes[] memory s = signatures1(t, KEY_B);
        _refuse(t, reply(), s, abi.encodeWithSelector(PhatAnchor.RequestUnknown.selector, t.id));
    }

    function test_requests_are_answered_in_any_order() public {
        Terms memory first = ask(0, 1, 0);
        Terms memory second = ask(0, 1, 0);
        fulfill(second, KEY_A);
        fulfill(first, KEY_A);
        vm.assertEq(consumer.answered(), first.id);
    }

    function test_other_terms_than_those_asked_for_are_refused() public {
        Terms memory good = ask(1 ether, 1, 0);
        for (uint256 field = 0; field < 9; field++) {
            Terms memory t = abi.decode(abi.encode(good), (Terms));
            if (field == 0) t.id++;
            if (field == 1) t.app = IPhatApp(STRANGER);
            if (field == 2) t.consumer = STRANGER;
            if (field == 3) t.feeWei++;
            if (field == 4) t.callbackGas++;
            if (field == 5) t.deadline++;
            if (field == 6) t.replicas = 3;
            if (field == 7) t.demand = Demand.HASH_ONLY;
            if (field == 8) t.inputHash = 0;
            _refuse(t, reply(), signatures1(t, KEY_A), abi.encodeWithSelector(PhatAnchor.RequestUnknown.selector, t.id));
        }
        fulfill(good, KEY_A);
    }

    function test_a_signature_is_of_this_answer() public {
        Terms memory t = ask(0, 1, 0);
        bytes[] memory s = signatures1(t, KEY_A);
        for (uint256 field = 0; field < 3; field++) {
            Reply memory r = reply();
            if (field == 0) r.codeHash = keccak256("other code");
            if (field == 1) r.outcome = 1;
            if (field == 2) r.result = "other";
            vm.expectPartialRevert(AnchorStore.SignerRefused.selector);
            net.anchor.fulfill(t, r, s);
        }
    }

    function test_no_replay_on_another_chain_or_by_another_anchor() public {
        Terms memory t = ask(0, 1, 0);
        bytes[] memory s = signatures1(t, KEY_A);
        vm.chainId(1);
        vm.expectPartialRevert(AnchorStore.SignerRefused.selector);
        net.anchor.fulfill(t, reply(), s);
        vm.chainId(31337);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Answer(uint64 requestId,bytes32 terms,bytes32 codeHash,uint8 outcome,bytes32 resultHash)"),
                t.id,
                keccak256(abi.encode(t)),
                CODE,
                uint8(0),
                keccak256(RESULT)
            )
        );
        vm.assertEq(
            net.anchor.answerDigest(t, reply()), typedDigest("PhalaPhatAnchor", address(net.anchor), structHash)
        );
        s[0] = signed(KEY_A, typedDigest("PhalaPhatAnchor", address(this), structHash));
        vm.expectPartialRevert(AnchorStore.SignerRefused.selector);
        net.anchor.fulfill(t, reply(), s);
    }

    function test_only_live_workers_answer() public {
        Terms memory t = ask(0, 1, 0);
        bytes memory why = abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(0xdead));
        _refuse(t, reply(), signatures1(t, 0xdead), why);
        bytes32 id = net.registry.idOfKey(vm.addr(KEY_A));
        vm.prank(ownerOf(KEY_A));
        net.registry.retire(id);
        why = abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A));
        _refuse(t, reply(), signatures1(t, KEY_A), why);
        fulfill(t, KEY_B);
    }

    function test_an_answer_after_the_lease_is_refused() public {
        vm.warp(START + LEASE_S - 1);
        Terms memory t = ask(0, 1, 0);
        vm.warp(START + LEASE_S);
        _refuse(
            t,
            reply(),
            signatures1(t, KEY_A),
            abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A))
        );
    }

    function test_code_that_is_not_the_apps_is_refused() public {
        Terms memory t = ask(0, 1, 0);
        Reply memory r = reply();
        r.codeHash = keccak256("other");
        bytes[] memory s = new bytes[](1);
        s[0] = signed(KEY_A, net.anchor.answerDigest(t, r));
        _refuse(t, r, s, abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A)));
    }

    function test_after_the_deadline_there_is_no_answer_but_the_money() public {
        Terms memory t = ask(1 ether, 1, 0);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.DeadlineAhead.selector, t.deadline));
        net.anchor.cancelAfterDeadline(t);
        vm.warp(t.deadline);
        _refuse(
            t, reply(), signatures1(t, KEY_A), abi.encodeWithSelector(PhatAnchor.DeadlinePassed.selector, t.deadline)
        );
        net.anchor.cancelAfterDeadline(t);
        vm.assertEq(net.anchor.creditOf(address(consumer)), 1 ether);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.RequestUnknown.selector, t.id));
        net.anchor.cancelAfterDeadline(t);
        consumer.takeOut();
        vm.assertEq(address(consumer).balance, 1 ether);
    }

    function test_a_pause_stops_answers_and_not_refunds() public {
        Terms memory t = ask(1, 1, 0);
        vm.prank(COUNCIL);
        net.anchor.pause();
        bytes memory why = abi.encodeWithSelector(Governed.Paused.selector, START + 7 days);
        _refuse(t, reply(), signatures1(t, KEY_A), why);
        vm.expectRevert(why);
        consumer.ask(app, "", 0, uint40(block.timestamp) + 1, 1, 0);
        vm.warp(t.deadline);
        net.anchor.cancelAfterDeadline(t);
    }

    function test_a_hash_only_result_is_32_bytes() public {
        Terms memory t = ask(0, 1, Demand.HASH_ONLY);
        _refuse(t, reply(), signatures1(t, KEY_A), abi.encodeWithSelector(PhatAnchor.ResultNotAHash.selector));
        Reply memory r = reply();
        r.result = abi.encode(keccak256("published"));
        bytes[] memory s = new bytes[](1);
        s[0] = signed(KEY_A, net.anchor.answerDigest(t, r));
        net.anchor.fulfill(t, r, s);
    }

    function test_a_worker_can_answer_that_it_failed() public {
        Terms memory t = ask(0, 1, 0);
        Reply memory r = Reply(CODE, 1, "out of memory");
        bytes[] memory s = new bytes[](1);
        s[0] = signed(KEY_A, net.anchor.answerDigest(t, r));
        net.anchor.fulfill(t, r, s);
        vm.assertEq(consumer.answer(), keccak256(abi.encode(uint8(1), bytes("out of memory"))));
    }

    // Replicas

    function test_two_of_three_equal_answers_share_the_fee() public {
        Terms memory t = ask(101, 3, 0);
        fulfill2(t, KEY_A, KEY_B);
        vm.assertEq(net.anchor.creditOf(ownerOf(KEY_A)) + net.anchor.creditOf(ownerOf(KEY_B)), 101);
        vm.assertGe(net.anchor.creditOf(ownerOf(KEY_A)), 50);
        t = ask(300, 3, 0);
        uint256[] memory keys = new uint256[](3);
        (keys[0], keys[1], keys[2]) = (KEY_A, KEY_B, KEY_AMD);
        net.anchor.fulfill(t, reply(), signedBy(keys, net.anchor.answerDigest(t, reply())));
        vm.assertEq(net.anchor.creditOf(ownerOf(KEY_AMD)), 100);
    }

    function test_one_answer_is_not_enough_for_three_replicas() public {
        Terms memory t = ask(0, 3, 0);
        _refuse(t, reply(), signatures1(t, KEY_A), abi.encodeWithSelector(PhatAnchor.SignatureCountWrong.selector, 1));
        _refuse(t, reply(), new bytes[](4), abi.encodeWithSelector(PhatAnchor.SignatureCountWrong.selector, 4));
        t = ask(0, 1, 0);
        _refuse(t, reply(), new bytes[](2), abi.encodeWithSelector(PhatAnchor.SignatureCountWrong.selector, 2));
    }

    function test_duplicate_and_unsorted_signers_are_refused() public {
        Terms memory t = ask(0, 3, 0);
        bytes[] memory s = new bytes[](2);
        s[0] = signatures1(t, KEY_A)[0];
        s[1] = s[0];
        _refuse(t, reply(), s, abi.encodeWithSelector(PhatAnchor.SignersUnsorted.selector, vm.addr(KEY_A)));
        (bytes[] memory sorted) = signatures2(t, KEY_A, KEY_B);
        (s[0], s[1]) = (sorted[1], sorted[0]);
        vm.expectPartialRevert(PhatAnchor.SignersUnsorted.selector);
        net.anchor.fulfill(t, reply(), s);
    }

    function test_two_workers_of_one_operator_count_as_one() public {
        enter(0x51, ownerOf(KEY_A), KIND);
        Terms memory t = ask(0, 3, 0);
        bytes[] memory s = signatures2(t, KEY_A, 0x51);
        vm.expectPartialRevert(PhatAnchor.AnswersNotIndependent.selector);
        net.anchor.fulfill(t, reply(), s);
    }

    function test_distinct_vendors_can_be_demanded() public {
        Terms memory t = ask(0, 3, Demand.DISTINCT_VENDORS);
        bytes[] memory s = signatures2(t, KEY_A, KEY_B);
        vm.expectPartialRevert(PhatAnchor.AnswersNotIndependent.selector);
        net.anchor.fulfill(t, reply(), s);
        fulfill2(t, KEY_A, KEY_AMD);
        vm.assertEq(consumer.answered(), t.id);
    }

    function test_an_app_can_demand_three_replicas() public {
        IPhatApp careful = createApp("careful", 3);
        uint40 deadline = uint40(block.timestamp) + 100;
        uint64 id = consumer.ask(careful, "", 0, deadline, 1, 0);
        Terms memory t = Terms(id, careful, address(consumer), 0, 0, deadline, 1, 0, keccak256(""));
        _refuse(
            t,
            reply(),
            signatures1(t, KEY_A),
            abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A))
        );
    }

    function test_an_answer_can_be_shown_to_others() public {
        Terms memory t = ask(0, 3, 0);
        bytes memory s = signatures1(t, KEY_A)[0];
        vm.expectEmit();
        emit PhatAnchor.Proposed(t.id, vm.addr(KEY_A), reply(), s);
        net.anchor.propose(t, reply(), s);
        bytes memory unknown = signatures1(t, 0xdead)[0];
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(0xdead)));
        net.anchor.propose(t, reply(), unknown);
        t.feeWei++;
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.RequestUnknown.selector, t.id));
        net.anchor.propose(t, reply(), s);
    }

    // Withdrawing

    function test_money_that_cannot_be_sent_stays() public {
        Terms memory t = ask(1 ether, 1, 0);
        fulfill(t, KEY_A);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TransferFailed.selector, address(net.policy)));
        vm.prank(ownerOf(KEY_A));
        net.anchor.withdraw(address(net.policy));
        vm.assertEq(net.anchor.creditOf(ownerOf(KEY_A)), 1 ether);
    }
}

contract HostileConsumerTest is AnchorTest {
    HostileConsumer private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileConsumer(net.anchor);
    }

    function _askAs(HostileConsumer.Trick trick) private returns (Terms memory t) {
        uint40 deadline = uint40(block.timestamp) + 1000;
        uint64 id = hostile.ask(app, INPUT, 200_000, deadline, 1, 0);
        t = Terms(id, app, address(hostile), 0, 200_000, deadline, 1, 0, keccak256(INPUT));
        bytes memory again = trick == HostileConsumer.Trick.CANCEL
            ? abi.encodeCall(net.anchor.cancelAfterDeadline, (t))
            : abi.encodeCall(net.anchor.fulfill, (t, reply(), signatures1(t, KEY_A)));
        hostile.set(trick, again, app);
    }

    function _othersGoOn() private {
        Terms memory t = ask(1, 1, 0);
        fulfill(t, KEY_A);
        vm.assertEq(consumer.answered(), t.id);
    }

    function _failsAlone(HostileConsumer.Trick trick) private {
        Terms memory t = _askAs(trick);
        fulfill(t, KEY_A);
        vm.assertNotEq(net.anchor.commitmentOf(t.id), 0);
        _othersGoOn();
    }

    function test_a_reverting_consumer_blocks_nobody() public {
        _failsAlone(HostileConsumer.Trick.REVERT);
    }

    function test_a_gas_burning_consumer_blocks_nobody() public {
        Terms memory t = _askAs(HostileConsumer.Trick.BURN_GAS);
        uint256 before = gasleft();
        fulfill(t, KEY_A);
        vm.assertLt(before - gasleft(), 200_000 + 150_000);
        _othersGoOn();
    }

    function test_a_return_bombing_consumer_costs_its_own_gas_only() public {
        Terms memory t = _askAs(HostileConsumer.Trick.BOMB_RETURN);
        uint256 before = gasleft();
        fulfill(t, KEY_A);
        vm.assertLt(before - gasleft(), 500_000);
        vm.assertEq(net.anchor.commitmentOf(t.id), 0);
        _failsAlone(HostileConsumer.Trick.BOMB_REVERT);
    }

    function test_a_consumer_that_fulfills_again_within_its_callback_gets_nothing() public {
        Terms memory t = _askAs(HostileConsumer.Trick.FULFILL_AGAIN);
        fulfill(t, KEY_A);
        vm.assertEq(hostile.answered(), t.id);
        t = _askAs(HostileConsumer.Trick.CANCEL);
        fulfill(t, KEY_A);
        vm.assertEq(hostile.answered(), t.id);
        _othersGoOn();
    }

    function test_a_consumer_may_ask_again_within_its_callback() public {
        Terms memory t = _askAs(HostileConsumer.Trick.ASK_AGAIN);
        fulfill(t, KEY_A);
        vm.assertEq(net.anchor.requestCount(), t.id + 1);
        _othersGoOn();
    }

    function test_a_consumer_takes_out_no_more_than_its_own_within_its_callback() public {
        vm.deal(address(net.anchor), 5 ether);
        Terms memory t = _askAs(HostileConsumer.Trick.WITHDRAW);
        fulfill(t, KEY_A);
        vm.assertEq(address(hostile).balance, 0);
    }

    function test_a_failed_callback_can_be_tried_again_by_anybody() public {
        Terms memory t = _askAs(HostileConsumer.Trick.REVERT);
        fulfill(t, KEY_A);
        vm.expectPartialRevert(PhatAnchor.CallbackFailedAgain.selector);
        net.anchor.retryCallback(t.id, address(hostile), t.callbackGas, t.callbackGas, reply());
        hostile.set(HostileConsumer.Trick.NONE, "", app);
        vm.expectRevert(abi.encodeWithSelector(PhatAnchor.TermsInvalid.selector, bytes32("gas")));
        net.anchor.retryCallback(t.id, address(hostile), t.callbackGas - 1, t.callbackGas, reply());
        Reply memory other = reply();
        other.result = "other";
        bytes memory why = abi.encodeWithSelector(PhatAnchor.CallbackUnknown.selector, t.id);
        vm.expectRevert(why);
        net.anchor.retryCallback(t.id, address(hostile), t.callbackGas, t.callbackGas, other);
        vm.expectRevert(why);
        net.anchor.retryCallback(t.id, address(consumer), t.callbackGas, t.callbackGas, reply());
        net.anchor.retryCallback(t.id, address(hostile), t.callbackGas + 5, t.callbackGas, reply());
        vm.assertEq(net.anchor.commitmentOf(t.id), 0);
        vm.expectRevert(why);
        net.anchor.retryCallback(t.id, address(hostile), t.callbackGas, t.callbackGas, reply());
    }

    function test_the_callback_gets_exactly_the_gas_that_was_asked_for() public {
        MeteredConsumer metered = new MeteredConsumer(net.anchor);
        consumer = metered;
        fulfill(ask(0, 1, 0), KEY_A);
        uint256 seen = metered.gasSeen();
        vm.assertLe(seen, CALLBACK_GAS);
        vm.assertGt(seen, CALLBACK_GAS - 3000);
    }

    /// EIP-150: too little gas must revert the transaction, and must not look like a consumer that failed.
    function testFuzz_a_carrier_cannot_starve_the_callback(uint256 gas_) public {
        Terms memory t = ask(0, 1, 0);
        bytes[] memory s = signatures1(t, KEY_A);
        gas_ = bound(gas_, 60_000, 600_000);
        try net.anchor.fulfill{gas: gas_}(t, reply(), s) {
            vm.assertEq(consumer.answered(), t.id);
        } catch (bytes memory why) {
            vm.assertTrue(why.length == 0 || bytes4(why) == ExactCall.InsufficientGas.selector);
            vm.assertTrue(net.anchor.isOpen(t));
        }
    }
}
