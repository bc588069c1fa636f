// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A cursor over DER in calldata
/// @notice The rules of src/codec/der.c: every element in its one encoding (X.690 §10), nothing beyond the
/// cursor's end is read, and what does not fit reverts. Positions are offsets in calldata.
library DerLib {
    /// Breaks DER, or the form that the reader demands, at this offset of calldata.
    error DerMalformed(uint256 pos);

    /// Bytes [at, end) of calldata, still to be read.
    struct Cursor {
        uint256 pos;
        uint256 end;
    }

    uint256 internal constant BOOLEAN = 0x01;
    uint256 internal constant INTEGER = 0x02;
    uint256 internal constant BIT_STRING = 0x03;
    uint256 internal constant OCTET_STRING = 0x04;
    uint256 internal constant OID = 0x06;
    uint256 internal constant ENUMERATED = 0x0a;
    uint256 internal constant UTF8_STRING = 0x0c;
    uint256 internal constant PRINTABLE_STRING = 0x13;
    uint256 internal constant UTC_TIME = 0x17;
    uint256 internal constant GENERALIZED_TIME = 0x18;
    uint256 internal constant SEQUENCE = 0x30;
    uint256 internal constant SET = 0x31;

    function open(bytes calldata data) internal pure returns (Cursor memory c) {
        uint256 pos;
        assembly ("memory-safe") {
            pos := data.offset
        }
        return Cursor(pos, pos + data.length);
    }

    /// @notice 32 bytes of calldata from an offset on; beyond its end are zeroes, so check the length first.
    function word(uint256 pos) internal pure returns (bytes32 w) {
        assembly ("memory-safe") {
            w := calldataload(pos)
        }
    }

    /// @notice The bytes [at, at + len) of calldata, which a cursor has given out.
    function view_(uint256 pos, uint256 len) internal pure returns (bytes calldata out) {
        assembly ("memory-safe") {
            out.offset := pos
            out.length := len
        }
    }

    /// @notice Cut the next element off.
    /// @return tag the identifier octet
    /// @return pos where its contents begin
    /// @return len bytes of contents
    function next(Cursor memory c) internal pure returns (uint256 tag, uint256 pos, uint256 len) {
        uint256 start = c.pos;
        bool bad;
        // Nothing can wrap: positions are offsets of calldata, and lengths have at most 32 bits.
        assembly ("memory-safe") {
            let w := calldataload(start)
            tag := byte(0, w)
            len := byte(1, w)
            pos := add(start, 2)
            if gt(len, 0x7f) {
                // 1 to 4 octets of length; X.690 §10.1: the fewest. None is BER's indefinite form.
                let count := and(len, 0x7f)
                len := shr(sub(256, shl(3, count)), shl(16, w))
                bad := or(gt(count, 4), or(lt(len, 0x80), iszero(shr(shl(3, sub(count, 1)), len))))
                pos := add(pos, count)
            }
            let end := add(pos, len)
            bad := or(bad, gt(end, mload(add(c, 0x20))))
            // Five ones announce a tag of several octets, which nothing uses; 0 is BER's end of contents.
            bad := or(bad, or(iszero(tag), eq(and(tag, 0x1f), 0x1f)))
            mstore(c, end)
        }
        if (bad) revert DerMalformed(start);
    }

    function peek(Cursor memory c, uint256 tag) internal pure returns (bool) {
        return c.pos < c.end && uint256(word(c.pos)) >> 248 == tag;
    }

    /// @notice Cut the next element off, which must have this tag.
    function expect(Cursor memory c, uint256 tag) internal pure returns (uint256 pos, uint256 len) {
        uint256 start = c.pos;
        uint256 got;
        (got, pos, len) = next(c);
        if (got != tag) revert DerMalformed(start);
    }

    /// @notice Cut the next element off and look inside.
    function enter(Cursor memory c, uint256 tag) internal pure returns (Cursor memory inside) {
        uint256 start = c.pos;
        (uint256 got, uint256 pos,) = next(c);
        if (got != tag) revert DerMalformed(start);
        inside.pos = pos;
        inside.end = c.pos;
    }

    /// @notice Everything is read.
    function done(Cursor memory c) internal pure {
        if (c.pos != c.end) revert DerMalformed(c.pos);
    }

    /// @notice The contents of an INTEGER or ENUMERATED that is not negative and fits 256 bits. X.690 §8.3.2: the
    /// first nine bits are not all the same.
    function uintOf(uint256 pos, uint256 len) internal pure returns (uint256 value) {
        uint256 w = uint256(word(pos));
        if (len == 0 || len > 33 || w >> 255 != 0) revert DerMalformed(pos);
        if (len > 1 && w >> 247 == 0) revert DerMalformed(pos);
        if (len == 33) {
            if (w >> 248 != 0) revert DerMalformed(pos);
            return uint256(word(pos + 1));
        }
        return w >> (256 - 8 * len);
    }

    function readUint(Cursor memory c) internal pure returns (uint256 value) {
        (uint256 pos, uint256 len) = expect(c, INTEGER);
        return uintOf(pos, len);
    }

    /// @notice X.690 §11.1: TRUE is all ones.
    function readBool(Cursor memory c) internal pure returns (bool) {
        (uint256 pos, uint256 len) = expect(c, BOOLEAN);
        uint256 value = uint256(word(pos)) >> 248;
        if (len != 1 || (value != 0 && value != 0xff)) revert DerMalformed(pos);
        return value != 0;
    }

    /// @notice A BIT STRING of whole octets: without the count of unused bits, which is 0.
    function readBits(Cursor memory c) internal pure returns (uint256 pos, uint256 len) {
        (pos, len) = expect(c, BIT_STRING);
        if (len == 0 || uint256(word(pos)) >> 248 != 0) revert DerMalformed(pos);
        return (pos + 1, len - 1);
    }

    /// @notice Whether `len` contents octets are these `size` ones, at most 32, left-aligned.
    function isBytes(uint256 pos, uint256 len, bytes32 wanted, uint256 size) internal pure returns (bool) {
        return len == size && (word(pos) ^ wanted) >> (256 - 8 * size) == 0;
    }

    /// @notice UTCTime or GeneralizedTime with seconds and Z.
    /// @return Unix seconds; years before 1970 revert
    function readTime(Cursor memory c) internal pure returns (uint256) {
        (uint256 tag, uint256 pos, uint256 len) = next(c);
        uint256 w = uint256(word(pos));
        unchecked {
            uint256 year;
            if (tag == UTC_TIME && len == 13) {
                year = digits(w, 0, pos);
                year += year >= 50 ? 1900 : 2000;
                w <<= 16;
            } else if (tag == GENERALIZED_TIME && len == 15) {
                year = digits(w, 0, pos) * 100 + digits(w, 2, pos);
                w <<= 32;
            } else {
                revert DerMalformed(pos);
            }
            if ((w >> 168) & 0xff != 0x5a) revert DerMalformed(pos); // Z
            return unixTime(
                year, digits(w, 0, pos), digits(w, 2, pos), digits(w, 4, pos), digits(w, 6, pos), digits(w, 8, pos), pos
            );
        }
    }

    /// @notice The two decimal digits of a word from its character `i` on; reverts, naming `where`, for others.
    function digits(uint256 w, uint256 i, uint256 where) internal pure returns (uint256) {
        unchecked {
            uint256 tens = ((w >> (248 - 8 * i)) & 0xff) ^ 0x30;
            uint256 ones = ((w >> (240 - 8 * i)) & 0xff) ^ 0x30;
            if (tens > 9 || ones > 9) revert DerMalformed(where);
            return tens * 10 + ones;
        }
    }

    /// @notice Unix seconds of a moment of the Gregorian calendar; reverts, naming `where`, if there is no such one.
    function unixTime(
        uint256 year,
        uint256 month,
        uint256 day,
        uint256 hour,
        uint256 minute,
        uint256 second,
        uint256 where
    ) internal pure returns (uint256) {
        unchecked {
            if (year < 1970 || month == 0 || month > 12 || day == 0 || day > _daysIn(year, month)) {
                revert DerMalformed(where);
            }
            if (hour > 23 || minute > 59 || second > 59) revert DerMalformed(where);
            // Years that begin in March, so that a leap day is a year's last.
            uint256 y = month > 2 ? year : year - 1;
            uint256 doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
            uint256 dayNumber = y * 365 + y / 4 - y / 100 + y / 400 + doy - 719_468;
            return dayNumber * 86_400 + hour * 3600 + minute * 60 + second;
        }
    }

    function _daysIn(uint256 year, uint256 month) private pure returns (uint256) {
        if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
        return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
    }
}
