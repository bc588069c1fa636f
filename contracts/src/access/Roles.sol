// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The roles of the AccessManager
/// @notice ADMIN is AccessManager's own role 0: it grants the others and upgrades. Only the slow timelock has it.
library Roles {
    /// Parameters, kinds, images, unpausing. The timelock.
    uint64 internal constant GOVERNANCE = 1;
    /// Pause. The council.
    uint64 internal constant PAUSER = 2;
    /// Revoke an image at once. The council.
    uint64 internal constant IMAGE_REVOKER = 3;
    /// Tell WorkerRegistry that a certificate was false. VerifierCommittee.
    uint64 internal constant CERTIFICATE_JUDGE = 4;
    /// Bind workers to pools of stake, set scores. StakeManager and Rewards, when they are there.
    uint64 internal constant STAKE = 5;
}
