// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TcbStatus} from "../interfaces/ITeeVerifier.sol";
import {Memory} from "@openzeppelin/contracts/utils/Memory.sol";

/// @notice What TCB info says about a platform. NO_LEVEL: something is below every level.
struct TcbResult {
    TcbStatus status;
    /// Module's status is one that a rule exists for.
    bool known;
    /// TD 1.5: the TCB now is worse than at launch.
    bool worse;
    /// Unix seconds: tcbDate of the least level used.
    uint256 date;
}

/// @notice A level of a TDX module or quoting enclave; NO_LEVEL: it is below every level.
struct IsvLevel {
    TcbStatus status;
    uint256 date;
}

/// @title How a platform's SVNs become a status
/// @notice The rules of src/attest/intel/tcb_eval.c, over the packed forms of TcbInfoDoc and TcbDoc.
/// Source: Intel's Quote Verification Library.
library TcbMatch {
    using Memory for Memory.Slice;

    uint256 private constant EVEN = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
    uint256 private constant GUARD = 0x0100010001000100010001000100010001000100010001000100010001000100;
    /// TDX component SVNs 0 and 1 in a level's word: SVN and version of the TDX module.
    uint256 private constant MODULE_BYTES = 0xffff << 112;
    uint256 private constant LEVEL_LEN = 40;
    uint256 private constant MODULE_LEN = 64;

    /// @notice The status of a platform, its TDX module (TDX only) and quoting enclave.
    /// @param info TcbInfo.packed
    /// @param svns component SVNs of the PCK, 16 bytes, and of the TD, 16 bytes
    /// @param module where the module's identity is; 0: a module without version
    function evaluate(Memory.Slice info, uint256 svns, uint256 pcesvn, uint256 module, IsvLevel memory qe)
        internal
        pure
        returns (TcbResult memory r)
    {
        (r.status, r.date) = _platform(info, module == 0 ? svns : svns | MODULE_BYTES, pcesvn);
        r.known = true;
        if (r.status == TcbStatus.NO_LEVEL) return r;
        if (module != 0) {
            IsvLevel memory level = isvLevel(info, module + 1 + MODULE_LEN, (svns >> 120) & 0xff);
            r.known = isKnown(level.status);
            _merge(r, level);
        }
        _merge(r, qe);
    }

    /// @notice What is left of a TCB at launch when the TCB now is this.
    function relaunch(TcbStatus launch, TcbStatus current) internal pure returns (TcbStatus) {
        bool old = launch == TcbStatus.OUT_OF_DATE || launch == TcbStatus.OUT_OF_DATE_CONFIG;
        if (!old || !_isCurrent(current)) return launch;
        return launch == TcbStatus.OUT_OF_DATE_CONFIG || _isConfig(current)
            ? TcbStatus.RELAUNCH_ADVISED_CONFIG
            : TcbStatus.RELAUNCH_ADVISED;
    }

    /// @notice Where the identity of a TDX module's version is.
    /// @return module 0: there is none
    function findModule(Memory.Slice info, uint256 version) internal pure returns (uint256 module) {
        uint256 pos = defaultModule(info) + MODULE_LEN;
        uint256 count = _byte(info, pos++);
        for (; count > 0; count--) {
            if (_byte(info, pos) == version) return pos;
            pos += 1 + MODULE_LEN;
            pos += 1 + 8 * _byte(info, pos);
        }
    }

    /// @notice Where tdxModule is.
    function defaultModule(Memory.Slice info) internal pure returns (uint256) {
        return 1 + LEVEL_LEN * _byte(info, 0);
    }

    /// @notice The first level that an SVN reaches, of the levels at `pos`.
    function isvLevel(Memory.Slice doc, uint256 pos, uint256 svn) internal pure returns (IsvLevel memory level) {
        uint256 count = _byte(doc, pos++);
        for (; count > 0; count--) {
            uint256 packed = uint256(doc.load(pos)) >> 192;
            if (packed >> 48 <= svn) {
                return IsvLevel(TcbStatus((packed >> 40) & 0xff), packed & type(uint40).max);
            }
            pos += 8;
        }
        level.status = TcbStatus.NO_LEVEL;
    }

    /// @notice Module and quoting enclave are UpToDate, OutOfDate or Revoked: no rule says how others count.
    function isKnown(TcbStatus s) internal pure returns (bool) {
        return
            s == TcbStatus.UP_TO_DATE || s == TcbStatus.OUT_OF_DATE || s == TcbStatus.REVOKED || s == TcbStatus.NO_LEVEL;
    }

    /// The first level that every SVN reaches.
    function _platform(Memory.Slice info, uint256 svns, uint256 pcesvn)
        private
        pure
        returns (TcbStatus status, uint256 date)
    {
        uint256 count = _byte(info, 0);
        for (uint256 pos = 1; count > 0; (pos, count) = (pos + LEVEL_LEN, count - 1)) {
            if (!_allAtLeast(svns, uint256(info.load(pos)))) continue;
            uint256 rest = uint256(info.load(pos + 32)) >> 192;
            if (pcesvn < rest >> 48) continue;
            return (TcbStatus((rest >> 40) & 0xff), rest & type(uint40).max);
        }
        return (TcbStatus.NO_LEVEL, 0);
    }

    /// Whether each byte of `a` is at least that of `b`: a guard bit above each stays set.
    function _allAtLeast(uint256 a, uint256 b) private pure returns (bool) {
        uint256 even = ((a & EVEN) | GUARD) - (b & EVEN);
        uint256 odd = (((a >> 8) & EVEN) | GUARD) - ((b >> 8) & EVEN);
        return even & odd & GUARD == GUARD;
    }

    function _merge(TcbResult memory r, IsvLevel memory part) private pure {
        r.status = _converge(r.status, part.status);
        if (part.date < r.date) r.date = part.date;
    }

    /// What is left of a platform's status when a part of it has this one.
    function _converge(TcbStatus platform, TcbStatus part) private pure returns (TcbStatus) {
        if (platform == TcbStatus.NO_LEVEL || part == TcbStatus.NO_LEVEL) return TcbStatus.NO_LEVEL;
        if (platform == TcbStatus.REVOKED || part == TcbStatus.REVOKED) return TcbStatus.REVOKED;
        if (part != TcbStatus.OUT_OF_DATE) return platform;
        if (_isConfig(platform)) return TcbStatus.OUT_OF_DATE_CONFIG;
        return _isCurrent(platform) ? TcbStatus.OUT_OF_DATE : platform;
    }

    function _isConfig(TcbStatus s) private pure returns (bool) {
        return s == TcbStatus.CONFIG || s == TcbStatus.CONFIG_SW_HARDENING;
    }

    function _isCurrent(TcbStatus s) private pure returns (bool) {
        return s == TcbStatus.UP_TO_DATE || s == TcbStatus.SW_HARDENING || _isConfig(s);
    }

    function _byte(Memory.Slice doc, uint256 pos) private pure returns (uint256) {
        return uint256(doc.load(pos)) >> 248;
    }
}
