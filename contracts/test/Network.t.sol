// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Network} from "../script/Network.sol";
import {Roles} from "../src/access/Roles.sol";
import {IAppAuth} from "../src/interfaces/IAppAuth.sol";
import {Lens} from "../src/lens/Lens.sol";
import {L2PHA} from "../src/token/L2PHA.sol";
import {NetworkMaker} from "./lib/NetworkMaker.sol";
import {NetworkTest} from "./lib/NetworkTest.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

contract NetworkSetUpTest is NetworkTest {
    function check(address deployer) external view {
        Network.check(net, config, deployer);
    }

    function test_the_deployer_ends_with_no_role() public {
        this.check(address(0xde));
        vm.startPrank(address(net.upgradeTimelock));
        uint64[6] memory roles =
            [uint64(0), Roles.GOVERNANCE, Roles.PAUSER, Roles.IMAGE_REVOKER, Roles.CERTIFICATE_JUDGE, Roles.STAKE];
        for (uint256 i = 0; i < roles.length; i++) {
            net.manager.grantRole(roles[i], address(0xde), 0);
            vm.expectRevert(abi.encodeWithSelector(Network.RoleWrong.selector, roles[i], address(0xde)));
            this.check(address(0xde));
            net.manager.revokeRole(roles[i], address(0xde));
        }
        vm.stopPrank();
    }

    function test_a_role_that_is_missing_is_noticed() public {
        vm.prank(address(net.upgradeTimelock));
        net.manager.revokeRole(Roles.PAUSER, COUNCIL);
        vm.expectRevert(abi.encodeWithSelector(Network.RoleWrong.selector, Roles.PAUSER, COUNCIL));
        this.check(address(0xde));
    }

    function test_a_timelock_that_is_wrong_is_noticed() public {
        vm.prank(address(net.timelock));
        net.timelock.updateDelay(1);
        vm.expectRevert(abi.encodeWithSelector(Network.TimelockWrong.selector, address(net.timelock)));
        this.check(address(0xde));
    }

    function test_governance_waits_for_the_timelock() public {
        bytes memory call = abi.encodeCall(net.policy.retireImage, (image, uint40(START) + 1000));
        vm.startPrank(GOVERNANCE);
        net.timelock.schedule(address(net.policy), 0, call, 0, 0, 2 days);
        vm.stopPrank();
        vm.expectRevert();
        net.timelock.execute(address(net.policy), 0, call, 0, 0);
        vm.warp(START + 2 days);
        net.timelock.execute(address(net.policy), 0, call, 0, 0);
        vm.assertEq(net.policy.imageOf(image).retireAt, START + 1000);
    }

    function test_the_council_cancels_what_governance_planned() public {
        bytes memory call = abi.encodeCall(net.policy.retireImage, (image, 1));
        vm.prank(GOVERNANCE);
        net.timelock.schedule(address(net.policy), 0, call, 0, 0, 2 days);
        bytes32 id = net.timelock.hashOperation(address(net.policy), 0, call, 0, 0);
        vm.prank(COUNCIL);
        net.timelock.cancel(id);
        vm.warp(START + 2 days);
        vm.expectRevert();
        net.timelock.execute(address(net.policy), 0, call, 0, 0);
    }

    function test_timelocks_are_slow_off_the_development_chain() public {
        NetworkMaker maker = NetworkMaker(vm.deployCode("NetworkMaker.sol:NetworkMaker"));
        vm.chainId(2035);
        maker.make(config);
        config.upgradeDelayS = 7 days - 1;
        vm.expectRevert(abi.encodeWithSelector(Network.DelayTooShort.selector, 2 days, 7 days - 1));
        maker.make(config);
        config.upgradeDelayS = 7 days;
        config.delayS = 1 days - 1;
        vm.expectRevert(abi.encodeWithSelector(Network.DelayTooShort.selector, 1 days - 1, 7 days));
        maker.make(config);
    }

    function test_pha_is_bridged_where_it_is_not_native() public {
        config.supply = 0;
        config.bridge = address(0xb1);
        config.remotePha = address(0x11);
        Network.Deployed memory d = NetworkMaker(vm.deployCode("NetworkMaker.sol:NetworkMaker")).make(config);
        vm.assertEq(L2PHA(d.pha).bridge(), address(0xb1));
    }
}

contract LensTest is NetworkTest {
    function test_a_worker_reads_all_it_needs_at_once() public {
        Lens.WorkerStatus memory s = net.lens.statusOf(vm.addr(1));
        vm.assertEq(s.id, 0);
        vm.assertEq(s.beacon, net.beacon.current());
        vm.assertEq(s.beaconDue, START + 1 hours);
        bytes32 id = enter(1);
        s = net.lens.statusOf(vm.addr(1));
        vm.assertEq(s.id, id);
        vm.assertEq(s.worker.leaseUntil, START + LEASE_S);
        vm.assertEq(s.image, image);
        vm.assertTrue(s.imageLive);
        vm.assertFalse(s.committeeMember);
        vm.assertEq(s.time, START);
    }

    function test_workers_come_in_pages_without_the_free_places() public {
        for (uint256 i = 1; i <= 5; i++) {
            enter(i);
        }
        bytes32 second = net.registry.idAt(1);
        vm.prank(ownerOf(2));
        net.registry.retire(second);
        Lens.WorkerEntry[] memory page = net.lens.workers(0, 3);
        vm.assertEq(page.length, 2);
        vm.assertTrue(page[0].live);
        vm.assertEq(net.lens.workers(3, 1000).length, 2);
        vm.assertEq(net.lens.workers(9, 1).length, 0);
    }

    function test_what_is_stored_of_requests_comes_at_once() public view {
        uint64[] memory ids = new uint64[](2);
        (ids[0], ids[1]) = (1, 2);
        bytes32[] memory stored = net.lens.commitments(ids);
        vm.assertEq(stored.length, 2);
        vm.assertEq(stored[0], 0);
    }
}
