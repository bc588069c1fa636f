// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../access/Governed.sol";
import {IWorkerRegistry, Signer} from "../interfaces/IWorkerRegistry.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title Who holds the keys of the phats
/// @notice Each cluster of workers shares keys, in epochs. Here stands which epoch is to be used, who may not have keys any
/// more, and who gave keys to whom: a hand-over that is not in the log did not happen properly. `freshen` lets
/// whoever decides by this contract prove to itself that it sees the live chain and not an old copy: it sends a
/// random number and waits until it can read it.
abstract contract KeyLog is EIP712, Governed {
    bytes32 private constant HANDOVER_TYPE =
        keccak256("Handover(bytes32 to,address cluster,uint32 keyEpoch,bytes32 evidenceHash)");

    IWorkerRegistry public immutable registry;

    /// The epoch of keys that a cluster is to use.
    mapping(address cluster => uint32) public keyEpoch;
    /// Workers that are not to get keys, whatever their evidence says.
    mapping(bytes32 workerId => bool) public keysRevoked;
    /// Unix seconds at which a number was sent; 0: never.
    mapping(bytes32 nonce => uint40) public freshAt;
    mapping(bytes32 digest => bool) private _logged;

    /// It is not the key of a live worker.
    error SignerNotLive(address signer);
    error SignatureInvalid(address signer);
    error KeysRevoked(bytes32 workerId);
    /// The cluster is in another epoch.
    error KeyEpochIs(uint32 keyEpoch);
    error AlreadyLogged();
    error NonceUsed(bytes32 nonce);

    event KeyEpochAdvanced(address indexed cluster, uint32 keyEpoch);
    event KeysRevocation(bytes32 indexed workerId, bool revoked);
    event KeysHandedOver(
        bytes32 indexed from, bytes32 indexed to, address indexed cluster, uint32 keyEpoch, bytes32 evidenceHash
    );
    event Fresh(bytes32 indexed nonce, address indexed by);

    constructor(IWorkerRegistry registry_) {
        registry = registry_;
    }

    /// @notice Ask a cluster to make new keys. For governance.
    function advanceKeyEpoch(address cluster) external restricted {
        emit KeyEpochAdvanced(cluster, ++keyEpoch[cluster]);
    }

    /// @notice Keep a worker away from keys. For the council.
    function revokeKeys(bytes32 workerId) external restricted {
        keysRevoked[workerId] = true;
        emit KeysRevocation(workerId, true);
    }

    /// @notice Take that back. For governance.
    function restoreKeys(bytes32 workerId) external restricted {
        keysRevoked[workerId] = false;
        emit KeysRevocation(workerId, false);
    }

    /// @notice Write down that a worker gave its cluster's keys to another. Anybody may carry it.
    /// @param from the key of the worker that gave, which signed this Handover (EIP-712)
    /// @param to the worker that got them
    /// @param evidenceHash SHA-256 of the evidence by which the giver decided
    function logHandover(
        address from,
        bytes32 to,
        address cluster,
        uint32 epoch,
        bytes32 evidenceHash,
        bytes calldata signature
    ) external {
        Signer memory giver = registry.signerOf(from);
        if (!giver.live) revert SignerNotLive(from);
        if (keysRevoked[giver.workerId]) revert KeysRevoked(giver.workerId);
        if (keysRevoked[to]) revert KeysRevoked(to);
        if (epoch != keyEpoch[cluster]) revert KeyEpochIs(keyEpoch[cluster]);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(HANDOVER_TYPE, to, cluster, epoch, evidenceHash)));
        if (!SignatureChecker.isValidSignatureNow(from, digest, signature)) revert SignatureInvalid(from);
        bytes32 entry = keccak256(abi.encode(digest, from));
        if (_logged[entry]) revert AlreadyLogged();
        _logged[entry] = true;
        emit KeysHandedOver(giver.workerId, to, cluster, epoch, evidenceHash);
    }

    /// @notice Leave a number that its sender made at random, to be read back.
    function freshen(bytes32 nonce) external {
        if (freshAt[nonce] != 0) revert NonceUsed(nonce);
        freshAt[nonce] = uint40(block.timestamp);
        emit Fresh(nonce, msg.sender);
    }
}
