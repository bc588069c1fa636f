// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AnchorStore} from "../src/anchor/AnchorStore.sol";
import {Action, Commit, Read, Write} from "../src/interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../src/interfaces/IPhatApp.sol";
import {AnchorTest} from "./lib/AnchorTest.sol";

contract AnchorStoreTest is AnchorTest {
    bytes32 private constant PRICE = "price";

    function _commit(uint256 nonce, uint64 version, bytes32 value) private view returns (Commit memory c) {
        c.app = app;
        c.codeHash = CODE;
        c.reads = new Read[](1);
        c.reads[0] = Read(PRICE, version);
        c.writes = new Write[](1);
        c.writes[0] = Write(PRICE, value);
        c.nonce = nonce;
        c.deadline = uint40(block.timestamp) + 100;
    }

    function _sign(Commit memory c, uint256 key) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Commit(address app,bytes32 codeHash,bytes32 reads,bytes32 writes,bytes32 actions,uint256 nonce,uint40 deadline)"
                ),
                c.app,
                c.codeHash,
                keccak256(abi.encode(c.reads)),
                keccak256(abi.encode(c.writes)),
                keccak256(abi.encode(c.actions)),
                c.nonce,
                c.deadline
            )
        );
        return signed(key, typedDigest("PhalaPhatAnchor", address(net.anchor), structHash));
    }

    function _send(Commit memory c) private {
        net.anchor.commit(c, _sign(c, KEY_A));
    }

    function _value() private view returns (bytes32 value, uint64 version) {
        return net.anchor.valueOf(app, PRICE);
    }

    function test_a_worker_writes_what_nobody_wrote_before() public {
        _send(_commit(7, 0, "100"));
        (bytes32 value, uint64 version) = _value();
        vm.assertEq(value, "100");
        vm.assertEq(version, 1);
        vm.assertTrue(net.anchor.isNonceUsed(app, 7));
        vm.assertFalse(net.anchor.isNonceUsed(app, 8));
    }

    function test_of_two_commits_over_the_same_read_one_wins() public {
        Commit memory a = _commit(1, 0, "100");
        Commit memory b = _commit(2, 0, "200");
        bytes memory s = _sign(b, KEY_B);
        _send(a);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.ReadConflict.selector, PRICE, 1));
        net.anchor.commit(b, s);
        vm.assertFalse(net.anchor.isNonceUsed(app, 2));
        _send(_commit(2, 1, "200"));
        (bytes32 value,) = _value();
        vm.assertEq(value, "200");
    }

    function test_a_value_written_back_has_another_version() public {
        _send(_commit(1, 0, "100"));
        _send(_commit(2, 1, 0));
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.ReadConflict.selector, PRICE, 2));
        this.send(_commit(3, 0, "1"));
    }

    function send(Commit calldata c) external {
        _send(c);
    }

    function test_a_commit_counts_once() public {
        Commit memory c = _commit(1, 0, "100");
        c.reads = new Read[](0);
        bytes memory s = _sign(c, KEY_A);
        net.anchor.commit(c, s);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.NonceUsed.selector, 1));
        net.anchor.commit(c, s);
    }

    function testFuzz_nonces_are_used_in_any_order(uint256 a, uint256 b) public {
        vm.assume(a != b);
        Commit memory c = _commit(a, 0, "1");
        c.reads = new Read[](0);
        _send(c);
        vm.assertFalse(net.anchor.isNonceUsed(app, b));
        c.nonce = b;
        _send(c);
    }

    function test_a_commit_ends_at_its_deadline() public {
        Commit memory c = _commit(1, 0, "1");
        bytes memory s = _sign(c, KEY_A);
        vm.warp(c.deadline);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.CommitExpired.selector, c.deadline));
        net.anchor.commit(c, s);
    }

    function test_there_is_no_standing_permission() public {
        Commit memory c = _commit(1, 0, "1");
        bytes memory s = _sign(c, 0xdead);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(0xdead)));
        net.anchor.commit(c, s);
        s = _sign(c, KEY_A);
        vm.warp(START + LEASE_S);
        c.deadline = uint40(block.timestamp) + 1;
        s = _sign(c, KEY_A);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A)));
        net.anchor.commit(c, s);
    }

    function test_a_signature_is_of_every_part() public {
        Commit memory good = _commit(1, 0, "1");
        good.actions = new Action[](1);
        good.actions[0] = Action(address(consumer), 50_000, "hello");
        bytes memory s = _sign(good, KEY_A);
        for (uint256 field = 0; field < 7; field++) {
            Commit memory c = abi.decode(abi.encode(good), (Commit));
            if (field == 0) c.app = createApp("second", 1);
            if (field == 1) c.codeHash = 0;
            if (field == 2) c.reads[0].version = 1;
            if (field == 3) c.writes[0].value = "2";
            if (field == 4) c.actions[0].data = "bye";
            if (field == 5) c.nonce = 2;
            if (field == 6) c.deadline++;
            vm.expectPartialRevert(AnchorStore.SignerRefused.selector);
            net.anchor.commit(c, s);
        }
        net.anchor.commit(good, s);
        vm.assertEq(consumer.message(), "hello");
    }

    function test_a_phat_writes_its_own_values_only() public {
        _send(_commit(1, 0, "1"));
        IPhatApp other = createApp("second", 1);
        (, uint64 version) = net.anchor.valueOf(other, PRICE);
        vm.assertEq(version, 0);
    }

    function test_an_app_that_demands_replicas_has_no_values() public {
        Commit memory c = _commit(1, 0, "1");
        c.app = createApp("careful", 3);
        bytes memory s = _sign(c, KEY_A);
        vm.expectRevert(abi.encodeWithSelector(AnchorStore.SignerRefused.selector, vm.addr(KEY_A)));
        net.anchor.commit(c, s);
    }

    function test_a_message_that_fails_takes_the_commit_back() public {
        Commit memory c = _commit(1, 0, "1");
        c.actions = new Action[](1);
        c.actions[0] = Action(address(net.policy), 50_000, "hello");
        bytes memory s = _sign(c, KEY_A);
        vm.expectPartialRevert(AnchorStore.ActionFailed.selector);
        net.anchor.commit(c, s);
        (, uint64 version) = _value();
        vm.assertEq(version, 0);
    }
}
