// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPhatApp} from "./IPhatApp.sol";

/// @notice A contract that asks phats implements this, and nothing but the anchor may call it.
interface IPhatConsumer {
    /// @notice The answer to a request that this contract made. Runs with exactly the gas that it asked for; what
    /// it does or fails to do changes nothing for others.
    /// @param outcome 0: the phat answered; 1: the worker answered for it (a limit, a crash), `result` says what
    function onPhatAnswer(uint64 requestId, uint8 outcome, bytes calldata result) external;
}

/// @notice What a request may demand beyond the app's policy.
library Demand {
    /// Answers by TEEs of different vendors. With 3 replicas.
    uint8 internal constant DISTINCT_VENDORS = 1;
    /// The result is 32 bytes: a hash of what is published elsewhere.
    uint8 internal constant HASH_ONLY = 2;
    /// The event carries no input: `inputHash` names a blob, or what the worker knows otherwise.
    uint8 internal constant BLOB_INPUT = 4;
}

/// @notice All terms of a request; the anchor stores their hash.
struct Terms {
    uint64 id;
    IPhatApp app;
    /// Who asked, and is called back.
    address consumer;
    /// Paid to the operators whose workers answered, in wei.
    uint96 feeWei;
    uint32 callbackGas;
    /// Unix seconds: answers count before, cancelling is possible from then on.
    uint40 deadline;
    /// 1, or 3, of which two must agree.
    uint8 replicas;
    /// Bits of Demand.
    uint8 demand;
    /// keccak-256 of the input, or what names a blob.
    bytes32 inputHash;
}

/// @notice An answer, as workers sign its hash.
struct Reply {
    /// SHA-256 that names the bundle which was run.
    bytes32 codeHash;
    uint8 outcome;
    bytes result;
}

/// @notice A key that a change was computed from, and the version that it had then; 0: it was not there.
struct Read {
    bytes32 key;
    uint64 version;
}

struct Write {
    bytes32 key;
    bytes32 value;
}

/// @notice A message to a contract, as part of a commit.
struct Action {
    address target;
    uint32 gas;
    bytes data;
}

/// @notice A change to a phat's values on chain: it happens whole, if everything read is still as it was.
struct Commit {
    IPhatApp app;
    bytes32 codeHash;
    Read[] reads;
    Write[] writes;
    Action[] actions;
    /// Any number that this phat has not used; order does not matter.
    uint256 nonce;
    /// Unix seconds: the signature holds before.
    uint40 deadline;
}

/// @notice A contract that takes messages of phats implements this, and checks sender (the anchor) and app.
interface IPhatReceiver {
    function onPhatMessage(IPhatApp app, bytes calldata data) external;
}
