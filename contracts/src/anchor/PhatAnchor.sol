// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Demand, IPhatConsumer, Reply, Terms} from "../interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../interfaces/IPhatApp.sol";
import {IWorkerRegistry, Signer} from "../interfaces/IWorkerRegistry.sol";
import {ExactCall} from "../lib/ExactCall.sol";
import {AnchorStore} from "./AnchorStore.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Where contracts ask phats
/// @notice A contract makes a request and pays for it; workers that its app admits answer with their signature. Requests have no order: one
/// that fails, or whose consumer is hostile, is nobody else's concern. One storage slot holds a request, as the
/// hash of its terms; the terms are in the event, and come back with the answer.
contract PhatAnchor layout at erc7201("phala.PhatAnchor") is AnchorStore {
    /// Longest time for an answer, in seconds.
    uint40 public constant DEADLINE_MAX_S = 7 days;
    /// Most gas for a callback: what fits a block beside other things (EIP-7825 caps a transaction at 2^24).
    uint32 public constant CALLBACK_GAS_MAX = 10_000_000;

    bytes32 private constant ANSWER_TYPE =
        keccak256("Answer(uint64 requestId,bytes32 terms,bytes32 codeHash,uint8 outcome,bytes32 resultHash)");

    /// keccak-256 of the terms while a request is open; of what a failed callback needs, after; 0 otherwise.
    mapping(uint64 id => bytes32) private _commitment;
    /// Wei that can be taken out.
    mapping(address who => uint256) public creditOf;

    error TermsInvalid(bytes32 what);
    /// No open request has these terms: answered, cancelled, or never made.
    error RequestUnknown(uint64 id);
    /// No callback failed with these words.
    error CallbackUnknown(uint64 id);
    error CallbackFailedAgain(uint64 id, bytes returned);
    error DeadlinePassed(uint40 deadline);
    error DeadlineAhead(uint40 deadline);
    /// Signatures under an answer: 1, or 2 or 3 with 3 replicas.
    error SignatureCountWrong(uint256 given);
    /// Signers must be in strictly ascending order of their address: that is how each counts once.
    error SignersUnsorted(address signer);
    /// Two answers of one operator, or of one vendor where different ones are demanded.
    error AnswersNotIndependent(address signer);
    error ResultNotAHash();
    error TransferFailed(address to);

    event Requested(uint64 indexed id, IPhatApp indexed app, address indexed consumer, Terms terms, bytes input);
    /// A worker shows its answer, so that another one can complete it.
    event Proposed(uint64 indexed id, address indexed signer, Reply reply, bytes signature);
    event Fulfilled(
        uint64 indexed id,
        IPhatApp indexed app,
        address indexed consumer,
        bytes32 codeHash,
        uint8 outcome,
        bytes result,
        bool calledBack
    );
    event CallbackFailed(uint64 indexed id, bytes returned);
    event CallbackDone(uint64 indexed id);
    event Cancelled(uint64 indexed id);
    event Withdrawn(address indexed who, address to, uint256 amountWei);

    constructor(IWorkerRegistry registry_) AnchorStore(registry_) EIP712("PhalaPhatAnchor", "1") {}

    // Asking

    /// @notice Ask a phat. The value sent is the fee. What is given back, if it is not answered, is the caller's credit.
    /// @param app the contract of the phat: says which workers' answers count
    /// @param input passed to the phat
    /// @param callbackGas gas for onPhatAnswer on the caller; 0: no callback
    /// @param deadline Unix seconds, at most DEADLINE_MAX_S ahead
    /// @param replicas 1; or 3, then two answers must be equal, of different operators
    /// @param demand bits of Demand, without BLOB_INPUT
    function request(
        IPhatApp app,
        bytes calldata input,
        uint32 callbackGas,
        uint40 deadline,
        uint8 replicas,
        uint8 demand
    ) external payable returns (uint64 id) {
        if (demand & Demand.BLOB_INPUT != 0) revert TermsInvalid("demand");
        return _request(Terms(0, app, msg.sender, 0, callbackGas, deadline, replicas, demand, keccak256(input)), input);
    }

    /// @notice The same for an input that is published elsewhere.
    /// @param inputHash names it, as the phat understands
    function requestBlob(
        IPhatApp app,
        bytes32 inputHash,
        uint32 callbackGas,
        uint40 deadline,
        uint8 replicas,
        uint8 demand
    ) external payable returns (uint64 id) {
        demand |= Demand.BLOB_INPUT;
        return _request(Terms(0, app, msg.sender, 0, callbackGas, deadline, replicas, demand, inputHash), msg.data[:0]);
    }

    /// @notice Give a request up whose deadline has passed: the fee is the consumer's credit. For anybody.
    function cancelAfterDeadline(Terms calldata t) external {
        if (block.timestamp < t.deadline) revert DeadlineAhead(t.deadline);
        _close(t);
        creditOf[t.consumer] += t.feeWei;
        emit Cancelled(t.id);
    }

    // Answering

    /// @notice Bring an answer. Anybody may carry it: the fee goes to the owners of the workers that signed.
    /// @param signatures over Answer (EIP-712), in ascending order of the signers' addresses
    function fulfill(Terms calldata t, Reply calldata reply, bytes[] calldata signatures) external whenNotPaused {
        if (block.timestamp >= t.deadline) revert DeadlinePassed(t.deadline);
        bytes32 terms = _close(t);
        if (t.demand & Demand.HASH_ONLY != 0 && reply.result.length != 32) revert ResultNotAHash();
        uint256 least = t.replicas == 1 ? 1 : 2;
        if (signatures.length < least || signatures.length > t.replicas) revert SignatureCountWrong(signatures.length);
        bytes32 digest = _answerDigest(t.id, terms, reply);
        Signer[] memory signers = new Signer[](signatures.length);
        address last;
        for (uint256 i = 0; i < signatures.length; i++) {
            address key = ECDSA.recoverCalldata(digest, signatures[i]);
            if (key <= last) revert SignersUnsorted(key);
            last = key;
            signers[i] = _admit(key, t.app, reply.codeHash, t.replicas);
            _checkIndependent(t.demand, signers, i, key);
        }
        _pay(t.feeWei, signers);
        bool calledBack = t.callbackGas != 0 && _callBack(t, reply);
        emit Fulfilled(t.id, t.app, t.consumer, reply.codeHash, reply.outcome, reply.result, calledBack);
    }

    /// @notice Show an answer that needs another signature, as an event. Anybody may carry it.
    function propose(Terms calldata t, Reply calldata reply, bytes calldata signature) external whenNotPaused {
        bytes32 terms = _open(t);
        address key = ECDSA.recoverCalldata(_answerDigest(t.id, terms, reply), signature);
        _admit(key, t.app, reply.codeHash, t.replicas);
        emit Proposed(t.id, key, reply, signature);
    }

    /// @notice Try a callback again that failed. For anybody.
    /// @param gas_ at least what the consumer had asked for
    function retryCallback(uint64 id, address consumer, uint32 gas_, uint32 callbackGas, Reply calldata reply)
        external
    {
        bytes32 failed = _failedHash(id, consumer, callbackGas, reply);
        if (_commitment[id] != failed) revert CallbackUnknown(id);
        if (gas_ < callbackGas) revert TermsInvalid("gas");
        delete _commitment[id];
        (bool ok, bytes memory returned) = ExactCall.exactCall(consumer, gas_, _answerCall(id, reply));
        if (!ok) revert CallbackFailedAgain(id, returned);
        emit CallbackDone(id);
    }

    /// @notice Take out what is one's own.
    function withdraw(address to) external {
        uint256 amountWei = creditOf[msg.sender];
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amountWei);
        (bool ok,) = to.call{value: amountWei}("");
        if (!ok) revert TransferFailed(to);
    }

    // Reading

    /// Whether a request with these terms waits for an answer.
    function isOpen(Terms calldata t) external view returns (bool) {
        return _commitment[t.id] == keccak256(abi.encode(t));
    }

    /// keccak-256 of an open request's terms; anything else: it is not open.
    function commitmentOf(uint64 id) external view returns (bytes32) {
        return _commitment[id];
    }

    /// How many requests there have been; their ids are 1 … requestCount.
    function requestCount() external view returns (uint64) {
        return _requestCount;
    }

    /// What a worker signs for an answer.
    function answerDigest(Terms calldata t, Reply calldata reply) external view returns (bytes32) {
        return _answerDigest(t.id, keccak256(abi.encode(t)), reply);
    }

    function _request(Terms memory t, bytes calldata input) private whenNotPaused returns (uint64 id) {
        if (t.replicas != 1 && t.replicas != 3) revert TermsInvalid("replicas");
        if (t.demand > 7 || (t.demand & Demand.DISTINCT_VENDORS != 0 && t.replicas == 1)) {
            revert TermsInvalid("demand");
        }
        if (t.callbackGas > CALLBACK_GAS_MAX) revert TermsInvalid("callbackGas");
        bool inTime = block.timestamp < t.deadline && t.deadline <= block.timestamp + DEADLINE_MAX_S;
        if (!inTime) revert TermsInvalid("deadline");
        if (msg.value > type(uint96).max) revert TermsInvalid("fee");
        id = ++_requestCount;
        t.id = id;
        t.feeWei = uint96(msg.value);
        _commitment[id] = keccak256(abi.encode(t));
        emit Requested(id, t.app, msg.sender, t, input);
    }

    function _open(Terms calldata t) private view returns (bytes32 terms) {
        terms = keccak256(abi.encode(t));
        if (_commitment[t.id] != terms) revert RequestUnknown(t.id);
    }

    /// From here on the request is answered or cancelled, whatever is called next.
    function _close(Terms calldata t) private returns (bytes32 terms) {
        terms = _open(t);
        delete _commitment[t.id];
    }

    function _checkIndependent(uint8 demand, Signer[] memory signers, uint256 n, address key) private pure {
        for (uint256 i = 0; i < n; i++) {
            bool same = signers[i].owner == signers[n].owner
                || (demand & Demand.DISTINCT_VENDORS != 0 && signers[i].vendor == signers[n].vendor);
            if (same) revert AnswersNotIndependent(key);
        }
    }

    /// Equal parts; what cannot be divided goes to the first.
    function _pay(uint256 feeWei, Signer[] memory signers) private {
        if (feeWei == 0) return;
        uint256 part = feeWei / signers.length;
        creditOf[signers[0].owner] += feeWei - part * (signers.length - 1);
        for (uint256 i = 1; i < signers.length; i++) {
            creditOf[signers[i].owner] += part;
        }
    }

    /// A callback that fails is kept for another try; the answer counts.
    function _callBack(Terms calldata t, Reply calldata reply) private returns (bool ok) {
        bytes memory returned;
        (ok, returned) = ExactCall.exactCall(t.consumer, t.callbackGas, _answerCall(t.id, reply));
        if (ok) return true;
        _commitment[t.id] = _failedHash(t.id, t.consumer, t.callbackGas, reply);
        emit CallbackFailed(t.id, returned);
    }

    function _answerCall(uint64 id, Reply calldata reply) private pure returns (bytes memory) {
        return abi.encodeCall(IPhatConsumer.onPhatAnswer, (id, reply.outcome, reply.result));
    }

    function _failedHash(uint64 id, address consumer, uint32 callbackGas, Reply calldata reply)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("callback", id, consumer, callbackGas, reply.outcome, keccak256(reply.result)));
    }

    function _answerDigest(uint64 id, bytes32 terms, Reply calldata reply) private view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(ANSWER_TYPE, id, terms, reply.codeHash, reply.outcome, keccak256(reply.result)))
        );
    }
}
