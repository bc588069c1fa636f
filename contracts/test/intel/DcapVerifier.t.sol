// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    CollateralExpired,
    CollateralMissing,
    CrlIssuer,
    CrlNotYetValid,
    CrlSignature,
    TcbSignerLinks
} from "../../src/intel/IntelErrors.sol";
import {ClaimFlags, Claims} from "../../src/interfaces/ITeeVerifier.sol";
import {JsonScan} from "../../src/lib/JsonScan.sol";
import {IntelWorld} from "./IntelWorld.sol";

/// @notice The C verifier and this one judge the same evidence, and say the same.
contract DcapVerifierTest is IntelWorld {
    function _isSame(string memory json, string memory name, Claims memory claims) private pure {
        vm.assertEq(uint256(claims.tcbStatus), vm.parseJsonUint(json, ".status"), string.concat(name, ": status"));
        vm.assertEq(uint256(claims.tcbDate), vm.parseJsonUint(json, ".tcb_date"), string.concat(name, ": TCB date"));
        vm.assertEq(uint256(claims.evalNo), vm.parseJsonUint(json, ".eval_no"), string.concat(name, ": evaluation"));
        vm.assertEq(
            uint256(claims.validUntil), vm.parseJsonUint(json, ".valid_until"), string.concat(name, ": validity")
        );
        vm.assertTrue(claims.flags & ClaimFlags.SIMULATED != 0, string.concat(name, ": says simulated"));
    }

    /// Reasons of the C verifier that have another name on chain, because the check happens when collateral is sent, or
    /// because what does not fit is simply not there.
    function _expected(string memory reason) private pure returns (bytes4) {
        bytes32 r = keccak256(bytes(reason));
        if (
            r == keccak256("tcb-info-absent") || r == keccak256("qe-identity-absent")
                || r == keccak256("root-crl-absent") || r == keccak256("pck-crl-absent")
                || r == keccak256("fmspc-mismatch") || r == keccak256("pceid-mismatch")
                || r == keccak256("qe-identity-id")
        ) return CollateralMissing.selector;
        if (
            r == keccak256("tcb-info-expired") || r == keccak256("qe-identity-expired")
                || r == keccak256("root-crl-expired") || r == keccak256("pck-crl-expired")
        ) return CollateralExpired.selector;
        if (r == keccak256("root-crl-issuer") || r == keccak256("pck-crl-issuer")) return CrlIssuer.selector;
        if (r == keccak256("root-crl-signature") || r == keccak256("pck-crl-signature")) return CrlSignature.selector;
        if (r == keccak256("root-crl-not-yet-valid") || r == keccak256("pck-crl-not-yet-valid")) {
            return CrlNotYetValid.selector;
        }
        // Another authority's signer points at a root that is not this one.
        if (r == keccak256("tcb-signer-root") || r == keccak256("qe-signer-root")) return TcbSignerLinks.selector;
        // A document for SGX that says what only TDX documents say.
        if (r == keccak256("tcb-info-id")) return JsonScan.JsonUnexpected.selector;
        // One kind of signer signs both documents.
        if (startsWith(reason, "qe-signer-")) return errorOf(string.concat("tcb-signer-", _after(reason, 10)));
        return errorOf(reason);
    }

    function _after(string memory text, uint256 from) private pure returns (string memory) {
        bytes memory all = bytes(text);
        bytes memory rest = new bytes(all.length - from);
        for (uint256 i = 0; i < rest.length; i++) {
            rest[i] = all[from + i];
        }
        return string(rest);
    }

    function _compare(string memory head) private {
        string[] memory names = casesIn(SYNTH);
        uint256 count;
        for (uint256 i = 0; i < names.length; i++) {
            if (!startsWith(names[i], head)) continue;
            string memory json = load(SYNTH, names[i]);
            (Claims memory claims, bytes memory said) = judge(json);
            if (vm.parseJsonBool(json, ".accepted")) {
                vm.assertEq(said, "", string.concat(names[i], ": accepted in C, refused here"));
                _isSame(json, names[i], claims);
            } else {
                string memory reason = vm.parseJsonString(json, ".reason");
                vm.assertTrue(said.length >= 4, string.concat(names[i], ": refused in C, accepted here"));
                vm.assertEq(
                    bytes32(bytes4(said)),
                    bytes32(_expected(reason)),
                    string.concat(names[i], ": refused for another reason than in C")
                );
            }
            count++;
        }
        vm.assertGt(count, 0);
    }

    function test_every_kind_of_quote_is_accepted_with_the_same_claims_as_in_c() public {
        _compare("tdx");
        _compare("td15");
        _compare("sgx");
        _compare("processor_ca");
        _compare("also_");
    }

    function test_each_check_broken_alone_is_refused_for_the_same_reason_as_in_c() public {
        _compare("break_");
    }

    function test_random_tcbs_get_the_same_verdict_as_in_c() public {
        _compare("random_");
    }
}
