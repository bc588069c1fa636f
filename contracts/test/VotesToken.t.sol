// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOptimismMintableERC20} from "../src/interfaces/IOptimismMintableERC20.sol";
import {L2PHA} from "../src/token/L2PHA.sol";
import {PHA} from "../src/token/PHA.sol";
import {Test} from "./lib/Test.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";

contract VotesTokenTest is Test {
    address private constant BRIDGE = address(0xb1);
    address private constant REMOTE = address(0x11);
    address private constant INTEROP = 0x4200000000000000000000000000000000000028;

    function test_the_supply_is_made_once() public {
        PHA pha = new PHA(address(this), 1e27);
        vm.assertEq(pha.totalSupply(), 1e27);
        vm.assertEq(pha.symbol(), "PHA");
    }

    function test_votes_follow_time_and_not_blocks() public {
        vm.warp(1000);
        PHA pha = new PHA(address(this), 100);
        vm.assertEq(pha.clock(), 1000);
        vm.assertEq(pha.CLOCK_MODE(), "mode=timestamp");
        pha.delegate(address(0x1));
        vm.warp(1001);
        pha.transfer(address(0x2), 40);
        vm.warp(1002);
        vm.assertEq(pha.getPastVotes(address(0x1), 1000), 100);
        vm.assertEq(pha.getVotes(address(0x1)), 60);
    }

    function test_permits_count_once() public {
        PHA pha = new PHA(vm.addr(1), 100);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                vm.addr(1),
                address(this),
                5,
                0,
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", pha.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(1, digest);
        pha.permit(vm.addr(1), address(this), 5, block.timestamp, v, r, s);
        vm.assertEq(pha.nonces(vm.addr(1)), 1);
        pha.transferFrom(vm.addr(1), address(this), 5);
        vm.expectRevert();
        pha.permit(vm.addr(1), address(this), 5, block.timestamp, v, r, s);
    }

    function test_only_the_bridges_mint_and_burn() public {
        L2PHA pha = new L2PHA(BRIDGE, REMOTE);
        vm.expectRevert(abi.encodeWithSelector(L2PHA.NotBridge.selector, address(this)));
        pha.mint(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(L2PHA.NotBridge.selector, address(this)));
        pha.burn(address(this), 1);
        vm.expectRevert(abi.encodeWithSelector(L2PHA.NotBridge.selector, BRIDGE));
        vm.prank(BRIDGE);
        pha.crosschainMint(address(this), 1);
        vm.prank(BRIDGE);
        pha.mint(address(this), 10);
        vm.prank(BRIDGE);
        pha.burn(address(this), 3);
        vm.prank(INTEROP);
        pha.crosschainMint(address(this), 5);
        vm.prank(INTEROP);
        pha.crosschainBurn(address(this), 1);
        vm.assertEq(pha.totalSupply(), 11);
        vm.assertEq(pha.remoteToken(), REMOTE);
        vm.assertEq(pha.bridge(), BRIDGE);
    }

    function test_the_bridges_recognise_it() public {
        L2PHA pha = new L2PHA(BRIDGE, REMOTE);
        vm.assertTrue(type(IOptimismMintableERC20).interfaceId == bytes4(0xec4fc8e3));
        vm.assertTrue(pha.supportsInterface(0xec4fc8e3));
        vm.assertTrue(pha.supportsInterface(type(IERC7802).interfaceId));
        vm.assertTrue(pha.supportsInterface(0x01ffc9a7));
        vm.assertFalse(pha.supportsInterface(0xffffffff));
    }
}
