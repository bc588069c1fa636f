// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What Intel says about one platform now.
struct CollateralFacts {
    /// Unix seconds: first second at which a certificate, list or document used here is no longer valid.
    uint40 validUntil;
    /// tcbEvaluationDataNumber: the lesser one of the two documents.
    uint32 evalNo;
    /// Where TcbInfo.packed and QeIdentity.packed are: code, behind one byte 0.
    address tcbInfo;
    address qeIdentity;
    /// The root is a simulator's, which proves nothing.
    bool simulated;
}

/// @title What Intel has signed about its platforms, checked when it was stored
/// @notice Everything is given by anybody and proved by Intel's signatures; nothing is ever replaced by something
/// older. Reads fail closed.
interface IIntelCollateral {
    event RootAdded(bool simulated);
    event CaAdded(bytes32 indexed id, uint8 role);
    /// `pck` is what evidence carries in front of the quote.
    event PckAdded(bytes32 indexed id, bytes pck);
    event TcbInfoUpdated(bytes32 indexed id, uint32 evalNo, uint40 issued, uint40 nextUpdate);
    event QeIdentityUpdated(bytes32 indexed id, uint32 evalNo, uint40 issued, uint40 nextUpdate);
    event CrlBegun(bytes32 indexed issuer, uint40 thisUpdate);
    event CrlSealed(bytes32 indexed issuer, uint40 thisUpdate, uint40 nextUpdate, uint32 revoked);

    /// @notice Give the root's certificate, once. It must be Intel's; on chain id 31337 any one of the same profile
    /// will do, and is called a simulator's. Its id is 0.
    function addRoot(bytes calldata der) external;

    /// @notice Give a certificate that the root signed: PCK Platform CA, PCK Processor CA or TCB Signing.
    /// @return id keccak-256 of `der`
    function addCa(bytes calldata der) external returns (bytes32 id);

    /// @notice Give a PCK certificate: which platform has which key.
    /// @param caId of the CA that signed it
    /// @return id keccak-256 of `pck`
    /// @return pck 176 bytes that evidence of this platform begins with; layout: IntelPck
    function addPck(bytes32 caId, bytes calldata der) external returns (bytes32 id, bytes memory pck);

    /// @notice Give TCB info for a platform family, newer than what is stored: by evaluation number, then by date.
    /// @param signerId of the TCB Signing certificate
    /// @param body exact bytes of the member "tcbInfo"
    /// @param signature r | s
    function upsertTcbInfo(bytes32 signerId, bytes calldata body, bytes calldata signature) external;

    /// @notice The same for the identity of the quoting enclaves: the member "enclaveIdentity".
    function upsertQeIdentity(bytes32 signerId, bytes calldata body, bytes calldata signature) external;

    /// @notice Give a revocation list, newer than the one in force: its signature is verified, then its entries are
    /// indexed by indexCrl. It comes into force when the last entry is indexed, at once if it has none; entries of
    /// a list under way count as revoked before. Another list may be begun over it if that is newer.
    /// @param issuer 0 for the root, or the id of a PCK CA
    function beginCrl(bytes32 issuer, bytes calldata der) external;

    /// @notice Index up to `most` entries of the list begun last; give the same bytes again.
    /// @return left whether some are left
    function indexCrl(bytes32 issuer, bytes calldata der, uint256 most) external returns (bool left);

    /// @notice Whether a list of this issuer was begun whose entries are not all indexed.
    function isIndexing(bytes32 issuer) external view returns (bool);

    /// @notice Everything that holds now of a platform. Reverts with what is missing, expired or revoked.
    /// @param pck as addPck gave it
    /// @param tdx whose TCB info and quoting enclave: TDX's or SGX's
    /// @param graceS seconds after their nextUpdate that lists and documents still count; certificates have none
    function lookup(bytes calldata pck, bool tdx, uint256 graceS) external view returns (CollateralFacts memory);

    /// @notice Whether the root is a simulator's, which proves nothing. Reverts before there is a root.
    function simulated() external view returns (bool);
}
