// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DcapVerifier} from "../../src/intel/DcapVerifier.sol";
import {ITeeVerifier} from "../../src/interfaces/ITeeVerifier.sol";
import {IntelWorld} from "../intel/IntelWorld.sol";

/// @notice Gas of whole transactions, calldata included, through the proxy. The evidence is a copy of what
/// tools/chain_vectors.mjs made once, so that the numbers do not move with each run's signatures.
abstract contract IntelFlow is IntelWorld {
    string internal title;

    function took(string memory name) internal virtual;

    function flow(string memory json) internal {
        open(json);
        collateral.addRoot(part(json, "root"));
        verifier = new DcapVerifier(collateral);
        caId = collateral.addCa(part(json, "ca"));
        took("addCa, once");
        (, pck) = collateral.addPck(caId, part(json, "pck"));
        took("addPck, once per platform");
        signerId = collateral.addCa(part(json, "signer"));
        collateral.upsertTcbInfo(signerId, part(json, "tcb_info"), part(json, "tcb_info_sig"));
        took("upsertTcbInfo, first");
        collateral.upsertQeIdentity(signerId, part(json, "qe_identity"), part(json, "qe_identity_sig"));
        took("upsertQeIdentity, first");
        collateral.beginCrl(0, part(json, "root_crl"));
        took("beginCrl, empty list");
        bytes memory crl = part(json, "pck_crl");
        collateral.beginCrl(caId, crl);
        took("beginCrl, PCK CA's list");
        if (collateral.isIndexing(caId)) {
            collateral.indexCrl(caId, crl, type(uint256).max);
            took("indexCrl, PCK CA's list");
        }
        judgeIt(json);
    }

    function judgeIt(string memory json) internal virtual {
        // Through the interface, which is no view: a transaction, as the registry's would be.
        ITeeVerifier(address(verifier)).verify(evidenceOf(json), bindOf(json));
        took("verify");
    }
}

contract IntelGas is IntelFlow {
    function took(string memory name) internal override {
        vm.snapshotGasLastCall("Intel", string.concat(title, ": ", name));
    }

    function test_tdx4() public {
        title = "TDX v4";
        flow(load(KEPT, "tdx4"));
    }

    function test_td15() public {
        title = "TDX v5, TD 1.5";
        flow(load(KEPT, "td15"));
    }

    function test_sgx3() public {
        title = "SGX v3";
        flow(load(KEPT, "sgx3"));
    }

    function test_129_revoked() public {
        title = "129 revoked";
        flow(load(KEPT, "also_129_revoked"));
    }

    function test_a_month_later() public {
        title = "update";
        flow(load(KEPT, "also_issued_earlier"));
        string memory json = load(KEPT, "tdx4");
        signerId = collateral.addCa(part(json, "signer"));
        collateral.upsertTcbInfo(signerId, part(json, "tcb_info"), part(json, "tcb_info_sig"));
        took("upsertTcbInfo, same levels");
        collateral.upsertQeIdentity(signerId, part(json, "qe_identity"), part(json, "qe_identity_sig"));
        took("upsertQeIdentity, same levels");
        collateral.beginCrl(0, part(json, "root_crl"));
        took("beginCrl, next empty list");
    }
}

/// @notice The same of real evidence, into the log (-vv); its numbers are not kept, because it is not in the repository.
contract IntelRealGas is IntelFlow {
    event Measured(string what, uint256 gas);

    function took(string memory name) internal override {
        emit Measured(string.concat(title, ": ", name), vm.lastCallGas().gasTotalUsed);
    }

    /// A real quote is for somebody else, which is seen last.
    function judgeIt(string memory json) internal override {
        bytes memory evidence = evidenceOf(json);
        (bool ok,) = address(verifier).call(abi.encodeCall(ITeeVerifier.verify, (evidence, bindOf(json))));
        took(ok ? "verify" : "verify, up to the report data");
    }

    function test_real() public {
        string[] memory names = casesIn(REAL);
        vm.chainId(1);
        for (uint256 i = 0; i < names.length; i++) {
            string memory json = load(REAL, names[i]);
            if (!vm.keyExistsJson(json, ".root_crl") || startsWith(names[i], "intelqvl")) continue;
            title = names[i];
            flow(json);
        }
    }
}
