// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Image, Kind, Vendor} from "../policy/TeeKinds.sol";
import {Claims} from "./ITeeVerifier.sol";

/// @notice What TeePolicy says of evidence that it accepts.
struct Admission {
    /// Unix seconds: the lease ends there.
    uint40 leaseUntil;
    /// Short name of the image.
    uint32 imageId;
    Vendor vendor;
    /// Live workers that one platform may have.
    uint8 perPlatform;
    /// An addition to a worker, not a worker.
    bool attachment;
    /// False: only the grace for a security version out of date let it pass.
    bool inOrder;
}

/// @notice Which evidence is good enough. Read by the registry, by apps and by people.
interface ITeePolicy {
    /// There is no such kind.
    error KindUnknown(uint16 kind);

    /// The rules of a kind; mode NONE: there is no such kind.
    function kindOf(uint16 kind) external view returns (Kind memory);

    /// The image of these measurements; id 0: unknown.
    function imageOf(bytes32 image) external view returns (Image memory);

    /// The measurements of an image's short name; 0: unknown.
    function imageById(uint32 id) external view returns (bytes32);

    /// Whether leases under an image go on: neither revoked nor retired.
    function isImageLive(uint32 id) external view returns (bool);

    /// @notice Decide about proved claims. Reverts with the reason when they are not good enough.
    /// @param kind whose rules apply
    /// @param claims what a verifier proved in this call
    /// @param evidenceTime Unix seconds: the evidence was made after it
    /// @param inOrderSince Unix seconds of the last admission that needed no grace; 0 for a new worker
    function admit(uint16 kind, Claims calldata claims, uint40 evidenceTime, uint40 inOrderSince)
        external
        view
        returns (Admission memory);

    /// @notice Whether a new worker of this description would be taken at a time (Unix seconds).
    function isAllowed(uint16 kind, bytes32 image, uint8 tcbStatus, uint32 evalNo, uint40 time)
        external
        view
        returns (bool);
}
