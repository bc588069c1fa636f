// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {ClaimFlags, Claims, ITeeVerifier} from "../interfaces/ITeeVerifier.sol";
import {Certificate, IVerifierCommittee} from "../interfaces/IVerifierCommittee.sol";

/// @title Takes a committee's word for evidence
/// @notice `evidence` is abi.encode(Certificate, bytes[] signatures). For kinds that no contract judges, and as the
/// second opinion where one does.
contract CommitteeVerifier is ITeeVerifier {
    IVerifierCommittee public immutable committee;
    ITeePolicy public immutable policy;

    /// The certificate is about evidence that binds something else.
    error BindMismatch(bytes32 bind);

    constructor(IVerifierCommittee committee_, ITeePolicy policy_) {
        committee = committee_;
        policy = policy_;
    }

    /// @inheritdoc ITeeVerifier
    function verify(bytes calldata evidence, bytes32 bind) external view returns (Claims memory) {
        return _verify(evidence, bind);
    }

    /// @inheritdoc ITeeVerifier
    /// @dev Members judge by what holds when they sign: there is no grace here.
    function verifyRenewal(bytes calldata evidence, bytes32 bind, uint256) external view returns (Claims memory) {
        return _verify(evidence, bind);
    }

    function _verify(bytes calldata evidence, bytes32 bind) private view returns (Claims memory claims) {
        (Certificate memory c, bytes[] memory signatures) = abi.decode(evidence, (Certificate, bytes[]));
        if (c.bind != bind) revert BindMismatch(c.bind);
        committee.checkCertificate(c, signatures, policy.kindOf(c.claims.kind).k);
        claims = c.claims;
        claims.evidenceTime = c.time;
        claims.flags |= ClaimFlags.COMMITTEE;
    }
}
