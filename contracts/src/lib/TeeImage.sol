// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TeeKind} from "../interfaces/ITeeVerifier.sol";

/// @title Names of measured programs
/// @notice An image is keccak-256 over its kind (uint16, big-endian) and the kind's full measurement tuple: a
/// part of the tuple never names a program, because the rest would be free to choose.
library TeeImage {
    /// @notice An SGX enclave, from the members of its report body (384 bytes): MRENCLAVE, MRSIGNER, CONFIGID,
    /// ISVPRODID | ISVSVN | CONFIGSVN, ISVEXTPRODID, ISVFAMILYID, as they lie in the report.
    function sgx(bytes calldata body) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(
                bytes2(TeeKind.SGX),
                body[64:96],
                body[128:160],
                body[192:256],
                body[256:262],
                body[32:48],
                body[304:320]
            )
        );
    }

    /// @notice A TD, from its report body (at least 584 bytes): MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG,
    /// RTMR0 to RTMR3, which lie side by side.
    function tdx(bytes calldata body) internal pure returns (bytes32) {
        return keccak256(bytes.concat(bytes2(TeeKind.TDX), body[136:520]));
    }
}
