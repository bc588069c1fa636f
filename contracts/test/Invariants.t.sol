// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reply, Terms} from "../src/interfaces/IPhatAnchor.sol";
import {Worker, WorkerState} from "../src/interfaces/IWorkerRegistry.sol";
import {AnchorTest} from "./lib/AnchorTest.sol";
import {HostileConsumer} from "./lib/Consumers.sol";

/// @notice Random requests, answers, cancellations and withdrawals, by good and hostile consumers; what is paid in is
/// always there for whom it is.
contract AnchorInvariants is AnchorTest {
    HostileConsumer private hostile;
    Terms[] private _open;
    uint256 public openWei;
    uint256 public answers;

    function setUp() public override {
        super.setUp();
        hostile = new HostileConsumer(net.anchor);
        vm.deal(address(this), 1e30);
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = this.askAnything.selector;
        selectors[1] = this.answer.selector;
        selectors[2] = this.cancel.selector;
        selectors[3] = this.takeOut.selector;
        selectors[4] = this.wait.selector;
        _target = FuzzSelector(address(this), selectors);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    FuzzSelector private _target;

    // forge calls these two.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = _target;
    }

    function askAnything(uint96 feeWei, uint8 trick, bool three) external {
        feeWei %= 1e18;
        uint40 deadline = uint40(block.timestamp) + 1000;
        hostile.set(HostileConsumer.Trick(trick % 5), "", app);
        uint8 replicas = three ? 3 : 1;
        uint64 id = hostile.ask{value: feeWei}(app, INPUT, CALLBACK_GAS, deadline, replicas, 0);
        _open.push(Terms(id, app, address(hostile), feeWei, CALLBACK_GAS, deadline, replicas, 0, keccak256(INPUT)));
        openWei += feeWei;
    }

    function answer(uint256 which) external {
        if (_open.length == 0) return;
        Terms memory t = _open[which % _open.length];
        if (block.timestamp >= t.deadline) return;
        if (t.replicas == 3) fulfill2(t, KEY_A, KEY_AMD);
        else fulfill(t, KEY_B);
        answers++;
        _forget(which % _open.length);
    }

    function cancel(uint256 which) external {
        if (_open.length == 0) return;
        Terms memory t = _open[which % _open.length];
        if (block.timestamp < t.deadline) return;
        net.anchor.cancelAfterDeadline(t);
        _forget(which % _open.length);
    }

    function takeOut(uint8 who) external {
        address owner = who % 2 == 0 ? ownerOf(KEY_A) : ownerOf(KEY_B);
        vm.prank(owner);
        net.anchor.withdraw(owner);
    }

    function wait(uint16 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 600);
    }

    function _forget(uint256 i) private {
        openWei -= _open[i].feeWei;
        _open[i] = _open[_open.length - 1];
        _open.pop();
    }

    function invariant_the_anchor_holds_what_it_owes_and_no_less() public view {
        uint256 owed = openWei + net.anchor.creditOf(address(hostile));
        owed += net.anchor.creditOf(ownerOf(KEY_A)) + net.anchor.creditOf(ownerOf(KEY_B));
        owed += net.anchor.creditOf(ownerOf(KEY_AMD));
        vm.assertEq(address(net.anchor).balance, owed);
    }

    function invariant_every_open_request_can_be_answered_or_cancelled() public view {
        for (uint256 i = 0; i < _open.length; i++) {
            vm.assertTrue(net.anchor.isOpen(_open[i]));
        }
    }
}

/// @notice Workers come and go at random; places, keys and states always fit together.
contract RegistryInvariants is AnchorTest {
    uint256 private constant WORKERS = 8;
    bytes32[] private _ids;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    FuzzSelector private _target;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < WORKERS; i++) {
            _ids.push(enter(0x800 + i));
        }
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = this.comeBack.selector;
        selectors[1] = this.drain.selector;
        selectors[2] = this.retire.selector;
        selectors[3] = this.invalidate.selector;
        selectors[4] = this.wait.selector;
        _target = FuzzSelector(address(this), selectors);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(this);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = _target;
    }

    function comeBack(uint256 which) external {
        enter(0x800 + which % WORKERS);
    }

    function drain(uint256 which) external {
        vm.prank(ownerOf(0x800 + which % WORKERS));
        net.registry.drain(_ids[which % WORKERS]);
    }

    function retire(uint256 which) external {
        vm.prank(ownerOf(0x800 + which % WORKERS));
        net.registry.retire(_ids[which % WORKERS]);
    }

    function invalidate(uint256 which) external {
        net.registry.invalidate(_ids[which % WORKERS]);
    }

    function wait(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 10 days);
        if (block.timestamp >= net.beacon.currentTime() + 1 hours) net.beacon.roll();
    }

    function invariant_places_keys_and_states_fit() public view {
        uint256 active;
        for (uint256 i = 0; i < WORKERS; i++) {
            Worker memory w = net.registry.workerOf(_ids[i]);
            bool has = w.state == WorkerState.ACTIVE || w.state == WorkerState.DRAINING;
            vm.assertEq(net.registry.idAt(w.index) == _ids[i], has);
            vm.assertEq(net.registry.idOfKey(w.signKey), _ids[i]);
            vm.assertEq(net.registry.signerOf(w.signKey).live, has && block.timestamp < w.leaseUntil);
            if (has) active++;
        }
        uint256 taken;
        for (uint32 i = 0; i < net.registry.indexCount(); i++) {
            if (net.registry.idAt(i) != 0) taken++;
        }
        vm.assertEq(taken, active + 3, "three more are there from the start");
    }
}
