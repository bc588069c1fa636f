// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "../lib/DerLib.sol";
import {JsonScan} from "../lib/JsonScan.sol";
import {QeIdentityId, QeIdentityVersion} from "./IntelErrors.sol";
import {TcbDoc} from "./TcbDoc.sol";

/// @notice The head of an enclave identity, and the rest packed for DcapVerifier.
struct QeIdentity {
    bool isTdx;
    uint256 issued; // Unix seconds
    uint256 nextUpdate;
    uint256 evalNo;
    /// miscselect 4, its mask 4, attributes 16, their mask 16, mrsigner 32, isvprodid 2, ISV levels of TcbDoc
    bytes packed;
}

/// @title Intel's identity of the quoting enclaves
/// @notice The rules of src/attest/intel/enclave_identity.c, for the two enclaves whose quotes are judged here.
/// Source: Intel PCS API v4, EnclaveIdentityV2.
library QeIdentityDoc {
    using JsonScan for DerLib.Cursor;

    /// @param body the exact bytes that Intel signed: the value of "enclaveIdentity"
    function parse(bytes calldata body) internal pure returns (QeIdentity memory qe) {
        DerLib.Cursor memory c = DerLib.open(body);
        c.beginObject();
        c.key('"id":', 5);
        if (c.tryText('"TD_QE"', 7)) qe.isTdx = true;
        else if (!c.tryText('"QE"', 4)) revert QeIdentityId();
        c.key('"version":', 10);
        uint256 version = c.readUint(type(uint32).max);
        // Intel's TD_QE documents say 2; 3 is the same layout.
        if (version != 2 && !(qe.isTdx && version == 3)) revert QeIdentityVersion();
        c.key('"issueDate":', 12);
        qe.issued = c.readTime();
        c.key('"nextUpdate":', 13);
        qe.nextUpdate = c.readTime();
        c.key('"tcbEvaluationDataNumber":', 26);
        qe.evalNo = c.readUint(type(uint32).max);
        qe.packed = bytes.concat(_readMeasures(c), TcbDoc.readIsvLevels(c));
        c.endObject();
        if (c.pos != c.end) revert JsonScan.JsonUnexpected(c.pos);
    }

    function _readMeasures(DerLib.Cursor memory c) private pure returns (bytes memory) {
        c.key('"miscselect":', 13);
        bytes4 misc = bytes4(c.readHex(4));
        c.key('"miscselectMask":', 17);
        bytes4 miscMask = bytes4(c.readHex(4));
        c.key('"attributes":', 13);
        bytes16 attributes = bytes16(c.readHex(16));
        c.key('"attributesMask":', 17);
        bytes16 attributesMask = bytes16(c.readHex(16));
        c.key('"mrsigner":', 11);
        bytes32 mrsigner = c.readHex(32);
        c.key('"isvprodid":', 12);
        bytes2 product = bytes2(uint16(c.readUint(type(uint16).max)));
        return bytes.concat(misc, miscMask, attributes, attributesMask, mrsigner, product);
    }
}
