// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Registration} from "../interfaces/IWorkerRegistry.sol";

/// @title What a worker's evidence binds
/// @notice The first 32 bytes of report data, as src/keys/report_data.h makes them:
/// SHA-256("phala.worker.v1" | chainId 32 | registry 20 | signKey 20 | ecdhKey 32 | owner 20 | nonce 32), where nonce
/// is SHA-256("phala.bind.v3" | beacon 32 | tlsKeyHash 32 | cluster 20 | ohttpHash 32), or without ohttpHash and with
/// "phala.bind.v2". The second half of report data is zero, which verifiers check.
library WorkerBind {
    function bind(Registration calldata r, address registry) internal view returns (bytes32) {
        bytes32 nonce = r.ohttpHash == 0
            ? sha256(abi.encodePacked("phala.bind.v2", r.beacon, r.tlsKeyHash, r.cluster))
            : sha256(abi.encodePacked("phala.bind.v3", r.beacon, r.tlsKeyHash, r.cluster, r.ohttpHash));
        return
            sha256(abi.encodePacked("phala.worker.v1", block.chainid, registry, r.signKey, r.ecdhKey, r.owner, nonce));
    }
}
