// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claims} from "../../src/interfaces/ITeeVerifier.sol";
import {Certificate} from "../../src/interfaces/IVerifierCommittee.sol";
import {NetworkTest} from "./NetworkTest.sol";

/// @notice A network with candidates for its committee, six Intel workers and six of AMD, each of its own operator.
abstract contract CommitteeTest is NetworkTest {
    uint256 internal constant CANDIDATES = 12;
    bytes internal constant EVIDENCE = "an SNP report";

    uint256[] internal keys;
    bytes32[] internal workers;
    bytes32 internal certified;

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i = 0; i < CANDIDATES; i++) {
            uint256 key = 0x100 + i;
            bytes32 id = enter(key, ownerOf(key), i % 2 == 0 ? KIND : KIND_AMD);
            keys.push(key);
            workers.push(id);
            vm.prank(ownerOf(key));
            net.committee.stand(id);
        }
    }

    function draw() internal {
        if (net.committee.currentSet() != 0) net.beacon.roll();
        net.committee.draw();
    }

    function certificate(bytes32 bind) internal view returns (Certificate memory c) {
        c.setId = net.committee.currentSet();
        c.time = uint40(block.timestamp);
        c.bind = bind;
        c.evidenceHash = keccak256(EVIDENCE);
        c.dataRef = "blob";
        c.claims = claimsOf(keccak256("an SNP machine"));
        c.claims.kind = KIND_AMD + 20;
        c.claims.image = certified;
    }

    /// By the first `count` members of the committee, in ascending order.
    function signatures(Certificate memory c, uint256 count) internal view returns (bytes[] memory) {
        address[] memory members = membersSorted();
        uint256[] memory signers = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            signers[i] = keyOf(members[i]);
        }
        return signedBy(signers, net.committee.digestOf(c));
    }

    function membersSorted() internal view returns (address[] memory members) {
        members = net.committee.membersOf(1);
        for (uint256 i = 1; i < members.length; i++) {
            for (uint256 j = i; j > 0 && members[j - 1] > members[j]; j--) {
                (members[j - 1], members[j]) = (members[j], members[j - 1]);
            }
        }
    }

    function keysOfMembers() internal view returns (uint256[] memory found) {
        address[] memory members = membersSorted();
        found = new uint256[](members.length);
        for (uint256 i = 0; i < members.length; i++) {
            found[i] = keyOf(members[i]);
        }
    }

    function keyOf(address signKey) internal view returns (uint256) {
        for (uint256 i = 0; i < keys.length; i++) {
            if (vm.addr(keys[i]) == signKey) return keys[i];
        }
        return 0;
    }

    /// EIP-712's hash of a certificate, computed here and not by the contract.
    function structHash(Certificate memory c) internal pure returns (bytes32) {
        string memory claimsType =
            "Claims(uint16 kind,bytes32 image,bytes32 platformId,uint8 tcbStatus,uint32 evalNo,uint40 evidenceTime,uint40 validUntil,uint40 tcbDate,uint32 flags)";
        bytes32 certificateType = keccak256(
            bytes.concat(
                "Certificate(uint64 setId,uint40 time,bytes32 bind,bytes32 evidenceHash,bytes32 dataRef,Claims claims)",
                bytes(claimsType)
            )
        );
        return keccak256(
            abi.encode(
                certificateType, c.setId, c.time, c.bind, c.evidenceHash, c.dataRef, _claimsHash(c.claims, claimsType)
            )
        );
    }

    function _claimsHash(Claims memory c, string memory claimsType) private pure returns (bytes32) {
        bytes memory front = abi.encode(keccak256(bytes(claimsType)), c.kind, c.image, c.platformId, uint8(c.tcbStatus));
        bytes memory back = abi.encode(c.evalNo, c.evidenceTime, c.validUntil, c.tcbDate, c.flags);
        return keccak256(bytes.concat(front, back));
    }
}
