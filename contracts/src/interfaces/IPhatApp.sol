// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Signer} from "./IWorkerRegistry.sol";

/// @notice Which workers may answer for a phat, and with which code. One storage slot.
struct AppPolicy {
    /// Bit per kind of TEE: 1 << kind below 30; bits 30 and 31 are the simulators' kinds 254 and 255; all bits: every
    /// kind that the network trusts.
    uint32 kindMask;
    /// Bit 1 << TcbStatus for each that is accepted.
    uint16 tcbMask;
    /// Answers that must agree: a request asks for 1 or 3 replicas, and fewer than this is refused.
    uint8 minReplicas;
    /// False: only images, devices, clusters that are listed.
    bool anyImage;
    bool anyDevice;
    bool anyCluster;
    /// Seconds between the announcement of new code, or of a looser policy, and its use: time to leave.
    uint32 delayS;
}

/// @notice What PhatAnchor asks an app. Whoever makes a request chose the app: one that lies hurts its own requests.
interface IPhatApp {
    /// @param codeHash SHA-256 that names the bundle which was run
    /// @param replicas how many were asked to answer
    function admits(Signer calldata signer, bytes32 codeHash, uint8 replicas) external view returns (bool);
}
