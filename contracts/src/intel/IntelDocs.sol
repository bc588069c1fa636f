// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {QeIdentity, QeIdentityDoc} from "./QeIdentityDoc.sol";
import {TcbInfo, TcbInfoDoc} from "./TcbInfoDoc.sol";

/// @title Reader of Intel's documents
/// @notice TcbInfoDoc and QeIdentityDoc as code of their own. No state, no trust: it reads what it is given.
contract IntelDocs {
    /// @param body exact bytes of the member "tcbInfo"
    function parseTcbInfo(bytes calldata body) external pure returns (TcbInfo memory) {
        return TcbInfoDoc.parse(body);
    }

    /// @param body exact bytes of the member "enclaveIdentity"
    function parseQeIdentity(bytes calldata body) external pure returns (QeIdentity memory) {
        return QeIdentityDoc.parse(body);
    }
}
