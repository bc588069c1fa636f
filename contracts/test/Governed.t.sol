// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../src/access/EpochBeacon.sol";
import {Governed} from "../src/access/Governed.sol";
import {TeePolicy} from "../src/policy/TeePolicy.sol";
import {NetworkTest} from "./lib/NetworkTest.sol";
import {IAccessManaged} from "@openzeppelin/contracts/access/manager/IAccessManaged.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";

contract GovernedTest is NetworkTest {
    function _all() private view returns (Governed[5] memory) {
        return [
            Governed(net.policy),
            Governed(net.registry),
            Governed(net.committee),
            Governed(net.phats),
            Governed(net.anchor)
        ];
    }

    function _unauthorized(address who) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IAccessManaged.AccessManagedUnauthorized.selector, who);
    }

    /// EigenLayer's EG4-02: an initializer that anybody could call.
    function test_nothing_can_be_initialized_twice_nor_the_implementation_at_all() public {
        Governed[5] memory all = _all();
        for (uint256 i = 0; i < all.length; i++) {
            vm.expectRevert(Initializable.InvalidInitialization.selector);
            all[i].initialize(address(this));
        }
        TeePolicy implementation = new TeePolicy();
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        implementation.initialize(address(this));
    }

    function test_only_the_upgrade_timelock_upgrades() public {
        Governed[5] memory all = _all();
        address implementation = address(new TeePolicy());
        address[4] memory others = [address(this), COUNCIL, GOVERNANCE, address(net.timelock)];
        for (uint256 i = 0; i < all.length; i++) {
            for (uint256 j = 0; j < others.length; j++) {
                vm.expectRevert(_unauthorized(others[j]));
                vm.prank(others[j]);
                all[i].upgradeToAndCall(implementation, "");
            }
        }
        vm.prank(address(net.upgradeTimelock));
        net.policy.upgradeToAndCall(implementation, "");
        vm.assertEq(net.policy.kindOf(KIND).leaseS, LEASE_S, "storage stays");
    }

    function test_a_pause_ends_by_itself_and_the_guardian_cannot_chain_them() public {
        vm.expectRevert(_unauthorized(STRANGER));
        vm.prank(STRANGER);
        net.anchor.pause();
        vm.prank(COUNCIL);
        net.anchor.pause();
        vm.assertEq(net.anchor.pausedUntil(), START + 7 days);
        for (uint256 day = 0; day < 14; day += 7) {
            vm.warp(START + day * 1 days);
            vm.expectRevert(abi.encodeWithSelector(Governed.PauseTooSoon.selector, START + 14 days));
            vm.prank(COUNCIL);
            net.anchor.pause();
        }
        vm.warp(START + 14 days);
        vm.prank(COUNCIL);
        net.anchor.pause();
    }

    function test_governance_ends_a_pause_and_the_guardian_does_not() public {
        vm.prank(COUNCIL);
        net.anchor.pause();
        vm.expectRevert(_unauthorized(COUNCIL));
        vm.prank(COUNCIL);
        net.anchor.unpause();
        asGovernance();
        net.anchor.unpause();
        vm.assertEq(net.anchor.pausedUntil(), 0);
        vm.prank(COUNCIL);
        net.anchor.pause();
    }

    function test_every_restricted_function_refuses_strangers() public {
        bytes[12] memory calls = [
            abi.encodeCall(net.policy.addKind, (9, net.policy.kindOf(KIND))),
            abi.encodeCall(net.policy.setKind, (KIND, net.policy.kindOf(KIND))),
            abi.encodeCall(net.policy.announceVerifier, (KIND, fake, 1 days)),
            abi.encodeCall(net.policy.withdrawVerifier, (KIND)),
            abi.encodeCall(net.policy.addImage, (KIND, "xyz", 0, 0)),
            abi.encodeCall(net.policy.retireImage, (image, 0)),
            abi.encodeCall(net.policy.revokeImage, (image)),
            abi.encodeCall(net.policy.restoreImage, (image)),
            abi.encodeCall(net.policy.pause, ()),
            abi.encodeCall(net.policy.unpause, ()),
            abi.encodeCall(net.policy.upgradeToAndCall, (address(fake), "")),
            abi.encodeCall(net.policy.setAuthority, (STRANGER))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(STRANGER);
            (bool ok, bytes memory why) = address(net.policy).call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(why, _unauthorized(STRANGER));
        }
    }
}

contract EpochBeaconTest is NetworkTest {
    function test_the_beacon_rolls_once_an_hour_for_anybody() public {
        bytes32 first = net.beacon.current();
        vm.expectRevert(abi.encodeWithSelector(EpochBeacon.BeaconTooSoon.selector, START + 1 hours));
        net.beacon.roll();
        vm.warp(START + 1 hours);
        vm.prank(STRANGER);
        net.beacon.roll();
        vm.assertEq(net.beacon.number(), 2);
        vm.assertEq(net.beacon.previous(), first);
        vm.assertEq(net.beacon.timeOf(first), START);
        vm.assertEq(net.beacon.timeOf(net.beacon.current()), START + 1 hours);
    }

    function test_only_the_last_two_values_have_a_time() public {
        bytes32 first = net.beacon.current();
        nextBeacon();
        nextBeacon();
        vm.expectRevert(abi.encodeWithSelector(EpochBeacon.BeaconUnknown.selector, first));
        net.beacon.timeOf(first);
    }

    function test_zero_is_no_value_even_before_there_is_a_previous_one() public {
        vm.expectRevert(abi.encodeWithSelector(EpochBeacon.BeaconUnknown.selector, bytes32(0)));
        net.beacon.timeOf(0);
    }

    function test_values_depend_on_the_blocks_randomness() public {
        vm.warp(START + 1 hours);
        uint256 state = vm.snapshotState();
        vm.prevrandao(bytes32(uint256(1)));
        net.beacon.roll();
        bytes32 one = net.beacon.current();
        vm.revertToState(state);
        vm.prevrandao(bytes32(uint256(2)));
        net.beacon.roll();
        vm.assertNotEq(one, net.beacon.current());
    }
}
