// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../../src/access/Governed.sol";
import {DcapVerifier} from "../../src/intel/DcapVerifier.sol";
import {IntelCollateral} from "../../src/intel/IntelCollateral.sol";
import {Claims} from "../../src/interfaces/ITeeVerifier.sol";
import {Test} from "../lib/Test.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";

/// @notice Evidence with the C verifier's verdict on it, made by tools/chain_vectors.mjs, judged on chain.
abstract contract IntelWorld is Test {
    string internal constant SYNTH = "build-contracts/vectors/synth/";
    string internal constant REAL = "build-contracts/vectors/real/";
    /// Copies that do not change with each run's signatures.
    string internal constant KEPT = "contracts/test/gas/vectors/";

    IntelCollateral internal collateral;
    DcapVerifier internal verifier;
    bytes32 internal caId;
    bytes32 internal signerId;
    bytes internal pck;

    function load(string memory dir, string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat(dir, name, ".json"));
    }

    /// The names of a directory's cases; skips the test where nobody made them.
    function casesIn(string memory dir) internal view returns (string[] memory) {
        string memory index = string.concat(dir, "index.json");
        if (!vm.exists(index)) vm.skip(true, "no vectors: node tools/chain_vectors.mjs makes them");
        return vm.parseJsonStringArray(vm.readFile(index), ".cases");
    }

    function startsWith(string memory text, string memory head) internal pure returns (bool) {
        bytes memory a = bytes(text);
        bytes memory b = bytes(head);
        if (a.length < b.length) return false;
        for (uint256 i = 0; i < b.length; i++) {
            if (a[i] != b[i]) return false;
        }
        return true;
    }

    function part(string memory json, string memory key) internal pure returns (bytes memory) {
        return vm.parseJsonBytes(json, string.concat(".", key));
    }

    /// A chain that knows nothing yet, at the time of the case.
    function open(string memory json) internal {
        vm.warp(vm.parseJsonUint(json, ".now"));
        bytes memory init = abi.encodeCall(Governed.initialize, (address(this)));
        collateral = IntelCollateral(address(new ERC1967Proxy(address(new IntelCollateral()), init)));
    }

    /// Everything that the evidence needs, in the order a keeper sends it.
    function send(string memory json) external {
        collateral.addRoot(part(json, "root"));
        verifier = newVerifier();
        caId = collateral.addCa(part(json, "ca"));
        (, pck) = collateral.addPck(caId, part(json, "pck"));
        sendTcbInfo(json);
        sendQeIdentity(json);
        sendCrl(json, "root_crl", 0);
        sendCrl(json, "pck_crl", caId);
    }

    function newVerifier() internal virtual returns (DcapVerifier) {
        return new DcapVerifier(collateral);
    }

    function sendTcbInfo(string memory json) public {
        if (!vm.keyExistsJson(json, ".tcb_info")) return;
        signerId = collateral.addCa(part(json, "signer"));
        collateral.upsertTcbInfo(signerId, part(json, "tcb_info"), part(json, "tcb_info_sig"));
    }

    function sendQeIdentity(string memory json) public {
        if (!vm.keyExistsJson(json, ".qe_identity")) return;
        bytes32 id = collateral.addCa(part(json, "qe_signer"));
        collateral.upsertQeIdentity(id, part(json, "qe_identity"), part(json, "qe_identity_sig"));
    }

    function sendCrl(string memory json, string memory key, bytes32 issuer) public {
        if (!vm.keyExistsJson(json, string.concat(".", key))) return;
        bytes memory der = part(json, key);
        collateral.beginCrl(issuer, der);
        if (collateral.isIndexing(issuer)) collateral.indexCrl(issuer, der, type(uint256).max);
    }

    function evidenceOf(string memory json) internal view returns (bytes memory) {
        return bytes.concat(pck, part(json, "quote"));
    }

    function bindOf(string memory json) internal pure returns (bytes32) {
        return bytes32(part(json, "bind"));
    }

    /// Send everything and judge.
    /// `said` is the first refusal; empty: accepted.
    function judge(string memory json) internal returns (Claims memory claims, bytes memory said) {
        open(json);
        try this.send(json) {}
        catch (bytes memory why) {
            return (claims, why);
        }
        try verifier.verify(evidenceOf(json), bindOf(json)) returns (Claims memory c) {
            claims = c;
        } catch (bytes memory why) {
            said = why;
        }
    }

    /// The error that a reason code of the C verifier is named after: pck-ca-signature, PckCaSignature().
    function errorOf(string memory reason) internal pure returns (bytes4) {
        bytes memory from = bytes(reason);
        bytes memory name;
        bool upper = true;
        for (uint256 i = 0; i < from.length; i++) {
            if (from[i] == "-") {
                upper = true;
                continue;
            }
            name = bytes.concat(name, upper ? bytes1(uint8(from[i]) - 32) : from[i]);
            upper = false;
        }
        return bytes4(keccak256(bytes.concat(name, "()")));
    }
}
