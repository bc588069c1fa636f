// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Network} from "../../script/Network.sol";
import {CommitteeSets} from "../../src/committee/CommitteeSets.sol";
import {Claims, ITeeVerifier, TcbStatus, TeeKind} from "../../src/interfaces/ITeeVerifier.sol";
import {Registration} from "../../src/interfaces/IWorkerRegistry.sol";
import {Kind, Mode, Vendor} from "../../src/policy/TeeKinds.sol";
import {FakeVerifier} from "./FakeVerifier.sol";
import {NetworkMaker} from "./NetworkMaker.sol";
import {Test} from "./Test.sol";

/// @notice A whole network, made by the code that deploys it, with verifiers that believe everything. A test plays
/// governance by calling through the timelock's address.
abstract contract NetworkTest is Test {
    uint16 internal constant KIND = TeeKind.TDX;
    uint16 internal constant KIND_AMD = TeeKind.SNP;
    bytes internal constant TUPLE = abi.encodePacked(uint16(KIND), "measurements of a TD");
    bytes internal constant TUPLE_AMD = abi.encodePacked(uint16(KIND_AMD), "measurements of a guest");
    bytes32 internal constant FAMILY = "worker";
    uint32 internal constant LEASE_S = 14 days;
    uint32 internal constant AGE_S = 1 days;
    uint16 internal constant MASK = 0x000e;
    uint256 internal constant START = 1_800_000_000;

    address internal constant GOVERNANCE = address(0x60);
    address internal constant COUNCIL = address(0xc0);
    address internal constant STRANGER = address(0x5744);

    Network.Config internal config;
    Network.Deployed internal net;
    FakeVerifier internal fake;
    bytes32 internal image;
    bytes32 internal imageAmd;

    function setUp() public virtual {
        vm.warp(startTime());
        config = Network.Config({
            governance: GOVERNANCE,
            council: COUNCIL,
            delayS: 2 days,
            upgradeDelayS: 9 days,
            holder: address(this),
            supply: 1e27,
            bridge: address(0),
            remotePha: address(0),
            committee: CommitteeSets.Rules({seats: 4, quorum: 3, vendorCap: 2}),
            bond: 100e18
        });
        // Compiled once, not into every test contract.
        NetworkMaker maker = NetworkMaker(vm.deployCode("NetworkMaker.sol:NetworkMaker"));
        net = maker.make(config);
        fake = new FakeVerifier();
        vm.startPrank(address(net.timelock));
        net.policy.addKind(KIND, rulesOf(Vendor.INTEL, Mode.ONCHAIN));
        net.policy.addKind(KIND_AMD, rulesOf(Vendor.AMD, Mode.ONCHAIN));
        image = net.policy.addImage(KIND, TUPLE, FAMILY, uint40(startTime()));
        imageAmd = net.policy.addImage(KIND_AMD, TUPLE_AMD, FAMILY, uint40(startTime()));
        vm.stopPrank();
    }

    function startTime() internal view virtual returns (uint256) {
        return START;
    }

    /// The next call is governance's.
    function asGovernance() internal {
        vm.prank(address(net.timelock));
    }

    function rulesOf(Vendor vendor, Mode mode) internal view returns (Kind memory k) {
        k.verifier = mode == Mode.COMMITTEE ? ITeeVerifier(net.committeeVerifier) : ITeeVerifier(fake);
        k.mode = mode;
        k.vendor = vendor;
        k.open = true;
        k.perPlatform = 2;
        k.leaseS = LEASE_S;
        k.tcbMask = MASK;
        k.maxEvidenceAgeS = AGE_S;
        k.tcbGraceS = 7 days;
        k.minEvalNo = 17;
        if (mode == Mode.ONCHAIN_AND_COMMITTEE) k.committee = ITeeVerifier(net.committeeVerifier);
    }

    function claimsOf(bytes32 platform) internal view returns (Claims memory c) {
        c.kind = KIND;
        c.image = image;
        c.platformId = platform;
        c.tcbStatus = TcbStatus.UP_TO_DATE;
        c.evalNo = 17;
        c.evidenceTime = uint40(block.timestamp);
        c.validUntil = uint40(block.timestamp) + 30 days;
    }

    function claimsOfKind(uint16 kind, bytes32 platform) internal view returns (Claims memory c) {
        c = claimsOf(platform);
        c.kind = kind;
        c.image = kind == KIND ? image : imageAmd;
    }

    /// What a worker says of itself, without evidence yet.
    function registrationOf(uint16 kind, address owner, address signKey) internal view returns (Registration memory r) {
        r.kind = kind;
        r.owner = owner;
        r.signKey = signKey;
        r.ecdhKey = keccak256("a cluster's key");
        r.beacon = net.beacon.current();
        r.tlsKeyHash = keccak256(abi.encode(signKey, "tls"));
        r.cluster = address(0xc1);
    }

    function withEvidence(Registration memory r, Claims memory c) internal view returns (Registration memory) {
        r.evidence = abi.encode(c, net.registry.bindOf(r));
        return r;
    }

    /// Enters a worker whose key is vm.addr(key), on a platform of its own.
    function enter(uint256 key, address owner, uint16 kind) internal returns (bytes32 id) {
        bytes32 platform = keccak256(abi.encode("platform", key));
        Registration memory r = withEvidence(registrationOf(kind, owner, vm.addr(key)), claimsOfKind(kind, platform));
        vm.prank(owner);
        return net.registry.register(r, 0, "");
    }

    function enter(uint256 key) internal returns (bytes32 id) {
        return enter(key, ownerOf(key), KIND);
    }

    function ownerOf(uint256 key) internal pure returns (address) {
        return address(uint160(0xa000 + key));
    }

    /// An hour later, with a new value of the beacon.
    function nextBeacon() internal {
        vm.warp(block.timestamp + 1 hours);
        vm.prevrandao(keccak256(abi.encode(block.timestamp)));
        net.beacon.roll();
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// Signatures in ascending order of their signers.
    function signedBy(uint256[] memory keys, bytes32 digest) internal pure returns (bytes[] memory signatures) {
        for (uint256 i = 1; i < keys.length; i++) {
            for (uint256 j = i; j > 0 && vm.addr(keys[j - 1]) > vm.addr(keys[j]); j--) {
                (keys[j - 1], keys[j]) = (keys[j], keys[j - 1]);
            }
        }
        signatures = new bytes[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            signatures[i] = signed(keys[i], digest);
        }
    }

    /// EIP-712, computed here and not by the contract.
    function typedDigest(string memory name, address where, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                where
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, structHash));
    }
}
