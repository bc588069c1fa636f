// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../src/access/Governed.sol";
import {IAppAuth, IAppAuthBasicManagement} from "../src/interfaces/IAppAuth.sol";
import {AppPolicy, IPhatApp} from "../src/interfaces/IPhatApp.sol";
import {Signer} from "../src/interfaces/IWorkerRegistry.sol";
import {KeyLog} from "../src/phat/KeyLog.sol";
import {PhatApp} from "../src/phat/PhatApp.sol";
import {PhatRegistry} from "../src/phat/PhatRegistry.sol";
import {AnchorTest} from "./lib/AnchorTest.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {UUPSUpgradeable} from "@openzeppelin/contracts/proxy/utils/UUPSUpgradeable.sol";

contract PhatRegistryTest is AnchorTest {
    PhatApp private phat;
    bytes32 private constant NEW_CODE = keccak256("the next bundle");

    function setUp() public override {
        super.setUp();
        phat = PhatApp(address(app));
    }

    function _create(string memory name, bool upgradeable) private returns (PhatApp) {
        bytes32[] memory code = new bytes32[](1);
        code[0] = CODE;
        return net.phats.create(name, openPolicy(1), code, upgradeable);
    }

    function _boot() private view returns (IAppAuth.AppBootInfo memory b) {
        b.appId = address(app);
        b.composeHash = CODE;
        b.deviceId = keccak256("device");
        b.osImageHash = keccak256("os");
        b.tcbStatus = "UpToDate";
    }

    function _signer() private view returns (Signer memory s) {
        return net.registry.signerOf(vm.addr(KEY_A));
    }

    function _boots(IAppAuth.AppBootInfo memory b, bool yes, string memory reason) private view {
        (bool allowed, string memory why) = phat.isAppAllowed(b);
        vm.assertEq(allowed, yes);
        vm.assertEq(why, reason);
    }

    // Making

    function test_a_phats_id_is_that_of_the_c_node() public view {
        bytes20 id = bytes20(sha256(abi.encodePacked("phala-phat-id-v1", address(this), "oracle")));
        vm.assertEq(bytes32(net.phats.phatIdOf(address(this), "oracle")), bytes32(id));
        vm.assertEq(address(net.phats.appOf(id)), address(app));
        vm.assertEq(bytes32(net.phats.phatOf(address(app))), bytes32(id));
        vm.assertEq(bytes32(phat.phatId()), bytes32(id));
        vm.assertEq(phat.owner(), address(this));
    }

    function test_a_name_is_taken_once_by_each_owner() public {
        bytes20 id = net.phats.phatIdOf(address(this), "oracle");
        vm.expectRevert(abi.encodeWithSelector(PhatRegistry.PhatExists.selector, id));
        _create("oracle", false);
        vm.prank(STRANGER);
        net.phats.create("oracle", openPolicy(1), new bytes32[](0), false);
        vm.expectRevert(PhatRegistry.NameInvalid.selector);
        _create("", false);
        vm.expectRevert(PhatRegistry.NameInvalid.selector);
        _create("12345678901234567890123456789012345678901234567890123456789012345", false);
        vm.prank(COUNCIL);
        net.phats.pause();
        vm.expectRevert(abi.encodeWithSelector(Governed.Paused.selector, START + 7 days));
        _create("other", false);
    }

    function test_policies_that_cannot_be_are_refused() public {
        for (uint256 field = 0; field < 5; field++) {
            AppPolicy memory p = openPolicy(1);
            bytes32 what;
            if (field == 0) (p.kindMask, what) = (0, "kindMask");
            if (field == 1) (p.tcbMask, what) = (0, "tcbMask");
            if (field == 2) (p.tcbMask, what) = (1 << 9, "tcbMask");
            if (field == 3) (p.minReplicas, what) = (2, "minReplicas");
            if (field == 4) (p.delayS, what) = (30 days + 1, "delayS");
            vm.expectRevert(abi.encodeWithSelector(PhatApp.PolicyInvalid.selector, what));
            net.phats.create("bad", p, new bytes32[](0), false);
        }
    }

    function test_apps_and_their_code_cannot_be_initialized_again() public {
        bytes32[] memory none = new bytes32[](0);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        phat.initialize(STRANGER, 0, openPolicy(1), none);
        PhatApp code = net.appCode;
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        code.initialize(STRANGER, 0, openPolicy(1), none);
    }

    // Deciding

    function test_workers_are_admitted_by_every_rule() public {
        Signer memory s = _signer();
        vm.assertTrue(phat.admits(s, CODE, 1));
        vm.assertFalse(phat.admits(s, NEW_CODE, 1));
        s.live = false;
        vm.assertFalse(phat.admits(s, CODE, 1));
        s = _signer();
        s.tcbStatus = 5;
        vm.assertFalse(phat.admits(s, CODE, 1));
        s.tcbStatus = 200;
        vm.assertFalse(phat.admits(s, CODE, 1));
        AppPolicy memory p = openPolicy(3);
        p.anyImage = false;
        p.anyDevice = false;
        p.anyCluster = false;
        PhatApp strict = net.phats.create("strict", p, new bytes32[](0), false);
        strict.allow(PhatApp.List.CODE, CODE);
        vm.warp(block.timestamp + 1 days);
        s = _signer();
        vm.assertFalse(strict.admits(s, CODE, 3));
        strict.allow(PhatApp.List.IMAGE, bytes32(uint256(s.imageId)));
        vm.warp(block.timestamp + 1 days);
        vm.assertFalse(strict.admits(s, CODE, 3));
        strict.allow(PhatApp.List.DEVICE, s.workerId);
        vm.warp(block.timestamp + 1 days);
        vm.assertFalse(strict.admits(s, CODE, 3));
        strict.allow(PhatApp.List.CLUSTER, s.ecdhKey);
        vm.warp(block.timestamp + 1 days);
        vm.assertTrue(strict.admits(s, CODE, 3));
        vm.assertFalse(strict.admits(s, CODE, 1));
    }

    function testFuzz_kinds_are_admitted_by_their_bit(uint16 kind, uint32 mask) public {
        mask = uint32(bound(mask, 1, type(uint32).max));
        AppPolicy memory p = openPolicy(1);
        p.kindMask = mask;
        bytes32[] memory code = new bytes32[](1);
        code[0] = CODE;
        PhatApp picky = net.phats.create("picky", p, code, false);
        Signer memory s = _signer();
        s.kind = kind;
        bool expected = mask == type(uint32).max || (kind < 30 && (mask >> kind) & 1 != 0);
        vm.assertEq(picky.admits(s, CODE, 1), expected || _simulated(kind, mask));
        s.kind = 254;
        vm.assertEq(picky.admits(s, CODE, 1), (mask >> 30) & 1 != 0);
        s.kind = 255;
        vm.assertEq(picky.admits(s, CODE, 1), (mask >> 31) & 1 != 0);
    }

    function _simulated(uint16 kind, uint32 mask) private pure returns (bool) {
        return (kind == 254 && (mask >> 30) & 1 != 0) || (kind == 255 && (mask >> 31) & 1 != 0);
    }

    // dstack

    function test_dstacks_interface_ids() public view {
        vm.assertTrue(type(IAppAuth).interfaceId == bytes4(0x1e079198));
        vm.assertTrue(type(IAppAuthBasicManagement).interfaceId == bytes4(0x8fd37527));
        vm.assertTrue(phat.supportsInterface(0x1e079198));
        vm.assertTrue(phat.supportsInterface(0x8fd37527));
        vm.assertTrue(phat.supportsInterface(0x01ffc9a7));
        vm.assertTrue(phat.supportsInterface(type(IPhatApp).interfaceId));
        vm.assertFalse(phat.supportsInterface(0xffffffff));
        vm.assertTrue(net.phats.supportsInterface(0x1e079198));
        vm.assertTrue(net.phats.supportsInterface(0x01ffc9a7));
        vm.assertFalse(net.phats.supportsInterface(0xffffffff));
    }

    function test_a_boot_is_allowed_or_the_reason_is_named() public {
        _boots(_boot(), true, "");
        IAppAuth.AppBootInfo memory b = _boot();
        b.appId = STRANGER;
        _boots(b, false, "other app");
        b.appId = address(phat.phatId());
        _boots(b, true, "");
        b = _boot();
        b.composeHash = 0;
        _boots(b, false, "compose hash not allowed");
        AppPolicy memory p = openPolicy(1);
        p.anyImage = false;
        p.anyDevice = false;
        p.delayS = 0;
        phat.announcePolicy(p);
        vm.warp(block.timestamp + 1 days);
        phat.applyPolicy();
        _boots(_boot(), false, "os image not allowed");
        phat.allow(PhatApp.List.OS_IMAGE, keccak256("os"));
        _boots(_boot(), false, "device not allowed");
        phat.addDevice(keccak256("device"));
        _boots(_boot(), true, "");
        phat.removeDevice(keccak256("device"));
        _boots(_boot(), false, "device not allowed");
    }

    /// Found in dstack: the TCB status was compared as a string with one other.
    function test_statuses_are_names_of_the_table_and_nothing_else() public view {
        IAppAuth.AppBootInfo memory b = _boot();
        string[9] memory names = [
            "UpToDate",
            "SWHardeningNeeded",
            "ConfigurationNeeded",
            "ConfigurationAndSWHardeningNeeded",
            "OutOfDate",
            "OutOfDateConfigurationNeeded",
            "TD_RELAUNCH_ADVISED",
            "TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED",
            "Revoked"
        ];
        for (uint256 i = 0; i < names.length; i++) {
            b.tcbStatus = names[i];
            (bool allowed,) = phat.isAppAllowed(b);
            vm.assertEq(allowed, i < 3);
        }
        b.tcbStatus = "uptodate";
        _boots(b, false, "tcb status not allowed");
        b.tcbStatus = "";
        _boots(b, false, "tcb status not allowed");
    }

    function test_the_registry_answers_for_every_app_by_address_and_by_id() public view {
        IAppAuth.AppBootInfo memory b = _boot();
        (bool allowed,) = net.phats.isAppAllowed(b);
        vm.assertTrue(allowed);
        b.appId = address(phat.phatId());
        (allowed,) = net.phats.isAppAllowed(b);
        vm.assertTrue(allowed);
        b.appId = STRANGER;
        (, string memory why) = net.phats.isAppAllowed(b);
        vm.assertEq(why, "app not registered");
    }

    // The owner

    function test_new_code_waits_and_old_code_ends_at_once() public {
        phat.addComposeHash(NEW_CODE);
        vm.assertFalse(phat.admits(_signer(), NEW_CODE, 1));
        vm.warp(START + 1 days - 1);
        vm.assertFalse(phat.admits(_signer(), NEW_CODE, 1));
        phat.addComposeHash(NEW_CODE);
        vm.warp(START + 1 days);
        vm.assertTrue(phat.admits(_signer(), NEW_CODE, 1), "adding it again does not move it");
        phat.removeComposeHash(CODE);
        vm.assertFalse(phat.admits(_signer(), CODE, 1));
    }

    function test_other_rules_wait() public {
        AppPolicy memory p = openPolicy(3);
        vm.expectRevert(abi.encodeWithSelector(PhatApp.NotYet.selector, 0));
        phat.applyPolicy();
        phat.announcePolicy(p);
        vm.expectRevert(abi.encodeWithSelector(PhatApp.NotYet.selector, START + 1 days));
        phat.applyPolicy();
        vm.assertEq(phat.nextPolicy().minReplicas, 3);
        vm.warp(START + 1 days);
        vm.prank(STRANGER);
        phat.applyPolicy();
        vm.assertEq(phat.policy().minReplicas, 3);
        vm.expectRevert(abi.encodeWithSelector(PhatApp.NotYet.selector, 0));
        phat.applyPolicy();
        p.delayS = 0;
        phat.announcePolicy(p);
        vm.warp(START + 2 days);
        phat.applyPolicy();
        p.minReplicas = 1;
        phat.announcePolicy(p);
        vm.assertEq(phat.policy().minReplicas, 1, "without a delay it is at once");
    }

    function test_only_the_owner_changes_an_app() public {
        bytes[7] memory calls = [
            abi.encodeCall(phat.announcePolicy, (openPolicy(1))),
            abi.encodeCall(phat.allow, (PhatApp.List.CODE, CODE)),
            abi.encodeCall(phat.disallow, (PhatApp.List.CODE, CODE)),
            abi.encodeCall(phat.disableUpgrades, ()),
            abi.encodeCall(phat.addComposeHash, (CODE)),
            abi.encodeCall(phat.removeDevice, (CODE)),
            abi.encodeCall(phat.transferOwnership, (STRANGER))
        ];
        for (uint256 i = 0; i < calls.length; i++) {
            vm.prank(STRANGER);
            (bool ok, bytes memory why) = address(phat).call(calls[i]);
            vm.assertFalse(ok);
            vm.assertEq(why, abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, STRANGER));
        }
        phat.transferOwnership(STRANGER);
        vm.assertEq(phat.owner(), address(this));
        vm.prank(STRANGER);
        phat.acceptOwnership();
        vm.assertEq(phat.owner(), STRANGER);
    }

    function test_a_clone_is_for_ever_and_a_proxy_until_its_owner_says_so() public {
        address next = address(new PhatApp());
        bytes32 entry = bytes32(uint256(uint160(next)));
        phat.allow(PhatApp.List.UPGRADE, entry);
        vm.warp(START + 1 days);
        vm.expectRevert(UUPSUpgradeable.UUPSUnauthorizedCallContext.selector);
        phat.upgradeToAndCall(next, "");

        PhatApp proxy = _create("proxy", true);
        vm.expectRevert(abi.encodeWithSelector(PhatApp.NotYet.selector, 0));
        proxy.upgradeToAndCall(next, "");
        proxy.allow(PhatApp.List.UPGRADE, entry);
        vm.expectRevert(abi.encodeWithSelector(PhatApp.NotYet.selector, block.timestamp + 1 days));
        proxy.upgradeToAndCall(next, "");
        vm.warp(START + 2 days);
        proxy.upgradeToAndCall(next, "");
        vm.assertTrue(proxy.admits(_signer(), CODE, 1));
        proxy.disableUpgrades();
        vm.expectRevert(PhatApp.UpgradesDisabled.selector);
        proxy.upgradeToAndCall(next, "");
    }
}

