// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../access/EpochBeacon.sol";
import {ITeePolicy} from "../interfaces/ITeePolicy.sol";
import {Claims} from "../interfaces/ITeeVerifier.sol";
import {Certificate, IDisputeJudge, IVerifierCommittee} from "../interfaces/IVerifierCommittee.sol";
import {IWorkerRegistry} from "../interfaces/IWorkerRegistry.sol";
import {CommitteeSets} from "./CommitteeSets.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// @title Evidence that is too dear to judge on chain
/// @notice Members of the committee verify it and sign what they found. For a day anybody may challenge a
/// certificate, with a bond: a contract decides where one can judge the evidence, elsewhere a jury of twice the size,
/// without the committee's operators. Who signed a false certificate never sits on a committee again, and the
/// verdict is what slashing will read; the worker that the certificate admitted is struck.
contract VerifierCommittee layout at erc7201("phala.VerifierCommittee") is EIP712, CommitteeSets, IVerifierCommittee {
    using SafeERC20 for IERC20;

    /// Seconds in which a certificate can be challenged.
    uint40 public constant CHALLENGE_S = 1 days;
    /// Seconds after which a challenge that nobody decided is dropped.
    uint40 public constant DECISION_S = 7 days;

    bytes32 private constant CLAIMS_TYPE = keccak256(
        "Claims(uint16 kind,bytes32 image,bytes32 platformId,uint8 tcbStatus,uint32 evalNo,uint40 evidenceTime,"
        "uint40 validUntil,uint40 tcbDate,uint32 flags)"
    );
    bytes32 private constant CERTIFICATE_TYPE = keccak256(
        "Certificate(uint64 setId,uint40 time,bytes32 bind,bytes32 evidenceHash,bytes32 dataRef,Claims claims)"
        "Claims(uint16 kind,bytes32 image,bytes32 platformId,uint8 tcbStatus,uint32 evalNo,uint40 evidenceTime,"
        "uint40 validUntil,uint40 tcbDate,uint32 flags)"
    );
    bytes32 private constant VERDICT_TYPE = keccak256("Verdict(bytes32 certificate,bool genuine)");

    enum Status {
        NONE,
        CHALLENGED,
        GENUINE,
        FALSE,
        DROPPED
    }

    struct Challenge {
        Status status;
        address challenger;
        /// Unix seconds.
        uint40 openedAt;
        uint64 setId;
        /// In 1e-18 PHA.
        uint96 bond;
        address[] signers;
    }

    /// PHA, for bonds.
    IERC20 public immutable token;

    /// What a challenge costs if it fails, in 1e-18 PHA.
    uint96 public bond;
    /// Where lost bonds go.
    address public treasury;
    /// Judges evidence of a kind on chain; 0: a jury does.
    mapping(uint16 kind => IDisputeJudge) public judgeOf;
    mapping(bytes32 certificate => Challenge) private _challenges;

    error NotInOffice(uint64 setId);
    /// Signers must be in strictly ascending order of their address: that is how each counts once.
    error SignersUnsorted(address signer);
    error NotMember(address signer);
    error TooFewSignatures(uint256 given, uint256 least);
    error CertificateFalse(bytes32 certificate);
    /// Signed for a time to come, or before its committee was drawn (Unix seconds).
    error CertificateTime(uint40 time);
    /// It could be challenged before (Unix seconds).
    error ChallengeTooLate(uint40 until);
    error ChallengeIs(bytes32 certificate, Status status);
    /// The evidence is not what the certificate names.
    error EvidenceMismatch();
    /// A contract judges this kind and no jury, or the other way round.
    error JudgeMismatch(uint16 kind);
    /// Until then it can be decided (Unix seconds).
    error DecisionAhead(uint40 until);
    /// The beacon's value is not newer than the challenge (Unix seconds).
    error JuryTooSoon(uint40 openedAt);
    error JuryExists(bytes32 certificate);
    error JuryMissing(bytes32 certificate);

    event Challenged(bytes32 indexed certificate, address indexed challenger, Certificate c, address[] signers);
    event JuryDrawn(bytes32 indexed certificate, address[] members);
    event Decided(bytes32 indexed certificate, Status status, address[] signers);
    event CourtSet(uint96 bond, address treasury);
    event JudgeSet(uint16 indexed kind, IDisputeJudge judge);

    constructor(IWorkerRegistry registry_, ITeePolicy policy_, EpochBeacon beacon_, IERC20 token_)
        EIP712("PhalaVerifierCommittee", "1")
        CommitteeSets(registry_, policy_, beacon_)
    {
        token = token_;
    }

    // Governance

    /// @param bond_ in 1e-18 PHA
    /// @param treasury_ gets the bonds of challenges that fail
    function setCourt(uint96 bond_, address treasury_) external restricted {
        bond = bond_;
        treasury = treasury_;
        emit CourtSet(bond_, treasury_);
    }

    /// @param judge 0: a jury decides about this kind
    function setJudge(uint16 kind, IDisputeJudge judge) external restricted {
        judgeOf[kind] = judge;
        emit JudgeSet(kind, judge);
    }

    // Certificates

    /// @inheritdoc IVerifierCommittee
    function checkCertificate(Certificate calldata c, bytes[] calldata signatures, uint256 least) external view {
        if (!isInOffice(c.setId)) revert NotInOffice(c.setId);
        bytes32 digest = digestOf(c);
        if (_challenges[digest].status == Status.FALSE) revert CertificateFalse(digest);
        _signersOf(c, digest, signatures, least, false);
    }

    /// What members sign; the name of a certificate.
    function digestOf(Certificate calldata c) public view returns (bytes32) {
        bytes32 claims = _claimsHash(c.claims);
        return _hashTypedDataV4(
            keccak256(abi.encode(CERTIFICATE_TYPE, c.setId, c.time, c.bind, c.evidenceHash, c.dataRef, claims))
        );
    }

    /// What jurors sign.
    function verdictDigest(bytes32 certificate, bool genuine) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VERDICT_TYPE, certificate, genuine)));
    }

    // Disputes

    /// @notice Say that a certificate is false. Costs the bond until it is decided, and for good if it is not.
    function challenge(Certificate calldata c, bytes[] calldata signatures) external {
        bytes32 digest = digestOf(c);
        Challenge storage ch = _challenges[digest];
        if (ch.status != Status.NONE) revert ChallengeIs(digest, ch.status);
        if (block.timestamp >= c.time + CHALLENGE_S) revert ChallengeTooLate(c.time + CHALLENGE_S);
        // Who was expelled since does not get away with it.
        ch.signers = _signersOf(c, digest, signatures, 0, true);
        ch.status = Status.CHALLENGED;
        ch.challenger = msg.sender;
        ch.openedAt = uint40(block.timestamp);
        ch.setId = c.setId;
        ch.bond = bond;
        emit Challenged(digest, msg.sender, c, ch.signers);
        if (ch.bond != 0) token.safeTransferFrom(msg.sender, address(this), ch.bond);
    }

    /// @notice Have the kind's judge decide. For anybody who has the evidence.
    function decideOnChain(Certificate calldata c, bytes calldata evidence) external {
        bytes32 digest = digestOf(c);
        _challenged(digest);
        IDisputeJudge judge = judgeOf[c.claims.kind];
        if (address(judge) == address(0)) revert JudgeMismatch(c.claims.kind);
        if (keccak256(evidence) != c.evidenceHash) revert EvidenceMismatch();
        _decide(digest, judge.judge(evidence, c.bind, c.claims));
    }

    /// @notice Draw a jury where no contract judges. For anybody, with a beacon value newer than the challenge.
    function drawJury(Certificate calldata c) external {
        bytes32 digest = digestOf(c);
        Challenge storage ch = _challenged(digest);
        if (address(judgeOf[c.claims.kind]) != address(0)) revert JudgeMismatch(c.claims.kind);
        if (_sets[digest].from != 0) revert JuryExists(digest);
        if (beacon.currentTime() <= ch.openedAt) revert JuryTooSoon(ch.openedAt);
        Rules memory r = rules;
        uint256 cap = 2 * uint256(r.vendorCap);
        address[] memory jurors = _draw(digest, 2 * uint256(r.seats), r.seats + 1, cap, _setKey(ch.setId));
        emit JuryDrawn(digest, jurors);
    }

    /// @notice Bring the jury's verdict: more than half of its seats.
    /// @param signatures over Verdict (EIP-712), in ascending order of the signers' addresses
    function decideByJury(bytes32 certificate, bool genuine, bytes[] calldata signatures) external {
        _challenged(certificate);
        Set storage jury = _sets[certificate];
        if (jury.from == 0) revert JuryMissing(certificate);
        if (signatures.length < jury.quorum) revert TooFewSignatures(signatures.length, jury.quorum);
        _recoverMembers(certificate, verdictDigest(certificate, genuine), signatures, false);
        _decide(certificate, genuine);
    }

    /// @notice Drop a challenge that nobody decided in time; the bond goes back. For anybody.
    function dropChallenge(bytes32 certificate) external {
        Challenge storage ch = _challenged(certificate);
        uint40 until = ch.openedAt + DECISION_S;
        if (block.timestamp < until) revert DecisionAhead(until);
        _close(certificate, ch, Status.DROPPED, ch.challenger);
    }

    /// @notice End the worker, or what is attached to it, that a false certificate admitted. For anybody.
    /// @param kind the policy's number under which it was admitted
    function strike(Certificate calldata c, bytes32 workerId, uint16 kind) external {
        bytes32 digest = digestOf(c);
        Status status = _challenges[digest].status;
        if (status != Status.FALSE) revert ChallengeIs(digest, status);
        registry.strike(workerId, kind, c.bind);
    }

    /// The state of a challenge; status NONE: there is none.
    function challengeOf(bytes32 certificate) external view returns (Challenge memory) {
        return _challenges[certificate];
    }

    /// Those who were drawn to judge a certificate.
    function jurorsOf(bytes32 certificate) external view returns (address[] memory) {
        return _sets[certificate].members;
    }

    function _decide(bytes32 digest, bool genuine) private {
        Challenge storage ch = _challenges[digest];
        if (genuine) {
            _close(digest, ch, Status.GENUINE, treasury);
            return;
        }
        for (uint256 i = 0; i < ch.signers.length; i++) {
            _bar(registry.idOfKey(ch.signers[i]));
        }
        _close(digest, ch, Status.FALSE, ch.challenger);
    }

    function _close(bytes32 digest, Challenge storage ch, Status status, address bondTo) private {
        ch.status = status;
        emit Decided(digest, status, ch.signers);
        if (ch.bond != 0) token.safeTransfer(bondTo, ch.bond);
    }

    function _challenged(bytes32 digest) private view returns (Challenge storage ch) {
        ch = _challenges[digest];
        if (ch.status != Status.CHALLENGED) revert ChallengeIs(digest, ch.status);
    }

    /// Those who signed, if they are enough members of the certificate's committee.
    function _signersOf(
        Certificate calldata c,
        bytes32 digest,
        bytes[] calldata signatures,
        uint256 least,
        bool alsoExpelled
    ) private view returns (address[] memory) {
        Set storage set = _sets[_setKey(c.setId)];
        if (set.from == 0) revert NotInOffice(c.setId);
        if (c.time < set.from || c.time > block.timestamp) revert CertificateTime(c.time);
        if (least < set.quorum) least = set.quorum;
        if (signatures.length < least) revert TooFewSignatures(signatures.length, least);
        return _recoverMembers(_setKey(c.setId), digest, signatures, alsoExpelled);
    }

    function _recoverMembers(bytes32 set, bytes32 digest, bytes[] calldata signatures, bool alsoExpelled)
        private
        view
        returns (address[] memory signers)
    {
        signers = new address[](signatures.length);
        address last;
        for (uint256 i = 0; i < signatures.length; i++) {
            address signKey = ECDSA.recoverCalldata(digest, signatures[i]);
            if (signKey <= last) revert SignersUnsorted(signKey);
            Seat seat = _seatOf[set][signKey];
            if (seat != Seat.MEMBER && !(alsoExpelled && seat == Seat.EXPELLED)) revert NotMember(signKey);
            signers[i] = signKey;
            last = signKey;
        }
    }

    /// Members of Claims are static and in the order of its type: their ABI encoding is EIP-712's.
    function _claimsHash(Claims calldata c) private pure returns (bytes32) {
        return keccak256(bytes.concat(CLAIMS_TYPE, abi.encode(c)));
    }
}
