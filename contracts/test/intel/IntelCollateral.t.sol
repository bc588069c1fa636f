// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DcapVerifier} from "../../src/intel/DcapVerifier.sol";
import {Cert, IntelCert} from "../../src/intel/IntelCert.sol";
import {IntelCollateral} from "../../src/intel/IntelCollateral.sol";
import "../../src/intel/IntelErrors.sol";
import {Claims} from "../../src/interfaces/ITeeVerifier.sol";
import {DerLib} from "../../src/lib/DerLib.sol";
import {P256Lib} from "../../src/lib/P256Lib.sol";
import {IntelWorld} from "./IntelWorld.sol";

/// @notice What went wrong in other verifiers, by name, and what the life of collateral is like.
contract IntelCollateralTest is IntelWorld {
    string private _json;

    function setUp() public {
        casesIn(SYNTH);
        _json = load(SYNTH, "tdx4");
    }

    function _good() private {
        (, bytes memory said) = judge(_json);
        vm.assertEq(said, "");
    }

    function _refuses(bytes memory why) private {
        bytes memory evidence = evidenceOf(_json);
        vm.expectRevert(why);
        verifier.verify(evidence, bindOf(_json));
    }

    // --- Time

    function test_expired_tcb_info_is_refused_saying_what_to_send() public {
        _good();
        uint256 until = vm.parseJsonUint(_json, ".now") + 30 days;
        vm.warp(until + 1 hours);
        Claims memory claims;
        bytes memory evidence = evidenceOf(_json);
        try verifier.verify(evidence, bindOf(_json)) returns (Claims memory c) {
            claims = c;
        } catch (bytes memory said) {
            vm.assertEq(bytes32(bytes4(said)), bytes32(CollateralExpired.selector));
            return;
        }
        vm.assertTrue(false, "expired collateral was accepted");
    }

    function test_grace_is_for_renewals_only_and_limited() public {
        _good();
        bytes memory evidence = evidenceOf(_json);
        Claims memory fresh = verifier.verify(evidence, bindOf(_json));
        vm.warp(fresh.validUntil);
        vm.expectPartialRevert(CollateralExpired.selector);
        verifier.verify(evidence, bindOf(_json));
        Claims memory late = verifier.verifyRenewal(evidence, bindOf(_json), 7 days);
        vm.assertEq(uint256(late.validUntil), uint256(fresh.validUntil));
        vm.expectRevert(abi.encodeWithSelector(DcapVerifier.GraceTooLong.selector, 7 days));
        verifier.verifyRenewal(evidence, bindOf(_json), 7 days + 1);
        vm.warp(fresh.validUntil + 7 days);
        vm.expectPartialRevert(CollateralExpired.selector);
        verifier.verifyRenewal(evidence, bindOf(_json), 7 days);
    }

    function test_a_chain_expires_with_its_first_certificate() public {
        _json = load(SYNTH, "also_ca_expires_first");
        _good();
        vm.warp(block.timestamp + 99);
        verifier.verify(evidenceOf(_json), bindOf(_json));
        vm.warp(block.timestamp + 1);
        _refuses(abi.encodeWithSelector(PckExpired.selector));
    }

    // --- Rollback

    function test_older_documents_never_replace_newer_ones() public {
        _good();
        string memory older = load(SYNTH, "also_issued_earlier");
        vm.expectPartialRevert(CollateralNotNewer.selector);
        this.sendTcbInfo(older);
        vm.expectPartialRevert(CollateralNotNewer.selector);
        this.sendQeIdentity(older);
        vm.expectPartialRevert(CollateralNotNewer.selector);
        this.sendCrl(older, "root_crl", 0);
    }

    function test_newer_documents_replace_older_ones() public {
        string memory newer = _json;
        _json = load(SYNTH, "also_issued_earlier");
        _good();
        this.sendTcbInfo(newer);
        this.sendQeIdentity(newer);
        this.sendCrl(newer, "root_crl", 0);
        verifier.verify(evidenceOf(_json), bindOf(_json));
    }

    function test_what_a_revoked_signer_signed_is_not_taken_and_stands_in_nobodys_way() public {
        string memory revoked = load(SYNTH, "break_tcb-signer-revoked");
        string memory other = load(SYNTH, "also_another_signer");
        open(_json);
        collateral.addRoot(part(revoked, "root"));
        this.sendTcbInfo(revoked);
        vm.expectPartialRevert(CollateralNotNewer.selector);
        this.sendTcbInfo(other);
        this.sendCrl(revoked, "root_crl", 0);
        this.sendTcbInfo(other);
        vm.expectRevert(TcbSignerRevoked.selector);
        this.sendTcbInfo(revoked);
    }

    function test_the_same_document_twice_changes_nothing() public {
        _good();
        vm.expectPartialRevert(CollateralNotNewer.selector);
        this.sendTcbInfo(_json);
    }

    // --- Revocation

    function test_a_list_of_129_serials_is_indexed_in_parts_and_counts_when_whole() public {
        string memory long = load(SYNTH, "also_129_revoked");
        open(_json);
        collateral.addRoot(part(long, "root"));
        bytes32 issuer = collateral.addCa(part(long, "ca"));
        bytes memory der = part(long, "pck_crl");
        uint256 most;
        uint256 gas = gasleft();
        collateral.beginCrl(issuer, der);
        most = gas - gasleft();
        uint256 parts;
        while (collateral.isIndexing(issuer)) {
            gas = gasleft();
            collateral.indexCrl(issuer, der, 50);
            if (gas - gasleft() > most) most = gas - gasleft();
            parts++;
        }
        vm.assertEq(parts, 3);
        vm.assertLe(most, 3_000_000, "gas of one part");
    }

    function test_a_list_under_way_does_not_answer_for_the_one_in_force() public {
        open(_json);
        string memory long = load(SYNTH, "also_129_revoked");
        collateral.addRoot(part(long, "root"));
        verifier = newVerifier();
        caId = collateral.addCa(part(long, "ca"));
        (, pck) = collateral.addPck(caId, part(long, "pck"));
        this.sendTcbInfo(long);
        this.sendQeIdentity(long);
        this.sendCrl(long, "root_crl", 0);
        bytes memory der = part(long, "pck_crl");
        collateral.beginCrl(caId, der);
        vm.assertTrue(collateral.indexCrl(caId, der, 128));
        bytes memory evidence = bytes.concat(pck, part(long, "quote"));
        vm.expectRevert(abi.encodeWithSelector(CollateralMissing.selector, CollateralKind.PCK_CRL, caId));
        verifier.verify(evidence, bindOf(long));
        vm.assertFalse(collateral.indexCrl(caId, der, 1));
        verifier.verify(evidence, bindOf(long));
        vm.expectRevert(abi.encodeWithSelector(CrlNotBegun.selector, caId));
        collateral.indexCrl(caId, der, 1);
    }

    function test_indexing_takes_only_the_list_that_was_begun() public {
        open(_json);
        string memory long = load(SYNTH, "also_129_revoked");
        collateral.addRoot(part(long, "root"));
        bytes32 issuer = collateral.addCa(part(long, "ca"));
        bytes memory der = part(long, "pck_crl");
        collateral.beginCrl(issuer, der);
        der[der.length - 1] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(CrlNotBegun.selector, issuer));
        collateral.indexCrl(issuer, der, 1);
    }

    function test_a_list_of_another_authority_with_the_same_name_is_refused() public {
        string memory other = load(SYNTH, "break_pck-crl-issuer");
        open(other);
        collateral.addRoot(part(other, "root"));
        bytes32 issuer = collateral.addCa(part(other, "ca"));
        bytes memory der = part(other, "pck_crl");
        vm.expectRevert(CrlIssuer.selector);
        collateral.beginCrl(issuer, der);
        // The root's list is not a CA's either.
        der = part(other, "root_crl");
        vm.expectRevert(CrlIssuer.selector);
        collateral.beginCrl(issuer, der);
    }

    // --- Certificates

    function test_absent_key_identifiers_never_match() public pure {
        Cert memory cert;
        cert.issuer = keccak256("a name");
        vm.assertFalse(IntelCert.isLinked(cert, cert.issuer, 0));
        cert.ski = keccak256("its own");
        vm.assertFalse(IntelCert.isLinked(cert, cert.issuer, 0));
        cert.aki = keccak256("issuer's");
        vm.assertFalse(IntelCert.isLinked(cert, cert.issuer, 0));
        vm.assertTrue(IntelCert.isLinked(cert, cert.issuer, cert.aki));
        cert.ski = 0;
        vm.assertFalse(IntelCert.isLinked(cert, cert.issuer, cert.aki));
    }

    function test_a_good_certificate_lends_nothing_to_the_next_one() public {
        _good();
        bytes memory bad = part(load(SYNTH, "break_pck-signature"), "pck");
        vm.expectRevert(PckSignature.selector);
        collateral.addPck(caId, bad);
    }

    function test_a_pck_certificate_signs_neither_documents_nor_certificates() public {
        _good();
        bytes memory der = part(_json, "pck");
        vm.expectRevert(TcbSignerProfile.selector);
        collateral.addCa(der);
        bytes32 signer = signerId;
        vm.expectRevert(abi.encodeWithSelector(CaUnknown.selector, signer));
        collateral.addPck(signer, der);
        bytes memory body = part(_json, "tcb_info");
        bytes memory signature = part(_json, "tcb_info_sig");
        bytes32 ca = caId;
        vm.expectRevert(abi.encodeWithSelector(CaUnknown.selector, ca));
        collateral.upsertTcbInfo(ca, body, signature);
    }

    function test_only_intels_root_is_taken_but_on_the_development_chain() public {
        open(_json);
        bytes memory der = part(_json, "root");
        vm.chainId(1);
        vm.expectRevert(RootUntrusted.selector);
        collateral.addRoot(der);
        vm.chainId(31337);
        collateral.addRoot(der);
        vm.assertTrue(collateral.simulated());
        vm.expectRevert(RootKnown.selector);
        collateral.addRoot(der);
    }

    function test_before_there_is_a_root_nothing_is_taken() public {
        open(_json);
        vm.expectRevert(abi.encodeWithSelector(CaUnknown.selector, bytes32(0)));
        collateral.simulated();
        bytes memory der = part(_json, "ca");
        vm.expectRevert(abi.encodeWithSelector(CaUnknown.selector, bytes32(0)));
        collateral.addCa(der);
        der = part(_json, "root_crl");
        vm.expectRevert(abi.encodeWithSelector(CaUnknown.selector, bytes32(0)));
        collateral.beginCrl(0, der);
    }

    /// Edits that another decoder might read as the same certificate.
    function testFuzz_no_edit_of_a_certificate_is_accepted(uint256 pos, uint8 bits) public {
        open(_json);
        collateral.addRoot(part(_json, "root"));
        bytes32 issuer = collateral.addCa(part(_json, "ca"));
        bytes memory der = part(_json, "pck");
        if (bits == 0) bits = 1;
        der[pos % der.length] ^= bytes1(bits);
        try collateral.addPck(issuer, der) {
            vm.assertTrue(false, "accepted");
        } catch (bytes memory said) {
            // Refused with a reason: neither a panic nor a bare revert.
            vm.assertTrue(said.length >= 4 && bytes4(said) != bytes4(0x4e487b71));
        }
    }

    // --- Evidence

    function test_a_td_without_measurement_is_refused() public {
        _json = load(SYNTH, "zero_image");
        (, bytes memory said) = judge(_json);
        vm.assertEq(bytes32(bytes4(said)), bytes32(ImageZero.selector));
    }

    function test_evidence_that_says_more_than_the_pck_is_unknown() public {
        _good();
        bytes memory evidence = evidenceOf(_json);
        for (uint256 pos = 0; pos < 176; pos += 5) {
            evidence[pos] ^= 0x01;
            vm.expectPartialRevert(PckUnknown.selector);
            verifier.verify(evidence, bindOf(_json));
            evidence[pos] ^= 0x01;
        }
    }

    function test_every_truncation_of_evidence_is_refused() public {
        _good();
        bytes memory whole = evidenceOf(_json);
        for (uint256 len = 0; len < whole.length; len += 9) {
            bytes memory evidence = new bytes(len);
            for (uint256 i = 0; i < len; i++) {
                evidence[i] = whole[i];
            }
            try verifier.verify(evidence, bindOf(_json)) {
                vm.assertTrue(false, "accepted");
            } catch (bytes memory said) {
                vm.assertTrue(said.length >= 4 && bytes4(said) != bytes4(0x4e487b71), "says why");
            }
        }
    }

    function test_bytes_after_the_evidence_are_refused() public {
        _good();
        bytes memory evidence = bytes.concat(evidenceOf(_json), hex"00");
        vm.expectRevert(QuoteAuthLength.selector);
        verifier.verify(evidence, bindOf(_json));
    }
}