contract KeyLogTest is AnchorTest {
    address private constant CLUSTER = address(0xc1);
    bytes32 private constant TO = keccak256("another worker");
    bytes32 private constant EVIDENCE = keccak256("evidence");

    function _signature(uint256 key, uint32 epoch) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Handover(bytes32 to,address cluster,uint32 keyEpoch,bytes32 evidenceHash)"),
                TO,
                CLUSTER,
                epoch,
                EVIDENCE
            )
        );
        return signed(key, typedDigest("PhalaPhatRegistry", address(net.phats), structHash));
    }

    function _refuse(address from, uint32 epoch, bytes memory signature, bytes memory why) private {
        vm.expectRevert(why);
        net.phats.logHandover(from, TO, CLUSTER, epoch, EVIDENCE, signature);
    }

    function test_a_hand_over_is_logged_once() public {
        vm.expectEmit();
        emit KeyLog.KeysHandedOver(net.registry.idOfKey(vm.addr(KEY_A)), TO, CLUSTER, 0, EVIDENCE);
        net.phats.logHandover(vm.addr(KEY_A), TO, CLUSTER, 0, EVIDENCE, _signature(KEY_A, 0));
        _refuse(vm.addr(KEY_A), 0, _signature(KEY_A, 0), abi.encodeWithSelector(KeyLog.AlreadyLogged.selector));
        net.phats.logHandover(vm.addr(KEY_B), TO, CLUSTER, 0, EVIDENCE, _signature(KEY_B, 0));
    }

    function test_only_live_workers_hand_over_and_sign_it() public {
        _refuse(
            vm.addr(0xdead),
            0,
            _signature(0xdead, 0),
            abi.encodeWithSelector(KeyLog.SignerNotLive.selector, vm.addr(0xdead))
        );
        _refuse(
            vm.addr(KEY_A),
            0,
            _signature(KEY_B, 0),
            abi.encodeWithSelector(KeyLog.SignatureInvalid.selector, vm.addr(KEY_A))
        );
    }

    function test_keys_follow_epochs() public {
        asGovernance();
        net.phats.advanceKeyEpoch(CLUSTER);
        _refuse(vm.addr(KEY_A), 0, _signature(KEY_A, 0), abi.encodeWithSelector(KeyLog.KeyEpochIs.selector, 1));
        net.phats.logHandover(vm.addr(KEY_A), TO, CLUSTER, 1, EVIDENCE, _signature(KEY_A, 1));
    }

    function test_revoked_workers_neither_give_nor_get_keys() public {
        bytes32 giver = net.registry.idOfKey(vm.addr(KEY_A));
        vm.prank(COUNCIL);
        net.phats.revokeKeys(giver);
        _refuse(vm.addr(KEY_A), 0, _signature(KEY_A, 0), abi.encodeWithSelector(KeyLog.KeysRevoked.selector, giver));
        asGovernance();
        net.phats.restoreKeys(giver);
        vm.prank(COUNCIL);
        net.phats.revokeKeys(TO);
        _refuse(vm.addr(KEY_A), 0, _signature(KEY_A, 0), abi.encodeWithSelector(KeyLog.KeysRevoked.selector, TO));
    }

    function test_a_number_of_ones_own_shows_that_the_view_is_fresh() public {
        net.phats.freshen("random");
        vm.assertEq(net.phats.freshAt("random"), START);
        vm.expectRevert(abi.encodeWithSelector(KeyLog.NonceUsed.selector, bytes32("random")));
        net.phats.freshen("random");
    }
}
