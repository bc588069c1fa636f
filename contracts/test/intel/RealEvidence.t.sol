// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DcapVerifier} from "../../src/intel/DcapVerifier.sol";
import {IntelCollateral} from "../../src/intel/IntelCollateral.sol";
import {
    CollateralMissing,
    PolicyDebug,
    QuoteSignature,
    ReportDataMismatch,
    RootUntrusted,
    TcbNoLevel
} from "../../src/intel/IntelErrors.sol";
import {IIntelCollateral} from "../../src/interfaces/IIntelCollateral.sol";
import {Claims, TcbStatus, TeeKind} from "../../src/interfaces/ITeeVerifier.sol";
import {P256Lib} from "../../src/lib/P256Lib.sol";
import {IntelWorld} from "./IntelWorld.sol";

/// Real quotes were not made for a worker of ours: their report data is anything.
contract AnyReportData is DcapVerifier {
    constructor(IIntelCollateral collateral) DcapVerifier(collateral) {}

    function _checkReportData(bytes calldata, bytes32) internal pure override {}
}

/// @notice Real quotes, certificates, lists and documents of Intel's, each at a time when it was valid.
contract RealEvidenceTest is IntelWorld {
    event Measured(string what, uint256 gas);

    bool private _checkReportData;

    function newVerifier() internal override returns (DcapVerifier) {
        return _checkReportData ? new DcapVerifier(collateral) : new AnyReportData(collateral);
    }

    function _names() private returns (string[] memory) {
        vm.chainId(1);
        return casesIn(REAL);
    }

    function _statusOf(string memory name) private pure returns (TcbStatus) {
        bytes32 h = keccak256(bytes(name));
        if (h == keccak256("UpToDate")) return TcbStatus.UP_TO_DATE;
        if (h == keccak256("SWHardeningNeeded")) return TcbStatus.SW_HARDENING;
        if (h == keccak256("ConfigurationAndSWHardeningNeeded")) return TcbStatus.CONFIG_SW_HARDENING;
        if (h == keccak256("OutOfDate")) return TcbStatus.OUT_OF_DATE;
        if (h == keccak256("TD_RELAUNCH_ADVISED")) return TcbStatus.RELAUNCH_ADVISED;
        return TcbStatus.NO_LEVEL;
    }

    /// What must come of a set; 0: accepted.
    function _refusal(string memory json, string memory name) private view returns (bytes4) {
        if (startsWith(name, "intelqvl-")) return RootUntrusted.selector; // Intel's sample has a root of its own
        if (!vm.keyExistsJson(json, ".root_crl") || !vm.keyExistsJson(json, ".pck_crl")) {
            return CollateralMissing.selector;
        }
        if (_statusOf(vm.parseJsonString(json, ".status")) == TcbStatus.NO_LEVEL) return TcbNoLevel.selector;
        return 0;
    }

    function test_real_sets_get_the_status_that_intels_rules_give() public {
        string[] memory names = _names();
        uint256 accepted;
        for (uint256 i = 0; i < names.length; i++) {
            string memory json = load(REAL, names[i]);
            (Claims memory claims, bytes memory said) = judge(json);
            bytes4 refusal = _refusal(json, names[i]);
            vm.assertEq(bytes32(bytes4(said)), bytes32(refusal), string.concat(names[i], ": refusal"));
            if (refusal != 0) continue;
            accepted++;
            TcbStatus status = _statusOf(vm.parseJsonString(json, ".status"));
            vm.assertEq(uint256(claims.tcbStatus), uint256(status), string.concat(names[i], ": status"));
            vm.assertEq(uint256(claims.tcbDate), vm.parseJsonUint(json, ".tcb_date"), string.concat(names[i], ": date"));
            vm.assertEq(uint256(claims.flags >> 31), 0, string.concat(names[i], ": is no simulator"));
        }
        vm.assertGe(accepted, 6);
    }

    function test_a_quote_for_somebody_else_is_refused() public {
        _names();
        _checkReportData = true;
        string memory json = load(REAL, "dcapqvl-tdx4");
        (, bytes memory said) = judge(json);
        vm.assertEq(bytes32(bytes4(said)), bytes32(ReportDataMismatch.selector));
    }

    /// Each of the signatures of a real quote, s made n - s: Intel does not normalise.
    function test_a_real_signature_of_either_form_is_accepted() public {
        _names();
        string memory json = load(REAL, "dcapqvl-tdx4");
        (, bytes memory said) = judge(json);
        vm.assertEq(said, "");
        bytes memory evidence = evidenceOf(json);
        for (uint256 turn = 0; turn < 2; turn++) {
            uint256 pos = 176 + (turn == 0 ? 636 + 32 : 1154 + 32);
            uint256 s;
            for (uint256 i = 0; i < 32; i++) {
                s = (s << 8) | uint8(evidence[pos + i]);
            }
            s = P256Lib.N - s;
            for (uint256 i = 0; i < 32; i++) {
                evidence[pos + i] = bytes1(uint8(s >> (248 - 8 * i)));
            }
            verifier.verify(evidence, 0);
        }
    }

    /// Gas with the deployed settings is in the log of FOUNDRY_PROFILE=real; without --isolate it lacks calldata.
    function test_no_flipped_bit_of_a_real_quote_passes() public {
        _names();
        string memory json = load(REAL, "dcapqvl-tdx4");
        judge(json);
        bytes memory evidence = evidenceOf(json);
        // The attestation key signs header and body; the PCK the report that names the key.
        for (uint256 pos = 176; pos < evidence.length; pos += 7) {
            if (pos >= 176 + 632 && pos < 176 + 636) continue;
            evidence[pos] ^= 0x10;
            try verifier.verify(evidence, 0) {
                vm.assertTrue(false, string.concat("accepted with a flipped bit at ", vm.toString(pos - 176)));
            } catch {}
            evidence[pos] ^= 0x10;
        }
        verifier.verify(evidence, 0);
    }
}
