// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claims, ITeeVerifier} from "../../src/interfaces/ITeeVerifier.sol";
import {Registration} from "../../src/interfaces/IWorkerRegistry.sol";
import {Kind, Mode, Vendor} from "../../src/policy/TeeKinds.sol";
import {IntelWorld} from "../intel/IntelWorld.sol";
import {NetworkTest} from "../lib/NetworkTest.sol";

/// @notice The evidence of gas tests is kept, so it binds what it binds: this passes it on to the real verifier with
/// that. It makes a registration dearer than it is, by one call.
contract KeptEvidence is ITeeVerifier {
    ITeeVerifier private immutable _verifier;
    bytes32 private immutable _bind;

    constructor(ITeeVerifier verifier, bytes32 bind) {
        _verifier = verifier;
        _bind = bind;
    }

    function verify(bytes calldata evidence, bytes32) external returns (Claims memory) {
        return _verifier.verify(evidence, _bind);
    }

    function verifyRenewal(bytes calldata evidence, bytes32, uint256 graceS) external returns (Claims memory) {
        return _verifier.verifyRenewal(evidence, _bind, graceS);
    }
}

/// @notice TDX workers with full verification of their quotes: whole transactions.
contract RegisterGas is NetworkTest, IntelWorld {
    string private constant KEPT_EVIDENCE = "contracts/test/gas/vectors/";
    uint16 private constant SIMULATED = 255;
    // A TDX quote's measurements: MRTD to RTMR3, behind a header of 48 bytes.
    uint256 private constant MEASUREMENTS = 48 + 136;
    uint256 private constant MEASUREMENTS_LEN = 384;

    function startTime() internal view override returns (uint256) {
        return vm.parseJsonUint(load(KEPT_EVIDENCE, "tdx4"), ".now");
    }

    event Measured(string what, uint256 gas);

    /// Held to a limit, and shown with -vvv: what judging costs in detail is in gas/Intel.json.
    function _took(string memory what, uint256 most) private {
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        emit Measured(what, gas);
        vm.assertLe(gas, most, what);
    }

    function _slice(bytes calldata all, uint256 from, uint256 length) external pure returns (bytes memory) {
        return all[from:from + length];
    }

    function test_a_tdx_worker_registers_and_renews() public {
        string memory json = load(KEPT_EVIDENCE, "tdx4");
        open(json);
        this.send(json);
        KeptEvidence kept = new KeptEvidence(verifier, bindOf(json));
        bytes memory evidence = evidenceOf(json);
        Claims memory claims = kept.verify(evidence, 0);
        Kind memory rules = rulesOf(Vendor.SIMULATED_A, Mode.ONCHAIN);
        rules.verifier = kept;
        rules.minEvalNo = 0;
        rules.tcbMask = uint16(1 << uint8(claims.tcbStatus));
        bytes memory tuple = this._slice(part(json, "quote"), MEASUREMENTS, MEASUREMENTS_LEN);
        vm.startPrank(address(net.timelock));
        net.policy.addKind(SIMULATED, rules);
        bytes32 added = net.policy.addImage(SIMULATED, abi.encodePacked(uint16(2), tuple), FAMILY, 0);
        vm.stopPrank();
        vm.assertEq(added, claims.image);
        enter(1); // Not the first worker of all.

        Registration memory r = registrationOf(SIMULATED, ownerOf(7), vm.addr(7));
        r.ohttpHash = keccak256("keys");
        r.evidence = evidence;
        vm.prank(r.owner);
        bytes32 id = net.registry.register(r, 0, "");
        _took("register", 330_000);
        net.registry.renew(id, r);
        _took("renew", 180_000);
    }
}
