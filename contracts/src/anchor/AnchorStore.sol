// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Governed} from "../access/Governed.sol";
import {Action, Commit, IPhatReceiver, Read, Write} from "../interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../interfaces/IPhatApp.sol";
import {IWorkerRegistry, Signer} from "../interfaces/IWorkerRegistry.sol";
import {ExactCall} from "../lib/ExactCall.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Values of phats on chain
/// @notice A phat reads values, computes, and sends what it wrote together with the versions of what it read. If another
/// commit was faster, nothing happens and it computes again: compare and set, without locks. Only a worker with a
/// live lease that the phat's app admits can sign; there is no standing permission.
abstract contract AnchorStore is EIP712, Governed {
    bytes32 private constant COMMIT_TYPE = keccak256(
        "Commit(address app,bytes32 codeHash,bytes32 reads,bytes32 writes,bytes32 actions,uint256 nonce,uint40 deadline)"
    );

    struct Value {
        bytes32 value;
        /// Counts the writes.
        uint64 version;
    }

    IWorkerRegistry public immutable registry;

    /// Of PhatAnchor. It lies beside the authority and the pause, in their slot, which each request reads anyway.
    uint48 internal _requestCount;

    mapping(IPhatApp app => mapping(bytes32 key => Value)) private _values;
    mapping(IPhatApp app => mapping(uint256 word => uint256 bits)) private _usedNonces;

    /// It is not the key of a live worker that the app admits.
    error SignerRefused(address signer);
    /// The version is another one: somebody else was faster.
    error ReadConflict(bytes32 key, uint64 version);
    error NonceUsed(uint256 nonce);
    error CommitExpired(uint40 deadline);
    error ActionFailed(uint256 index, bytes returned);

    event Written(IPhatApp indexed app, bytes32 indexed key, bytes32 value, uint64 version);
    event Committed(IPhatApp indexed app, uint256 nonce, bytes32 indexed workerId, bytes32 codeHash);

    constructor(IWorkerRegistry registry_) {
        registry = registry_;
    }

    /// @notice Change a phat's values, and send its messages, or do nothing of it. Anybody may carry it. One worker
    /// signs: an app that demands more replicas has no values here.
    /// @param signature of a worker over Commit (EIP-712); lists are hashed as their ABI encoding
    function commit(Commit calldata c, bytes calldata signature) external whenNotPaused {
        if (block.timestamp >= c.deadline) revert CommitExpired(c.deadline);
        address key = ECDSA.recoverCalldata(_hashTypedDataV4(_commitHash(c)), signature);
        Signer memory s = _admit(key, c.app, c.codeHash, 1);
        _useNonce(c.app, c.nonce);
        for (uint256 i = 0; i < c.reads.length; i++) {
            uint64 version = _values[c.app][c.reads[i].key].version;
            if (version != c.reads[i].version) revert ReadConflict(c.reads[i].key, version);
        }
        for (uint256 i = 0; i < c.writes.length; i++) {
            _write(c.app, c.writes[i]);
        }
        emit Committed(c.app, c.nonce, s.workerId, c.codeHash);
        for (uint256 i = 0; i < c.actions.length; i++) {
            _act(c.app, i, c.actions[i]);
        }
    }

    /// @return value 0 when the key is not there
    /// @return version how often it was written; 0: never
    function valueOf(IPhatApp app, bytes32 key) external view returns (bytes32 value, uint64 version) {
        Value storage v = _values[app][key];
        return (v.value, v.version);
    }

    function isNonceUsed(IPhatApp app, uint256 nonce) external view returns (bool) {
        return (_usedNonces[app][nonce >> 8] >> (nonce & 0xff)) & 1 != 0;
    }

    /// The worker behind a key, if the app takes its word.
    function _admit(address key, IPhatApp app, bytes32 codeHash, uint8 replicas)
        internal
        view
        returns (Signer memory s)
    {
        s = registry.signerOf(key);
        if (!s.live || !app.admits(s, codeHash, replicas)) revert SignerRefused(key);
    }

    function _useNonce(IPhatApp app, uint256 nonce) private {
        uint256 bit = 1;
        bit <<= nonce & 0xff;
        uint256 bits = _usedNonces[app][nonce >> 8];
        if (bits & bit != 0) revert NonceUsed(nonce);
        _usedNonces[app][nonce >> 8] = bits | bit;
    }

    function _write(IPhatApp app, Write calldata w) private {
        Value storage v = _values[app][w.key];
        v.value = w.value;
        uint64 version = ++v.version;
        emit Written(app, w.key, w.value, version);
    }

    function _act(IPhatApp app, uint256 index, Action calldata a) private {
        (bool ok, bytes memory returned) =
            ExactCall.exactCall(a.target, a.gas, abi.encodeCall(IPhatReceiver.onPhatMessage, (app, a.data)));
        if (!ok) revert ActionFailed(index, returned);
    }

    function _commitHash(Commit calldata c) private pure returns (bytes32) {
        bytes32 reads = keccak256(abi.encode(c.reads));
        bytes32 writes = keccak256(abi.encode(c.writes));
        bytes32 actions = keccak256(abi.encode(c.actions));
        return keccak256(abi.encode(COMMIT_TYPE, c.app, c.codeHash, reads, writes, actions, c.nonce, c.deadline));
    }
}
