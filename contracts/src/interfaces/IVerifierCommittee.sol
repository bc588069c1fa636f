// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claims} from "./ITeeVerifier.sol";

/// @notice What members of a committee say about evidence that is not judged on chain.
struct Certificate {
    /// The committee that says so: one per day.
    uint64 setId;
    /// Unix seconds: when they judged it.
    uint40 time;
    /// What the evidence binds: report data [0:32].
    bytes32 bind;
    /// keccak-256 of the evidence, whose bytes must be published …
    bytes32 evidenceHash;
    /// … where this says: a blob's versioned hash, or what a data layer calls it.
    bytes32 dataRef;
    Claims claims;
}

/// @notice The part of VerifierCommittee that CommitteeVerifier uses.
interface IVerifierCommittee {
    /// @notice Reverts unless enough members of a committee in office signed, and nobody proved it false.
    /// @param signatures over Certificate (EIP-712), in ascending order of the signers' addresses
    /// @param least fewest signatures; the committee's own quorum holds as well
    function checkCertificate(Certificate calldata c, bytes[] calldata signatures, uint256 least) external view;
}

/// @notice Decides on chain whether evidence proves what a certificate says. For disputes only.
interface IDisputeJudge {
    /// @notice Reverts when it cannot decide; its answer is final.
    function judge(bytes calldata evidence, bytes32 bind, Claims calldata claims) external returns (bool genuine);
}

/// @notice Says whether enough stake answers for a committee member. Until there is one, nobody asks.
interface IRoleStake {
    function hasRoleStake(bytes32 workerId) external view returns (bool);
}
