// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reply, Terms} from "../../src/interfaces/IPhatAnchor.sol";
import {AppPolicy, IPhatApp} from "../../src/interfaces/IPhatApp.sol";
import {Consumer} from "./Consumers.sol";
import {NetworkTest} from "./NetworkTest.sol";

/// @notice A network with two Intel workers and one of AMD, an app, and a contract that asks.
abstract contract AnchorTest is NetworkTest {
    uint256 internal constant KEY_A = 0xa1;
    uint256 internal constant KEY_B = 0xb2;
    uint256 internal constant KEY_AMD = 0xc3;
    uint32 internal constant CALLBACK_GAS = 100_000;
    bytes32 internal constant CODE = keccak256("a bundle");
    bytes internal constant INPUT = "what is the price?";
    bytes internal constant RESULT = "42";

    IPhatApp internal app;
    Consumer internal consumer;

    function setUp() public virtual override {
        super.setUp();
        enter(KEY_A, ownerOf(KEY_A), KIND);
        enter(KEY_B, ownerOf(KEY_B), KIND);
        enter(KEY_AMD, ownerOf(KEY_AMD), KIND_AMD);
        app = createApp("oracle", 1);
        consumer = new Consumer(net.anchor);
        vm.deal(address(this), 100 ether);
    }

    function openPolicy(uint8 minReplicas) internal pure returns (AppPolicy memory) {
        return AppPolicy({
            kindMask: type(uint32).max,
            tcbMask: MASK,
            minReplicas: minReplicas,
            anyImage: true,
            anyDevice: true,
            anyCluster: true,
            delayS: 1 days
        });
    }

    function createApp(string memory name, uint8 minReplicas) internal returns (IPhatApp) {
        bytes32[] memory code = new bytes32[](1);
        code[0] = CODE;
        return net.phats.create(name, openPolicy(minReplicas), code, false);
    }

    function ask(uint96 feeWei, uint8 replicas, uint8 demand) internal returns (Terms memory) {
        uint40 deadline = uint40(block.timestamp) + 1000;
        uint64 id = consumer.ask{value: feeWei}(app, INPUT, CALLBACK_GAS, deadline, replicas, demand);
        return Terms(id, app, address(consumer), feeWei, CALLBACK_GAS, deadline, replicas, demand, keccak256(INPUT));
    }

    function reply() internal pure returns (Reply memory) {
        return Reply(CODE, 0, RESULT);
    }

    function signatures1(Terms memory t, uint256 key) internal view returns (bytes[] memory s) {
        s = new bytes[](1);
        s[0] = signed(key, net.anchor.answerDigest(t, reply()));
    }

    function signatures2(Terms memory t, uint256 a, uint256 b) internal view returns (bytes[] memory) {
        uint256[] memory keys = new uint256[](2);
        (keys[0], keys[1]) = (a, b);
        return signedBy(keys, net.anchor.answerDigest(t, reply()));
    }

    function fulfill(Terms memory t, uint256 key) internal {
        net.anchor.fulfill(t, reply(), signatures1(t, key));
    }

    function fulfill2(Terms memory t, uint256 a, uint256 b) internal {
        net.anchor.fulfill(t, reply(), signatures2(t, a, b));
    }
}
