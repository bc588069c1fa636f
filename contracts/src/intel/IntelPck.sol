// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SgxFacts} from "./SgxExtension.sol";

// The values are read from fewer bits.
// forge-lint: disable-start(unsafe-typecast)

/// @title What is kept of a PCK certificate
/// @notice 176 bytes that travel with each evidence; the chain keeps their hash:
///   0 CA 32 | 32 key x 32 | 64 key y 32 | 96 serial 32 | 128 component SVNs 16 | 144 PPID 16 | 160 FMSPC 6 |
///   166 PCEID 2 | 168 PCESVN 2 | 170 flags 1 | 171 last second + 1 of the chain's validity 5
library IntelPck {
    uint256 internal constant LEN = 176;
    uint256 internal constant DYNAMIC_PLATFORM = 1;
    uint256 internal constant CACHED_KEYS = 2;
    uint256 internal constant SMT = 4;

    function pack(bytes32 caId, uint256 x, uint256 y, uint256 serialNo, SgxFacts memory f, uint256 untilS)
        internal
        pure
        returns (bytes memory)
    {
        uint256 bits =
            (f.dynamicPlatform ? DYNAMIC_PLATFORM : 0) | (f.cachedKeys ? CACHED_KEYS : 0) | (f.smt ? SMT : 0);
        return bytes.concat(
            bytes.concat(caId, bytes32(x), bytes32(y), bytes32(serialNo), f.components, f.ppid, f.fmspc, f.pceid),
            abi.encodePacked(f.pcesvn, uint8(bits), uint40(untilS))
        );
    }

    function ca(bytes calldata pck) internal pure returns (bytes32) {
        return bytes32(pck[0:32]);
    }

    function key(bytes calldata pck) internal pure returns (uint256 x, uint256 y) {
        return (uint256(bytes32(pck[32:64])), uint256(bytes32(pck[64:96])));
    }

    function serial(bytes calldata pck) internal pure returns (uint256) {
        return uint256(bytes32(pck[96:128]));
    }

    function components(bytes calldata pck) internal pure returns (bytes16) {
        return bytes16(pck[128:144]);
    }

    function ppid(bytes calldata pck) internal pure returns (bytes16) {
        return bytes16(pck[144:160]);
    }

    /// FMSPC and PCEID.
    function family(bytes calldata pck) internal pure returns (bytes8) {
        return bytes8(pck[160:168]);
    }

    function pcesvn(bytes calldata pck) internal pure returns (uint256) {
        return uint16(bytes2(pck[168:170]));
    }

    function flags(bytes calldata pck) internal pure returns (uint256) {
        return uint8(pck[170]);
    }

    /// Unix seconds.
    function until(bytes calldata pck) internal pure returns (uint256) {
        return uint40(bytes5(pck[171:176]));
    }
}
// forge-lint: disable-end(unsafe-typecast)
