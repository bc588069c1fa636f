// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title ECDSA over P-256 by the precompile at 0x100
/// @notice EIP-7951 (Ethereum since Osaka, 6900 gas) and RIP-7212 (rollups, 3450 gas). There is no fallback in
/// Solidity: where the precompile is missing every check fails, and says why.
///
/// A high s is accepted: Intel does not normalise its signatures. So the bytes of a signature name nothing: use
/// them neither as a key nor against replay.
library P256Lib {
    /// This chain has no P-256 precompile at 0x100.
    error P256Missing();

    address internal constant PRECOMPILE = address(0x100);
    /// Field prime p, group order n and coefficient b of P-256: FIPS 186-4, D.1.2.3. a is -3.
    uint256 internal constant P = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff;
    uint256 internal constant N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551;
    uint256 internal constant B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b;

    /// @notice Whether (r, s) is a signature of `digest` under the key (x, y).
    /// @return false for a wrong signature and for numbers out of range; reverts with P256Missing where the
    /// precompile is absent
    function verify(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) internal view returns (bool) {
        // Clients of RIP-7212 differed about these; EIP-7951 demands them.
        if (r == 0 || r >= N || s == 0 || s >= N || !isOnCurve(x, y)) return false;
        if (_call(digest, r, s, x, y)) return true;
        // The precompile answers a wrong signature with nothing, as an empty account does.
        if (!isPresent()) revert P256Missing();
        return false;
    }

    /// @notice Whether (x, y) is a point of the curve, other than infinity.
    function isOnCurve(uint256 x, uint256 y) internal pure returns (bool) {
        if (x >= P || y >= P) return false;
        uint256 cubic = addmod(mulmod(addmod(mulmod(x, x, P), P - 3, P), x, P), B, P);
        return mulmod(y, y, P) == cubic;
    }

    /// @notice Whether this chain has the precompile: it knows a signature that is right.
    function isPresent() internal view returns (bool) {
        return _call(
            0xbb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023,
            0x2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18,
            0x4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76,
            0x2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838,
            0xc7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e
        );
    }

    /// The precompile said 1. An account without code says yes with no data, hence the length.
    function _call(bytes32 digest, uint256 r, uint256 s, uint256 x, uint256 y) private view returns (bool ok) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, digest)
            mstore(add(input, 0x20), r)
            mstore(add(input, 0x40), s)
            mstore(add(input, 0x60), x)
            mstore(add(input, 0x80), y)
            mstore(0x00, 0)
            ok := staticcall(gas(), 0x100, input, 0xa0, 0x00, 0x20)
            ok := and(and(ok, eq(returndatasize(), 0x20)), eq(mload(0x00), 1))
        }
    }
}
