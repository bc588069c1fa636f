// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TcbStatus} from "../interfaces/ITeeVerifier.sol";

/// @title Names of TCB statuses in documents
/// @notice As src/attest/tcb_status.h has them. Compared whole; a name that is not in the table is UNKNOWN, which no
/// policy accepts.
library TcbNames {
    function parse(string calldata name) internal pure returns (TcbStatus) {
        bytes32 h = keccak256(bytes(name));
        if (h == keccak256("UpToDate")) return TcbStatus.UP_TO_DATE;
        if (h == keccak256("SWHardeningNeeded")) return TcbStatus.SW_HARDENING;
        if (h == keccak256("ConfigurationNeeded")) return TcbStatus.CONFIG;
        if (h == keccak256("ConfigurationAndSWHardeningNeeded")) return TcbStatus.CONFIG_SW_HARDENING;
        if (h == keccak256("OutOfDate")) return TcbStatus.OUT_OF_DATE;
        if (h == keccak256("OutOfDateConfigurationNeeded")) return TcbStatus.OUT_OF_DATE_CONFIG;
        if (h == keccak256("TD_RELAUNCH_ADVISED")) return TcbStatus.RELAUNCH_ADVISED;
        if (h == keccak256("TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED")) return TcbStatus.RELAUNCH_ADVISED_CONFIG;
        return TcbStatus.UNKNOWN;
    }
}
