// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DcapVerifier} from "../../src/intel/DcapVerifier.sol";
import {ITeeVerifier} from "../../src/interfaces/ITeeVerifier.sol";
import {IntelWorld} from "../intel/IntelWorld.sol";

/// @notice Gas of whole transactions, calldata included. The evidence is a copy of what tools/chain_vectors.mjs made
/// once, so that the numbers do not move with each run's signatures.
contract IntelGas is IntelWorld {
    string private constant KEPT = "contracts/test/gas/vectors/";

    function _measure(string memory name, string memory what) private {
        string memory json = load(KEPT, name);
        open(json);
        collateral.addRoot(part(json, "root"));
        verifier = new DcapVerifier(collateral);

        caId = collateral.addCa(part(json, "ca"));
        _snapshot(what, "addCa, once");
        (, pck) = collateral.addPck(caId, part(json, "pck"));
        _snapshot(what, "addPck, once per platform");
        signerId = collateral.addCa(part(json, "signer"));
        collateral.upsertTcbInfo(signerId, part(json, "tcb_info"), part(json, "tcb_info_sig"));
        _snapshot(what, "upsertTcbInfo, first");
        collateral.upsertQeIdentity(signerId, part(json, "qe_identity"), part(json, "qe_identity_sig"));
        _snapshot(what, "upsertQeIdentity, first");
        collateral.beginCrl(0, part(json, "root_crl"));
        _snapshot(what, "beginCrl, empty");
        sendCrl(json, "pck_crl", caId);
        // Through the interface, which is no view: a transaction, as the registry's would be.
        ITeeVerifier(address(verifier)).verify(evidenceOf(json), bindOf(json));
        _snapshot(what, "verify");
    }

    function _snapshot(string memory what, string memory name) private {
        vm.snapshotGasLastCall("Intel", string.concat(what, ": ", name));
    }

    function test_tdx4() public {
        _measure("tdx4", "TDX v4");
    }

    function test_td15() public {
        _measure("td15", "TDX v5, TD 1.5");
    }

    function test_sgx3() public {
        _measure("sgx3", "SGX v3");
    }
}
