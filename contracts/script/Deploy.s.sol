// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITeeVerifier} from "../src/interfaces/ITeeVerifier.sol";
import {Kind} from "../src/policy/TeeKinds.sol";
import {Network} from "./Network.sol";

/// @notice The part of forge's cheat codes that a deployment uses.
interface Broadcaster {
    function startBroadcast() external;
    function stopBroadcast() external;
}

/// @title A network from a plan
/// @notice Run by contracts/deploy.mjs, which makes the plan from a JSON file and writes the addresses to another.
contract Deploy {
    // forge looks for this.
    bool public constant IS_SCRIPT = true;

    Broadcaster private constant VM = Broadcaster(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// Who judges a kind's evidence.
    enum Judge {
        /// The address in the rules.
        GIVEN,
        /// CommitteeVerifier.
        COMMITTEE,
        /// DcapVerifier.
        DCAP,
        /// A DcapVerifier of its own, for a second simulator: its collateral is of another root.
        SIMULATOR
    }

    struct KindPlan {
        uint16 kind;
        Judge judge;
        Kind rules;
    }

    struct ImagePlan {
        uint16 kind;
        bytes tuple;
        bytes32 family;
        /// Unix seconds.
        uint40 from;
    }

    struct Plan {
        Network.Config config;
        KindPlan[] kinds;
        ImagePlan[] images;
    }

    /// @return d where everything is; the deployer has no right left
    function run(Plan calldata plan) external returns (Network.Deployed memory d) {
        VM.startBroadcast();
        // Who sends transactions inside a broadcast is who sent this.
        d = Network.deploy(plan.config, msg.sender);
        for (uint256 i = 0; i < plan.kinds.length; i++) {
            _addKind(d, plan.kinds[i]);
        }
        for (uint256 i = 0; i < plan.images.length; i++) {
            ImagePlan calldata image = plan.images[i];
            d.policy.addImage(image.kind, image.tuple, image.family, image.from);
        }
        Network.finish(d, msg.sender);
        VM.stopBroadcast();
        Network.check(d, plan.config, msg.sender);
    }

    function _addKind(Network.Deployed memory d, KindPlan calldata plan) private {
        Kind memory rules = plan.rules;
        if (plan.judge == Judge.COMMITTEE) rules.verifier = ITeeVerifier(d.committeeVerifier);
        if (plan.judge == Judge.DCAP) rules.verifier = ITeeVerifier(d.dcapVerifier);
        if (plan.judge == Judge.SIMULATOR) rules.verifier = Network.simulator(d);
        d.policy.addKind(plan.kind, rules);
    }
}
