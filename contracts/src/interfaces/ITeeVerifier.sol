// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a vendor says about the security version of a platform. Values and names are those
/// of `enum ph_tcb_status` in src/attest/tcb_status.h; a policy's `tcbMask` has bit
/// `1 << uint256(status)` for each that it accepts. UNKNOWN, REVOKED and NO_LEVEL can be accepted by
/// none: a verifier reverts instead of returning them.
enum TcbStatus {
    UNKNOWN,
    UP_TO_DATE,
    SW_HARDENING,
    CONFIG,
    CONFIG_SW_HARDENING,
    OUT_OF_DATE,
    OUT_OF_DATE_CONFIG,
    RELAUNCH_ADVISED,
    RELAUNCH_ADVISED_CONFIG,
    REVOKED,
    NO_LEVEL
}

/// @notice Numbers of TEE kinds; governance may add others.
library TeeKind {
    uint16 internal constant SGX = 1;
    uint16 internal constant TDX = 2;
    uint16 internal constant SNP = 3;
    uint16 internal constant NVIDIA = 4;
    uint16 internal constant NITRO = 5;
    uint16 internal constant CCA = 6;
    uint16 internal constant SIMULATED = 255;
}

/// @notice What a verifier proved about one piece of evidence.
struct Claims {
    /// One of TeeKind: what the evidence says it is. Whether hardware vouches is in `flags`.
    uint16 kind;
    /// keccak-256 over kind and the kind's full measurement tuple, as src/lib/TeeImage.sol computes it; a
    /// verifier refuses a tuple of zeroes.
    bytes32 image;
    /// The machine, the same for all its evidence of every image: the key of "one worker per slot".
    bytes32 platformId;
    TcbStatus tcbStatus;
    /// Vendor's evaluation number of the facts it was judged by: least of all used; 0 if the vendor has none.
    uint32 evalNo;
    /// Unix seconds. When it was judged: block time for a verifier that judges in this call (a nonce
    /// inside `bind` says how fresh the evidence is), the time signed by the committee otherwise.
    uint40 evidenceTime;
    /// Unix seconds. First second at which some fact used here is no longer valid (certificate, revocation
    /// list, TCB info). No lease should outlive it by more than the kind's grace.
    uint40 validUntil;
    /// Unix seconds. tcbDate of the least level that counted; 0 if the vendor has none.
    uint40 tcbDate;
    /// Bits of ClaimFlags.
    uint32 flags;
}

/// @notice Facts a policy may ask about that do not make evidence worthless.
library ClaimFlags {
    /// Not hardware: a simulator's root vouches. Exists on chain id 31337 only.
    uint32 internal constant SIMULATED = 1 << 31;
    /// The evidence was proved by VerifierCommittee's signatures, not in the call.
    uint32 internal constant COMMITTEE = 1 << 30;
    /// Attested GPUs are behind it as well.
    uint32 internal constant GPU = 1 << 29;
    /// Intel, Platform CA: packages can be added to the platform at run time.
    uint32 internal constant DYNAMIC_PLATFORM = 1 << 0;
    /// Intel, Platform CA: Intel's registration service keeps the platform's root keys.
    uint32 internal constant CACHED_KEYS = 1 << 1;
    /// Simultaneous multithreading is on: Intel, from the PCK; SEV-SNP, from the report.
    uint32 internal constant SMT = 1 << 2;
    /// TDX: the TD uses supervisor protection keys.
    uint32 internal constant TD_PKS = 1 << 3;
    /// TDX: the TD may read performance counters.
    uint32 internal constant TD_PERFMON = 1 << 4;
}

/// @title A judge of one family of evidence
/// @notice Plugins of TeePolicy. Their code does not change; governance points a kind at another one.
interface ITeeVerifier {
    /// The evidence is of a kind, version or key type that this verifier does not judge.
    error EvidenceUnsupported(bytes32 what);

    /// @notice Decide whether `evidence` is genuine and was made for `bind`. Reverts if not, with an error that
    /// names the check; never returns claims of something half checked.
    /// @param evidence untrusted; its form is the verifier's own, see its documentation
    /// @param bind what the TEE must have signed: equals report data [0:32], and [32:64] is zero; the registry
    /// makes it: sha256("phala.worker.v1" | chainId | registry | workerKey | ecdhKey | owner | nonce)
    function verify(bytes calldata evidence, bytes32 bind) external returns (Claims memory claims);

    /// @notice The same with grace, for a worker that was accepted before: facts of the vendor that are to be renewed
    /// at times count for `graceS` seconds after they should have been. Claims.validUntil may then be in the past. A
    /// verifier may have less grace than that, or none.
    function verifyRenewal(bytes calldata evidence, bytes32 bind, uint256 graceS)
        external
        returns (Claims memory claims);
}
