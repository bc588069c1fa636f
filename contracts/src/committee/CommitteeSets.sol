// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../access/EpochBeacon.sol";
import {Governed} from "../access/Governed.sol";
import {ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {IRoleStake} from "../interfaces/IVerifierCommittee.sol";
import {IWorkerRegistry, Worker, WorkerState} from "../interfaces/IWorkerRegistry.sol";
import {Drawing} from "../lib/Drawing.sol";
import {Mode, TeeKinds} from "../policy/TeeKinds.sol";

/// @title Who may judge evidence off chain
/// @notice Workers whose own evidence is judged on chain stand as candidates. Each day some are drawn by a number
/// that nobody knew before: no two of one operator, and of one hardware vendor no more than half. The committee of
/// the day before still counts, for what is on its way.
abstract contract CommitteeSets is Governed {
    /// Seconds that a committee is the newest one.
    uint40 public constant TERM_S = 1 days;
    /// Most candidates, so that a draw fits a block.
    uint256 public constant CANDIDATES_MAX = 4096;
    /// Most seats; a jury has twice as many.
    uint8 public constant SEATS_MAX = 16;
    /// Candidates that a draw looks at, per seat.
    uint256 private constant TRIES_PER_SEAT = 8;

    struct Rules {
        uint8 seats;
        /// More than half of the seats.
        uint8 quorum;
        /// Most seats of one vendor: at most half, but on the development chain.
        uint8 vendorCap;
    }

    enum Seat {
        NONE,
        MEMBER,
        /// Signs nothing any more, and answers for what it signed.
        EXPELLED
    }

    struct Set {
        /// Unix seconds of the draw.
        uint40 from;
        uint8 quorum;
        address[] members;
    }

    IWorkerRegistry public immutable registry;
    ITeePolicy public immutable policy;
    EpochBeacon public immutable beacon;

    Rules public rules;
    /// Says who has stake enough to be a member; 0: none is asked for.
    IRoleStake public roleStake;
    /// The newest committee; committees count from 1.
    uint64 public currentSet;
    bytes32[] private _candidates;
    /// Place in the list, from 1; 0: is none.
    mapping(bytes32 workerId => uint256) private _placeOf;
    /// Signed a certificate that was proved false.
    mapping(bytes32 workerId => bool) public barred;
    /// By _setKey for committees, by the certificate for juries.
    mapping(bytes32 key => Set) internal _sets;
    mapping(bytes32 key => mapping(address signKey => Seat)) internal _seatOf;

    error RulesInvalid();
    error NotOperator(bytes32 workerId, address caller);
    /// Not live, judged off chain itself, without stake, or barred.
    error NotEligible(bytes32 workerId);
    error CandidateAlready(bytes32 workerId);
    error CandidateUnknown(bytes32 workerId);
    error CandidatesFull();
    /// A draw needs a beacon value that was rolled then or later (Unix seconds).
    error DrawTooSoon(uint40 earliest);
    /// Too few candidates are eligible and independent of each other.
    error TooFewMembers(uint256 found, uint256 wanted);
    error StillLive(address signKey);
    error SeatUnknown(address signKey);

    event RulesSet(Rules rules, IRoleStake roleStake);
    event CandidateAdded(bytes32 indexed workerId);
    event CandidateRemoved(bytes32 indexed workerId);
    event SetDrawn(uint64 indexed setId, uint8 quorum, address[] members);
    event MemberExpelled(uint64 indexed setId, address signKey);

    constructor(IWorkerRegistry registry_, ITeePolicy policy_, EpochBeacon beacon_) {
        registry = registry_;
        policy = policy_;
        beacon = beacon_;
    }

    /// @notice How many members committees have from the next draw on. For governance.
    function setRules(Rules calldata r, IRoleStake stake) external restricted {
        bool valid = r.seats != 0 && r.seats <= SEATS_MAX && r.quorum <= r.seats && r.vendorCap != 0
            && r.vendorCap <= r.seats && uint256(r.quorum) * 2 > r.seats;
        bool independent = r.vendorCap * 2 <= r.seats || block.chainid == TeeKinds.DEVELOPMENT_CHAIN;
        if (!valid || !independent) revert RulesInvalid();
        rules = r;
        roleStake = stake;
        emit RulesSet(r, stake);
    }

    /// @notice Stand as a candidate. For the worker's owner.
    function stand(bytes32 workerId) external whenNotPaused {
        Worker memory w = registry.workerOf(workerId);
        if (msg.sender != w.owner) revert NotOperator(workerId, msg.sender);
        if (_placeOf[workerId] != 0) revert CandidateAlready(workerId);
        if (!_isEligible(workerId, w)) revert NotEligible(workerId);
        if (_candidates.length >= CANDIDATES_MAX) revert CandidatesFull();
        _candidates.push(workerId);
        _placeOf[workerId] = _candidates.length;
        emit CandidateAdded(workerId);
    }

    /// @notice Be a candidate no more: the owner at any time, anybody once the worker is not eligible.
    function standDown(bytes32 workerId) external {
        if (_placeOf[workerId] == 0) revert CandidateUnknown(workerId);
        Worker memory w = registry.workerOf(workerId);
        if (msg.sender != w.owner && _isEligible(workerId, w)) revert NotOperator(workerId, msg.sender);
        _removeCandidate(workerId);
    }

    /// @notice Draw the committee of the day. For anybody, once the term is over and the beacon has a newer value.
    function draw() external whenNotPaused returns (uint64 setId) {
        uint40 due = currentSet == 0 ? 0 : _sets[_setKey(currentSet)].from + TERM_S;
        if (beacon.currentTime() < due) revert DrawTooSoon(due);
        setId = ++currentSet;
        Rules memory r = rules;
        address[] memory members = _draw(_setKey(setId), r.seats, r.quorum, r.vendorCap, 0);
        emit SetDrawn(setId, r.quorum, members);
    }

    /// @notice Take a key out of a committee that is no live worker's any more. For anybody.
    function expel(uint64 setId, address signKey) external {
        if (registry.signerOf(signKey).live) revert StillLive(signKey);
        if (_seatOf[_setKey(setId)][signKey] == Seat.NONE) revert SeatUnknown(signKey);
        _seatOf[_setKey(setId)][signKey] = Seat.EXPELLED;
        emit MemberExpelled(setId, signKey);
    }

    function candidateCount() external view returns (uint256) {
        return _candidates.length;
    }

    function isCandidate(bytes32 workerId) external view returns (bool) {
        return _placeOf[workerId] != 0;
    }

    function isMember(uint64 setId, address signKey) external view returns (bool) {
        return _seatOf[_setKey(setId)][signKey] == Seat.MEMBER;
    }

    /// Those who were drawn, in the order of their draw; also those expelled since.
    function membersOf(uint64 setId) external view returns (address[] memory) {
        return _sets[_setKey(setId)].members;
    }

    /// Whether what a committee signs counts now: it is the newest or the one before, and at most two terms old.
    function isInOffice(uint64 setId) public view returns (bool) {
        if (setId == 0 || setId > currentSet || setId + 1 < currentSet) return false;
        return block.timestamp < _sets[_setKey(setId)].from + 2 * TERM_S;
    }

    function _setKey(uint64 setId) internal pure returns (bytes32) {
        return bytes32(uint256(setId));
    }

    /// Keep a worker away from committees for good.
    function _bar(bytes32 workerId) internal {
        barred[workerId] = true;
        if (_placeOf[workerId] != 0) _removeCandidate(workerId);
    }

    /// Fill seats. `without`: a set whose operators may not be in this one.
    function _draw(bytes32 key, uint256 seats, uint8 quorum, uint256 vendorCap, bytes32 without)
        internal
        returns (address[] memory members)
    {
        bytes32 seed = keccak256(abi.encode(beacon.current(), key, address(this)));
        Drawing.State memory d = Drawing.start(seed, _candidates.length, seats, vendorCap);
        address[] storage excluded = _sets[without].members;
        Drawing.reserve(d, excluded.length);
        for (uint256 i = 0; i < excluded.length; i++) {
            Drawing.exclude(d, registry.workerOf(registry.idOfKey(excluded[i])).owner);
        }
        for (uint256 tries = seats * TRIES_PER_SEAT; tries != 0 && Drawing.wantsMore(d); tries--) {
            bytes32 workerId = _candidates[Drawing.next(d)];
            Worker memory w = registry.workerOf(workerId);
            if (_isEligible(workerId, w)) Drawing.offer(d, w.signKey, w.owner, uint8(w.vendor));
        }
        members = Drawing.result(d);
        if (members.length < quorum || quorum == 0) revert TooFewMembers(members.length, quorum);
        for (uint256 i = 0; i < members.length; i++) {
            _seatOf[key][members[i]] = Seat.MEMBER;
        }
        _sets[key] = Set(uint40(block.timestamp), quorum, members);
    }

    function _isEligible(bytes32 workerId, Worker memory w) private view returns (bool) {
        return w.state == WorkerState.ACTIVE && registry.isLive(w.index) && !barred[workerId]
            && policy.kindOf(w.kind).mode == Mode.ONCHAIN
            && (address(roleStake) == address(0) || roleStake.hasRoleStake(workerId));
    }

    function _removeCandidate(bytes32 workerId) private {
        uint256 place = _placeOf[workerId];
        bytes32 last = _candidates[_candidates.length - 1];
        _candidates[place - 1] = last;
        _placeOf[last] = place;
        _candidates.pop();
        delete _placeOf[workerId];
        emit CandidateRemoved(workerId);
    }
}
