// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochBeacon} from "../src/access/EpochBeacon.sol";
import {Governed} from "../src/access/Governed.sol";
import {Roles} from "../src/access/Roles.sol";
import {PhatAnchor} from "../src/anchor/PhatAnchor.sol";
import {CommitteeSets} from "../src/committee/CommitteeSets.sol";
import {CommitteeVerifier} from "../src/committee/CommitteeVerifier.sol";
import {VerifierCommittee} from "../src/committee/VerifierCommittee.sol";
import {DcapVerifier} from "../src/intel/DcapVerifier.sol";
import {IntelCollateral} from "../src/intel/IntelCollateral.sol";
import {ITeeVerifier} from "../src/interfaces/ITeeVerifier.sol";
import {IRoleStake} from "../src/interfaces/IVerifierCommittee.sol";
import {Lens} from "../src/lens/Lens.sol";
import {KeyLog} from "../src/phat/KeyLog.sol";
import {PhatApp} from "../src/phat/PhatApp.sol";
import {PhatRegistry} from "../src/phat/PhatRegistry.sol";
import {TeeKinds} from "../src/policy/TeeKinds.sol";
import {TeePolicy} from "../src/policy/TeePolicy.sol";
import {L2PHA} from "../src/token/L2PHA.sol";
import {PHA} from "../src/token/PHA.sol";
import {WorkerRegistry} from "../src/worker/WorkerRegistry.sol";
import {AccessManager} from "@openzeppelin/contracts/access/manager/AccessManager.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The contracts of one network, and who may do what in it
/// @notice Makes and connects them. What the deploy script does on a chain and tests do in memory is the same code.
/// Whoever deploys is AccessManager's admin until `finish`, and nothing afterwards.
library Network {
    struct Config {
        /// Proposes to both timelocks: the Governor, or until there is one a multi-signature account.
        address governance;
        /// Pauses, revokes images, cancels what the timelocks have planned.
        address council;
        /// Seconds that parameters, kinds and images wait.
        uint256 delayS;
        /// Seconds that upgrades and roles wait; longer than stake needs to leave.
        uint256 upgradeDelayS;
        /// Gets the supply where PHA is native.
        address holder;
        /// In 1e-18 PHA; 0: PHA is bridged.
        uint256 supply;
        /// On a rollup: its standard bridge …
        address bridge;
        /// … and PHA on the parent chain.
        address remotePha;
        CommitteeSets.Rules committee;
        /// For a challenge, in 1e-18 PHA.
        uint96 bond;
    }

    struct Deployed {
        address pha;
        AccessManager manager;
        TimelockController timelock;
        TimelockController upgradeTimelock;
        EpochBeacon beacon;
        TeePolicy policy;
        WorkerRegistry registry;
        VerifierCommittee committee;
        CommitteeVerifier committeeVerifier;
        IntelCollateral intelCollateral;
        DcapVerifier dcapVerifier;
        PhatApp appCode;
        PhatRegistry phats;
        PhatAnchor anchor;
        Lens lens;
    }

    /// A role is with somebody who must not have it, or not with whom it must be.
    error RoleWrong(uint64 role, address account);
    error TimelockWrong(address timelock);
    /// Off the development chain people need time to see what is planned: a day, and 7 for upgrades.
    error DelayTooShort(uint256 delayS, uint256 upgradeDelayS);

    /// @param deployer sends the transactions
    function deploy(Config memory c, address deployer) internal returns (Deployed memory d) {
        bool slow = c.delayS >= 1 days && c.upgradeDelayS >= 7 days;
        if (!slow && block.chainid != TeeKinds.DEVELOPMENT_CHAIN) revert DelayTooShort(c.delayS, c.upgradeDelayS);
        d.pha = c.supply == 0 ? address(new L2PHA(c.bridge, c.remotePha)) : address(new PHA(c.holder, c.supply));
        d.manager = new AccessManager(deployer);
        d.timelock = _timelock(c.delayS, c.governance, c.council, deployer);
        d.upgradeTimelock = _timelock(c.upgradeDelayS, c.governance, c.council, deployer);
        d.beacon = new EpochBeacon();
        d.policy = TeePolicy(_proxy(d, address(new TeePolicy())));
        d.registry = WorkerRegistry(_proxy(d, address(new WorkerRegistry(d.policy, d.beacon))));
        d.committee =
            VerifierCommittee(_proxy(d, address(new VerifierCommittee(d.registry, d.policy, d.beacon, IERC20(d.pha)))));
        d.committeeVerifier = new CommitteeVerifier(d.committee, d.policy);
        d.intelCollateral = IntelCollateral(_proxy(d, address(new IntelCollateral())));
        d.dcapVerifier = new DcapVerifier(d.intelCollateral);
        d.appCode = new PhatApp();
        d.phats = PhatRegistry(_proxy(d, address(new PhatRegistry(d.registry, d.appCode))));
        d.anchor = PhatAnchor(_proxy(d, address(new PhatAnchor(d.registry))));
        d.lens = new Lens(d.registry, d.committee, d.anchor);
        _mapFunctions(d);
        _grant(d, c.council);
        _configure(d, c, deployer);
    }

    /// @notice Give every right of the deployer away. Kinds and images are added before.
    function finish(Deployed memory d, address deployer) internal {
        d.manager.revokeRole(Roles.GOVERNANCE, deployer);
        d.manager.grantRole(d.manager.ADMIN_ROLE(), address(d.upgradeTimelock), 0);
        d.manager.renounceRole(d.manager.ADMIN_ROLE(), deployer);
    }

    /// @notice Reverts unless roles are as they must be after `finish`.
    function check(Deployed memory d, Config memory c, address deployer) internal view {
        uint64[6] memory roles = [
            d.manager.ADMIN_ROLE(),
            Roles.GOVERNANCE,
            Roles.PAUSER,
            Roles.IMAGE_REVOKER,
            Roles.CERTIFICATE_JUDGE,
            Roles.STAKE
        ];
        for (uint256 i = 0; i < roles.length; i++) {
            // On a development chain one account may be council and deployer: it keeps the council's roles.
            bool councils = deployer == c.council && (roles[i] == Roles.PAUSER || roles[i] == Roles.IMAGE_REVOKER);
            (bool has,) = d.manager.hasRole(roles[i], deployer);
            if (has != councils) revert RoleWrong(roles[i], deployer);
        }
        _checkHas(d, d.manager.ADMIN_ROLE(), address(d.upgradeTimelock));
        _checkHas(d, Roles.GOVERNANCE, address(d.timelock));
        _checkHas(d, Roles.PAUSER, c.council);
        _checkHas(d, Roles.IMAGE_REVOKER, c.council);
        _checkHas(d, Roles.CERTIFICATE_JUDGE, address(d.committee));
        _checkTimelock(d.timelock, c, c.delayS, deployer);
        _checkTimelock(d.upgradeTimelock, c, c.upgradeDelayS, deployer);
    }

    /// @notice Another judge of simulated evidence, with collateral of its own. Off chain id 31337 its collateral takes
    /// Intel's root and no other, and TeePolicy takes no simulators' kind.
    function simulator(Deployed memory d) internal returns (ITeeVerifier) {
        return new DcapVerifier(IntelCollateral(_proxy(d, address(new IntelCollateral()))));
    }

    /// Nobody administers a timelock but itself; anybody may execute what has waited.
    function _timelock(uint256 delayS, address governance, address council, address deployer)
        private
        returns (TimelockController t)
    {
        address[] memory proposers = new address[](1);
        proposers[0] = governance;
        address[] memory anybody = new address[](1);
        t = new TimelockController(delayS, proposers, anybody, deployer);
        t.grantRole(t.CANCELLER_ROLE(), council);
        t.renounceRole(t.DEFAULT_ADMIN_ROLE(), deployer);
    }

    function _proxy(Deployed memory d, address implementation) private returns (address) {
        return address(new ERC1967Proxy(implementation, abi.encodeCall(Governed.initialize, (address(d.manager)))));
    }

    /// What is not named here, upgrades before all, only AccessManager's admin may: the upgrade timelock.
    function _mapFunctions(Deployed memory d) private {
        address[6] memory all = [
            address(d.policy),
            address(d.registry),
            address(d.committee),
            address(d.intelCollateral),
            address(d.phats),
            address(d.anchor)
        ];
        for (uint256 i = 0; i < all.length; i++) {
            _map(d, all[i], Governed.pause.selector, Roles.PAUSER);
            _map(d, all[i], Governed.unpause.selector, Roles.GOVERNANCE);
        }
        bytes4[7] memory policy = [
            TeePolicy.addKind.selector,
            TeePolicy.setKind.selector,
            TeePolicy.announceVerifier.selector,
            TeePolicy.withdrawVerifier.selector,
            TeePolicy.addImage.selector,
            TeePolicy.retireImage.selector,
            TeePolicy.restoreImage.selector
        ];
        for (uint256 i = 0; i < policy.length; i++) {
            _map(d, address(d.policy), policy[i], Roles.GOVERNANCE);
        }
        _map(d, address(d.policy), TeePolicy.revokeImage.selector, Roles.IMAGE_REVOKER);
        _map(d, address(d.registry), WorkerRegistry.strike.selector, Roles.CERTIFICATE_JUDGE);
        _map(d, address(d.registry), WorkerRegistry.bindPool.selector, Roles.STAKE);
        _map(d, address(d.committee), CommitteeSets.setRules.selector, Roles.GOVERNANCE);
        _map(d, address(d.committee), VerifierCommittee.setCourt.selector, Roles.GOVERNANCE);
        _map(d, address(d.committee), VerifierCommittee.setJudge.selector, Roles.GOVERNANCE);
        _map(d, address(d.phats), KeyLog.advanceKeyEpoch.selector, Roles.GOVERNANCE);
        _map(d, address(d.phats), KeyLog.restoreKeys.selector, Roles.GOVERNANCE);
        _map(d, address(d.phats), KeyLog.revokeKeys.selector, Roles.IMAGE_REVOKER);
    }

    function _grant(Deployed memory d, address council) private {
        d.manager.grantRole(Roles.GOVERNANCE, address(d.timelock), 0);
        d.manager.grantRole(Roles.PAUSER, council, 0);
        d.manager.grantRole(Roles.IMAGE_REVOKER, council, 0);
        d.manager.grantRole(Roles.CERTIFICATE_JUDGE, address(d.committee), 0);
    }

    /// The deployer governs until `finish`.
    function _configure(Deployed memory d, Config memory c, address deployer) private {
        d.manager.grantRole(Roles.GOVERNANCE, deployer, 0);
        d.committee.setRules(c.committee, IRoleStake(address(0)));
        d.committee.setCourt(c.bond, address(d.timelock));
    }

    function _map(Deployed memory d, address target, bytes4 selector, uint64 role) private {
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = selector;
        d.manager.setTargetFunctionRole(target, selectors, role);
    }

    function _checkHas(Deployed memory d, uint64 role, address account) private view {
        (bool has,) = d.manager.hasRole(role, account);
        if (!has) revert RoleWrong(role, account);
    }

    function _checkTimelock(TimelockController t, Config memory c, uint256 delayS, address deployer) private view {
        bool right = t.getMinDelay() == delayS && t.hasRole(t.PROPOSER_ROLE(), c.governance)
            && t.hasRole(t.CANCELLER_ROLE(), c.council) && t.hasRole(t.DEFAULT_ADMIN_ROLE(), address(t))
            && !t.hasRole(t.DEFAULT_ADMIN_ROLE(), deployer) && t.hasRole(t.EXECUTOR_ROLE(), address(0));
        if (!right) revert TimelockWrong(address(t));
    }
}
