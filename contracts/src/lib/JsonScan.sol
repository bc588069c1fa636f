// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DerLib} from "./DerLib.sol";

/// @title One forward pass over Intel's JSON in calldata
/// @notice Intel signs its documents without white space and with keys in one order. A reader names each key in that
/// order; keys in between that Intel adds one day are skipped, with a limit on their depth, and a known key that is not
/// where it belongs is refused, so that no key counts twice. Numbers are whole, strings have no escapes.
/// Callers verify the signature over these bytes first.
library JsonScan {
    /// Not what the reader demands, at this offset of calldata.
    error JsonUnexpected(uint256 pos);

    uint256 private constant MAX_DEPTH = 8;
    uint256 private constant ONES = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant LOW7 = 0x7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f;
    uint256 private constant HIGH = 0x8080808080808080808080808080808080808080808080808080808080808080;
    // 2025-06-19T10:32:27Z: the separators and where they are.
    uint256 private constant TIME_MASK = 0x00000000ff0000ff0000ff0000ff0000ff0000ff000000000000000000000000;
    uint256 private constant TIME_MARKS = 0x000000002d00002d00005400003a00003a00005a000000000000000000000000;

    /// @notice The next bytes are these, 1 to 32 of them, left-aligned; step over them.
    function expect(DerLib.Cursor memory c, bytes32 text, uint256 len) internal pure {
        if (!tryText(c, text, len)) revert JsonUnexpected(c.pos);
    }

    /// @notice Step over these bytes if they come next.
    function tryText(DerLib.Cursor memory c, bytes32 text, uint256 len) internal pure returns (bool) {
        // Positions are offsets of calldata: they cannot wrap, here and below.
        unchecked {
            uint256 pos = c.pos;
            if (pos + len > c.end || (DerLib.word(pos) ^ text) >> (256 - 8 * len) != 0) return false;
            c.pos = pos + len;
            return true;
        }
    }

    /// @notice Step over a member's name, written as `"name":`, and the comma before it. Unknown members before it are
    /// skipped.
    function key(DerLib.Cursor memory c, bytes32 name, uint256 len) internal pure {
        while (!tryKey(c, name, len)) skipMember(c);
    }

    /// @notice The same if this member comes next.
    function tryKey(DerLib.Cursor memory c, bytes32 name, uint256 len) internal pure returns (bool) {
        unchecked {
            uint256 pos = c.pos;
            if (_char(pos - 1) != 0x7b && _char(pos++) != 0x2c) return false; // a first member has no comma
            if (pos + len > c.end || (DerLib.word(pos) ^ name) >> (256 - 8 * len) != 0) return false;
            c.pos = pos + len;
            return true;
        }
    }

    /// @notice Skip unknown members, and the brace that ends the object.
    function endObject(DerLib.Cursor memory c) internal pure {
        while (_char(c.pos) != 0x7d) skipMember(c);
        _step(c, 0x7d);
    }

    /// @notice Step over the brace that begins an object.
    function beginObject(DerLib.Cursor memory c) internal pure {
        _step(c, 0x7b);
    }

    function beginArray(DerLib.Cursor memory c) internal pure {
        _step(c, 0x5b);
    }

    /// @notice Whether another element follows, first or later: steps over the comma before it, or over the end.
    function nextElement(DerLib.Cursor memory c, bool first) internal pure returns (bool) {
        if (_char(c.pos) == 0x5d) {
            _step(c, 0x5d);
            return false;
        }
        if (!first) _step(c, 0x2c);
        return true;
    }

    /// @notice A whole number without sign, leading zeros, fraction or exponent, at most `max`.
    function readUint(DerLib.Cursor memory c, uint256 max) internal pure returns (uint256 value) {
        uint256 start = c.pos;
        uint256 pos = start;
        uint256 w = uint256(DerLib.word(pos));
        uint256 digit = (w >> 248) ^ 0x30;
        if (digit > 9) revert JsonUnexpected(pos);
        // At most 32 digits, the word that was read: fewer than 256 bits hold.
        unchecked {
            while (digit <= 9) {
                value = value * 10 + digit;
                pos++;
                w <<= 8;
                digit = (w >> 248) ^ 0x30;
            }
        }
        // No limit is near 20 digits.
        if (pos > c.end || value > max || pos - start > 20) revert JsonUnexpected(start);
        if (_char(start) == 0x30 && pos - start > 1) revert JsonUnexpected(start);
        uint256 after_ = _char(pos);
        if (after_ == 0x2e || after_ | 0x20 == 0x65) revert JsonUnexpected(pos);
        c.pos = pos;
    }

    /// @notice A string: where its characters are.
    function readString(DerLib.Cursor memory c) internal pure returns (uint256 pos, uint256 len) {
        _step(c, 0x22);
        pos = c.pos;
        unchecked {
            for (uint256 here = pos; here < c.end; here += 32) {
                uint256 w = uint256(DerLib.word(here));
                uint256 quotes = _zeroBytes(w ^ (0x22 * ONES));
                uint256 bad = _zeroBytes(w ^ (0x5c * ONES)) | _zeroBytes(w & (0xe0 * ONES));
                // The greater one comes first: an escape or a control character before the end.
                if (bad > quotes) revert JsonUnexpected(here);
                if (quotes == 0) continue;
                here += _firstByte(quotes);
                if (here >= c.end) break;
                c.pos = here + 1;
                return (pos, here - pos);
            }
        }
        revert JsonUnexpected(pos);
    }

    /// @notice A string of 2 * `size` hexadecimal digits of either case, `size` at most 32.
    /// @return value the bytes, left-aligned
    function readHex(DerLib.Cursor memory c, uint256 size) internal pure returns (bytes32 value) {
        _step(c, 0x22);
        value = readHexDigits(c, size);
        _step(c, 0x22);
    }

    /// @notice The same without the quotes around.
    function readHexDigits(DerLib.Cursor memory c, uint256 size) internal pure returns (bytes32 value) {
        uint256 pos = c.pos;
        if (pos + 2 * size > c.end) revert JsonUnexpected(pos);
        uint256 high = _hexWord(pos, size > 16 ? 16 : size);
        uint256 low = size > 16 ? _hexWord(pos + 32, size - 16) : 0;
        c.pos = pos + 2 * size;
        return bytes32((high << 128) | low);
    }

    /// @notice A string like 2025-06-19T10:32:27Z, as Unix seconds.
    function readTime(DerLib.Cursor memory c) internal pure returns (uint256) {
        _step(c, 0x22);
        uint256 pos = c.pos;
        uint256 w = uint256(DerLib.word(pos));
        if (pos + 20 > c.end || w & TIME_MASK != TIME_MARKS) revert JsonUnexpected(pos);
        c.pos = pos + 20;
        _step(c, 0x22);
        unchecked {
            return DerLib.unixTime(
                DerLib.digits(w, 0, pos) * 100 + DerLib.digits(w, 2, pos),
                DerLib.digits(w, 5, pos),
                DerLib.digits(w, 8, pos),
                DerLib.digits(w, 11, pos),
                DerLib.digits(w, 14, pos),
                DerLib.digits(w, 17, pos),
                pos
            );
        }
    }

    /// @notice Skip a member whose name no reader knows.
    function skipMember(DerLib.Cursor memory c) internal pure {
        if (_char(c.pos - 1) != 0x7b) _step(c, 0x2c);
        (uint256 pos, uint256 len) = readString(c);
        if (_isKnown(keccak256(DerLib.view_(pos, len)))) revert JsonUnexpected(pos);
        _step(c, 0x3a);
        skipValue(c);
    }

    /// @notice Skip a value of any type.
    function skipValue(DerLib.Cursor memory c) internal pure {
        uint256 depth = 0;
        uint256 kinds = 0; // bit d: what opened at depth d is an object
        while (true) {
            uint256 char = _char(c.pos);
            if (c.pos >= c.end) revert JsonUnexpected(c.pos);
            if (char == 0x7b || char == 0x5b) {
                if (++depth > MAX_DEPTH) revert JsonUnexpected(c.pos);
                c.pos++;
                kinds = char == 0x7b ? kinds | (1 << depth) : kinds & ~(1 << depth);
                if (_char(c.pos) != char + 2) {
                    if (char == 0x7b) _skipName(c);
                    continue; // the first element
                }
                // Empty: falls through to its end.
            } else {
                _skipScalar(c, char);
            }
            while (depth > 0) {
                bool isObject = kinds & (1 << depth) != 0;
                if (_char(c.pos) == 0x2c) {
                    c.pos++;
                    if (isObject) _skipName(c);
                    break;
                }
                _step(c, isObject ? 0x7d : 0x5d);
                depth--;
            }
            if (depth == 0) return;
        }
    }

    function _skipName(DerLib.Cursor memory c) private pure {
        readString(c);
        _step(c, 0x3a);
    }

    function _skipScalar(DerLib.Cursor memory c, uint256 char) private pure {
        if (char == 0x22) readString(c);
        else if (char == 0x74) expect(c, "true", 4);
        else if (char == 0x66) expect(c, "false", 5);
        else if (char == 0x6e) expect(c, "null", 4);
        else readUint(c, type(uint64).max);
    }

    function _step(DerLib.Cursor memory c, uint256 char) private pure {
        uint256 pos = c.pos;
        if (pos >= c.end || _char(pos) != char) revert JsonUnexpected(pos);
        c.pos = pos + 1;
    }

    function _char(uint256 pos) private pure returns (uint256) {
        return uint256(DerLib.word(pos)) >> 248;
    }

    /// `size` bytes from 2 * `size` digits, in the high half of 256 bits: all digits at once, one in each byte.
    function _hexWord(uint256 pos, uint256 size) private pure returns (uint256) {
        unchecked {
            // Digits beyond the wanted ones count as '0'.
            uint256 keep = size == 16 ? 0 : type(uint256).max >> (16 * size);
            uint256 w = (uint256(DerLib.word(pos)) & ~keep) | (0x30 * ONES & keep);
            if (w & HIGH != 0) revert JsonUnexpected(pos);
            uint256 lower = w | ((w & (0x40 * ONES)) >> 1);
            uint256 nibbles = (lower & (0x0f * ONES)) + 9 * ((lower >> 6) & ONES);
            // Written back they must be the same, or some character was no digit.
            uint256 letters = ((nibbles + 6 * ONES) >> 4) & ONES;
            if ((nibbles & (0xf0 * ONES)) != 0 || nibbles + 0x30 * ONES + 0x27 * letters != lower) {
                revert JsonUnexpected(pos);
            }
            // Two digits to a byte, then bytes side by side.
            uint256 x = ((nibbles >> 4) | nibbles) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
            x = (x | (x >> 8)) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
            x = (x | (x >> 16)) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
            x = (x | (x >> 32)) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
            return ((x | (x >> 64)) & type(uint128).max);
        }
    }

    /// 0x80 in each byte of `x` that is zero, exactly.
    function _zeroBytes(uint256 x) private pure returns (uint256) {
        unchecked {
            return ~(((x & LOW7) + LOW7) | x | LOW7);
        }
    }

    /// Index of the first byte of `x` that is not zero; `x` is not zero.
    function _firstByte(uint256 x) private pure returns (uint256 i) {
        if (x >> 128 == 0) (i, x) = (16, x << 128);
        if (x >> 192 == 0) (i, x) = (i + 8, x << 64);
        if (x >> 224 == 0) (i, x) = (i + 4, x << 32);
        if (x >> 240 == 0) (i, x) = (i + 2, x << 16);
        if (x >> 248 == 0) i++;
    }

    /// Names that some reader of Intel's documents asks for.
    function _isKnown(bytes32 name) private pure returns (bool) {
        if (name == keccak256("id") || name == keccak256("version") || name == keccak256("issueDate")) return true;
        if (name == keccak256("nextUpdate") || name == keccak256("fmspc") || name == keccak256("pceId")) return true;
        if (name == keccak256("tcbType") || name == keccak256("tcbEvaluationDataNumber")) return true;
        if (name == keccak256("tdxModule") || name == keccak256("tdxModuleIdentities")) return true;
        if (name == keccak256("mrsigner") || name == keccak256("attributes") || name == keccak256("attributesMask")) {
            return true;
        }
        if (name == keccak256("tcbLevels") || name == keccak256("tcb") || name == keccak256("isvsvn")) return true;
        if (name == keccak256("tcbDate") || name == keccak256("tcbStatus") || name == keccak256("advisoryIDs")) {
            return true;
        }
        if (name == keccak256("sgxtcbcomponents") || name == keccak256("tdxtcbcomponents")) return true;
        if (name == keccak256("svn") || name == keccak256("pcesvn") || name == keccak256("isvprodid")) return true;
        return name == keccak256("miscselect") || name == keccak256("miscselectMask");
    }
}
