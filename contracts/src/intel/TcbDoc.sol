// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TcbStatus} from "../interfaces/ITeeVerifier.sol";
import {DerLib} from "../lib/DerLib.sol";
import {JsonScan} from "../lib/JsonScan.sol";

// Numbers are compared with their limit first.
// forge-lint: disable-start(unsafe-typecast)

/// @title What TCB info and QE identity have in common
/// @notice Both are read in one pass and kept as packed bytes, all integers big-endian. A level of a TDX module or a
/// quoting enclave is 8 bytes: isvsvn 2, status 1, tcbDate 5 (Unix seconds).
library TcbDoc {
    using JsonScan for DerLib.Cursor;

    /// More elements than the C verifier takes, at this offset of calldata.
    error TcbDocTooMany(uint256 pos);
    /// Two levels are alike, which would leave the result to chance; or there is none.
    error TcbDocLevels(uint256 pos);
    /// A status that Intel's list does not have.
    error TcbDocStatus(uint256 pos);

    uint256 internal constant MAX_ISV_LEVELS = 32;
    uint256 internal constant ISV_LEVEL_LEN = 8;

    /// @notice `"tcbDate":…,"tcbStatus":…` and the advisories, which are not kept.
    /// @return status and date, packed as the last 6 bytes of a level
    function readStatus(DerLib.Cursor memory c) internal pure returns (uint256) {
        c.key('"tcbDate":', 10);
        uint256 date = c.readTime();
        c.key('"tcbStatus":', 12);
        (uint256 pos, uint256 len) = c.readString();
        uint256 status = uint256(_status(pos, len));
        if (c.tryKey('"advisoryIDs":', 14)) _skipAdvisories(c);
        return (status << 40) | date;
    }

    /// @notice `"tcbLevels":[…]` of a module or enclave: a count, then levels, best first.
    function readIsvLevels(DerLib.Cursor memory c) internal pure returns (bytes memory out) {
        uint256[MAX_ISV_LEVELS] memory level;
        uint256 count;
        c.key('"tcbLevels":', 12);
        c.beginArray();
        while (c.nextElement(count == 0)) {
            if (count == MAX_ISV_LEVELS) revert TcbDocTooMany(c.pos);
            c.beginObject();
            c.key('"tcb":', 6);
            c.beginObject();
            c.key('"isvsvn":', 9);
            uint256 svn = c.readUint(type(uint16).max);
            c.endObject();
            uint256 packed = (svn << 48) | readStatus(c);
            c.endObject();
            uint256 i = count++;
            for (; i > 0 && level[i - 1] >> 48 <= svn; i--) {
                if (level[i - 1] >> 48 == svn) revert TcbDocLevels(c.pos);
                level[i] = level[i - 1];
            }
            level[i] = packed;
        }
        if (count == 0) revert TcbDocLevels(c.pos);
        out = bytes.concat(bytes1(uint8(count)));
        for (uint256 i = 0; i < count; i++) {
            out = bytes.concat(out, bytes8(uint64(level[i])));
        }
    }

    /// Names and values of enum ph_tcb_status; UNKNOWN and NO_LEVEL are ours alone.
    function _status(uint256 pos, uint256 len) private pure returns (TcbStatus) {
        bytes32 name = keccak256(DerLib.view_(pos, len));
        if (name == keccak256("UpToDate")) return TcbStatus.UP_TO_DATE;
        if (name == keccak256("OutOfDate")) return TcbStatus.OUT_OF_DATE;
        if (name == keccak256("SWHardeningNeeded")) return TcbStatus.SW_HARDENING;
        if (name == keccak256("ConfigurationAndSWHardeningNeeded")) return TcbStatus.CONFIG_SW_HARDENING;
        if (name == keccak256("OutOfDateConfigurationNeeded")) return TcbStatus.OUT_OF_DATE_CONFIG;
        if (name == keccak256("ConfigurationNeeded")) return TcbStatus.CONFIG;
        if (name == keccak256("Revoked")) return TcbStatus.REVOKED;
        if (name == keccak256("TD_RELAUNCH_ADVISED")) return TcbStatus.RELAUNCH_ADVISED;
        if (name == keccak256("TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED")) return TcbStatus.RELAUNCH_ADVISED_CONFIG;
        revert TcbDocStatus(pos);
    }

    function _skipAdvisories(DerLib.Cursor memory c) private pure {
        c.beginArray();
        for (bool first = true; c.nextElement(first); first = false) {
            (, uint256 len) = c.readString();
            if (len == 0 || len > 31) revert JsonScan.JsonUnexpected(c.pos);
        }
    }
}
// forge-lint: disable-end(unsafe-typecast)
