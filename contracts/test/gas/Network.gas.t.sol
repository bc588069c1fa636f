// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Commit, Read, Terms, Write} from "../../src/interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../../src/interfaces/IPhatApp.sol";
import {Registration} from "../../src/interfaces/IWorkerRegistry.sol";
import {AnchorTest} from "../lib/AnchorTest.sol";
import {CommitteeTest} from "../lib/CommitteeTest.sol";
import {Consumer} from "../lib/Consumers.sol";

/// @notice Whole transactions. Evidence is judged by a verifier that costs nothing: what judging costs is measured
/// with the verifiers.
contract WorkerRegistryGas is AnchorTest {
    function _evidence(uint256 key) private view returns (Registration memory) {
        Registration memory r = registrationOf(KIND, ownerOf(key), vm.addr(key));
        return withEvidence(r, claimsOf(keccak256(abi.encode("platform", key))));
    }

    function test_register_and_renew() public {
        Registration memory r = _evidence(0x999);
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        vm.snapshotGasLastCall("WorkerRegistry", "register, without verification");
        nextBeacon();
        vm.snapshotGasLastCall("EpochBeacon", "roll");
        r = _evidence(0x999);
        net.registry.renew(id, r);
        vm.snapshotGasLastCall("WorkerRegistry", "renew, without verification");
        vm.prank(r.owner);
        net.registry.retire(id);
        vm.snapshotGasLastCall("WorkerRegistry", "retire");
    }
}

contract PhatAnchorGas is AnchorTest {
    /// A consumer that writes two slots, as in the prototypes of docs/chain.md.
    function test_request_and_fulfill() public {
        // Not the first of everything: slots that live long are there already.
        fulfill(ask(1, 1, 0), KEY_A);
        uint40 deadline = uint40(block.timestamp) + 1000;
        bytes memory input = new bytes(200);
        for (uint256 i = 0; i < 200; i++) {
            input[i] = bytes1(uint8(i + 1));
        }
        uint64 id = consumer.ask{value: 1000}(app, input, CALLBACK_GAS, deadline, 1, 0);
        vm.snapshotGasLastCall("PhatAnchor", "request, 200 bytes, through a consumer");
        Terms memory t = Terms(id, app, address(consumer), 1000, CALLBACK_GAS, deadline, 1, 0, keccak256(input));
        bytes[] memory s = signatures1(t, KEY_A);
        net.anchor.fulfill(t, reply(), s);
        vm.snapshotGasLastCall("PhatAnchor", "fulfill, one replica, callback that writes");

        id = consumer.ask(app, input, CALLBACK_GAS, deadline, 1, 0);
        vm.snapshotGasLastCall("PhatAnchor", "request without a fee, 200 bytes, through a consumer");
        t = Terms(id, app, address(consumer), 0, CALLBACK_GAS, deadline, 1, 0, keccak256(input));
        s = signatures1(t, KEY_A);
        net.anchor.fulfill(t, reply(), s);
        vm.snapshotGasLastCall("PhatAnchor", "fulfill without a fee, one replica, callback that writes");

        t = ask(1000, 3, 0);
        s = signatures2(t, KEY_A, KEY_B);
        net.anchor.fulfill(t, reply(), s);
        vm.snapshotGasLastCall("PhatAnchor", "fulfill, two of three, callback that writes");
    }

    function test_commit() public {
        Commit memory c;
        c.app = app;
        c.codeHash = CODE;
        c.reads = new Read[](1);
        c.reads[0] = Read("price", 0);
        c.writes = new Write[](1);
        c.writes[0] = Write("price", "100");
        c.deadline = uint40(block.timestamp) + 100;
        _commit(c);
        vm.snapshotGasLastCall("PhatAnchor", "commit, first write of a key");
        c.nonce = 1;
        c.reads[0].version = 1;
        _commit(c);
        vm.snapshotGasLastCall("PhatAnchor", "commit, one key");
    }

    function _commit(Commit memory c) private {
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
        net.anchor.commit(c, signed(KEY_A, typedDigest("PhalaPhatAnchor", address(net.anchor), structHash)));
    }

    function test_create_an_app() public {
        bytes32[] memory code = new bytes32[](1);
        code[0] = CODE;
        net.phats.create("another", openPolicy(1), code, false);
        vm.snapshotGasLastCall("PhatRegistry", "create, clone");
        net.phats.create("one more", openPolicy(1), code, true);
        vm.snapshotGasLastCall("PhatRegistry", "create, upgradeable");
    }
}

contract VerifierCommitteeGas is CommitteeTest {
    function test_draw() public {
        net.committee.draw();
        vm.snapshotGasLastCall("VerifierCommittee", "draw, 4 seats of 12 candidates");
    }
}
