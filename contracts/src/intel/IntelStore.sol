// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a certificate under the root may do.
enum Role {
    NONE,
    ROOT,
    PLATFORM,
    PROCESSOR,
    SIGNER
}

/// @notice A certificate that signs others, or documents.
struct Ca {
    uint256 x;
    uint256 y;
    bytes32 subject; // keccak-256 of the name and the key identifier, as in Cert
    bytes32 ski;
    uint168 serial;
    uint40 until; // Unix seconds, of it and of the root
    Role role;
}

/// @notice A document in force. A verdict reads one slot, and the second one when the root has revoked anything.
/// What ends after 2106 is held to end then: 32 bits of seconds are what fits.
struct Doc {
    address packed;
    uint32 until; // nextUpdate, Unix seconds
    uint32 signerUntil;
    uint32 evalNo;
    uint40 issued;
    uint168 signerSerial;
}

/// @notice The revocation list in force; one slot. A serial is on it if its generation is this one or a later one.
struct CrlState {
    uint40 thisUpdate; // Unix seconds
    uint40 nextUpdate;
    uint32 generation; // 0: there is no list
    uint32 lastGeneration; // given to the list begun last
    uint32 revoked; // entries
    bool simulated; // the root's list: the root is a simulator's
}

/// @notice A list whose entries are being indexed.
struct Pending {
    bytes32 der; // keccak-256 of the whole list; 0: none
    uint40 thisUpdate;
    uint40 nextUpdate;
    uint32 generation;
    uint32 next; // offset in the list of the next entry, and of the end of entries
    uint32 end;
    uint32 revoked; // entries so far
}

/// @title Where IntelCollateral keeps what it knows
/// @notice Upgrades append members, and change none.
library IntelStore {
    struct Data {
        mapping(bytes32 id => Ca) ca;
        mapping(bytes32 id => bool) pck;
        mapping(bytes32 id => Doc) doc;
        mapping(bytes32 issuer => CrlState) crl;
        mapping(bytes32 issuer => Pending) pending;
        mapping(bytes32 issuer => mapping(uint256 serial => uint256 generation)) revoked;
    }
}
