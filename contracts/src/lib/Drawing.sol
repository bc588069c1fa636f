// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A draw without putting back
/// @notice Fills seats from numbered candidates by a seed: no two of one operator, and at most a cap of one vendor.
/// All in memory; who the candidates are is for the caller to look up.
library Drawing {
    struct State {
        bytes32 seed;
        uint256 turn;
        /// Candidates not looked at yet are places[0 … left).
        uint256[] places;
        uint256 left;
        address[] members;
        uint256 count;
        /// Operators that have a seat, or must not have one.
        address[] owners;
        uint256 ownerCount;
        uint256[256] seatsOfVendor;
        uint256 vendorCap;
    }

    function start(bytes32 seed, uint256 candidates, uint256 seats, uint256 vendorCap)
        internal
        pure
        returns (State memory d)
    {
        d.seed = seed;
        d.left = candidates;
        d.places = new uint256[](candidates);
        for (uint256 i = 0; i < candidates; i++) {
            d.places[i] = i;
        }
        d.members = new address[](seats);
        d.vendorCap = vendorCap;
    }

    /// Make room for operators that are excluded. Once, before the first of them.
    function reserve(State memory d, uint256 excluded) internal pure {
        d.owners = new address[](d.members.length + excluded);
    }

    function exclude(State memory d, address owner) internal pure {
        d.owners[d.ownerCount++] = owner;
    }

    /// Whether a seat is free and a candidate left.
    function wantsMore(State memory d) internal pure returns (bool) {
        return d.count < d.members.length && d.left != 0;
    }

    /// The number of the next candidate: each comes once.
    function next(State memory d) internal pure returns (uint256 candidate) {
        uint256 pick = uint256(keccak256(abi.encode(d.seed, d.turn++))) % d.left;
        candidate = d.places[pick];
        d.places[pick] = d.places[--d.left];
    }

    /// Give the candidate a seat, unless its operator has one or its vendor too many.
    function offer(State memory d, address member, address owner, uint8 vendor) internal pure {
        if (d.seatsOfVendor[vendor] >= d.vendorCap) return;
        for (uint256 i = 0; i < d.ownerCount; i++) {
            if (d.owners[i] == owner) return;
        }
        d.seatsOfVendor[vendor]++;
        d.owners[d.ownerCount++] = owner;
        d.members[d.count++] = member;
    }

    function result(State memory d) internal pure returns (address[] memory members) {
        members = new address[](d.count);
        for (uint256 i = 0; i < d.count; i++) {
            members[i] = d.members[i];
        }
    }
}
