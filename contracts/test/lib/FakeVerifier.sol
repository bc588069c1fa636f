// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claims, ITeeVerifier} from "../../src/interfaces/ITeeVerifier.sol";

/// @notice Believes what evidence says: abi.encode(Claims, what it binds).
contract FakeVerifier is ITeeVerifier {
    error BindMismatch();

    function verify(bytes calldata evidence, bytes32 bind) external pure returns (Claims memory) {
        return _verify(evidence, bind);
    }

    function verifyRenewal(bytes calldata evidence, bytes32 bind, uint256) external pure returns (Claims memory) {
        return _verify(evidence, bind);
    }

    function _verify(bytes calldata evidence, bytes32 bind) private pure returns (Claims memory claims) {
        bytes32 bound;
        (claims, bound) = abi.decode(evidence, (Claims, bytes32));
        if (bound != bind) revert BindMismatch();
    }
}
