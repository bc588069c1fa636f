// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITeeVerifier} from "../interfaces/ITeeVerifier.sol";

/// @notice Who judges evidence of a kind.
enum Mode {
    /// Nobody: the kind does not exist.
    NONE,
    /// The kind's verifier, in the same transaction.
    ONCHAIN,
    /// VerifierCommittee: k members sign what they found.
    COMMITTEE,
    /// Both, and they must agree.
    ONCHAIN_AND_COMMITTEE
}

/// @notice Whose hardware it is. Requests can demand answers from different ones.
enum Vendor {
    NONE,
    INTEL,
    AMD,
    NVIDIA,
    AWS,
    ARM,
    SIMULATED_A,
    SIMULATED_B
}

/// @notice The rules for one kind of TEE. Two storage slots.
struct Kind {
    /// Judges evidence on chain; for mode COMMITTEE, the one that judges certificates.
    ITeeVerifier verifier;
    Mode mode;
    Vendor vendor;
    /// New evidence is taken. Closing a kind lets the leases of its workers run out.
    bool open;
    /// Not a worker of its own, an addition to one: a GPU.
    bool attachment;
    /// Live workers that one platform may have, at least 1.
    uint8 perPlatform;
    /// Seconds that evidence lets a worker work.
    uint32 leaseS;
    /// Bit 1 << TcbStatus for each that is accepted.
    uint16 tcbMask;
    /// Fewest signatures under a certificate of this kind; the committee's own quorum holds as well.
    uint8 k;
    /// Seconds between the beacon's value that evidence binds and its use.
    uint32 maxEvidenceAgeS;
    /// At most 7 days, in seconds: how much longer a worker that was in order may renew once its security version is
    /// out of date, and how long a lease may outlive the collateral it was judged by.
    uint32 tcbGraceS;
    /// Least evaluation number of the vendor's facts.
    uint32 minEvalNo;
    /// For mode ONCHAIN_AND_COMMITTEE: the one that judges certificates.
    ITeeVerifier committee;
}

/// @notice What a TEE may run: one set of measurements.
struct Image {
    uint16 kind;
    /// Short name, counted from 1.
    uint32 id;
    /// Unix seconds: accepted from then on …
    uint40 from;
    /// … and before then; 0: without end. Leases end there, too.
    uint40 retireAt;
    /// Found bad: leases end at once.
    bool revoked;
    /// Groups the versions of one image.
    bytes32 family;
}

library TeeKinds {
    /// Kinds from here on are simulators. They prove nothing, and exist on the development chain only.
    uint16 internal constant SIMULATED_FIRST = 254;
    /// Foundry's and Hardhat's development chain.
    uint256 internal constant DEVELOPMENT_CHAIN = 31337;

    function isSimulated(uint16 kind) internal pure returns (bool) {
        return kind >= SIMULATED_FIRST;
    }
}
