// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Network} from "../../script/Network.sol";

/// @notice Deploys a network as the deploy script does, and gives its rights away.
contract NetworkMaker {
    function make(Network.Config calldata config) external returns (Network.Deployed memory d) {
        d = Network.deploy(config, address(this));
        Network.finish(d, address(this));
        Network.check(d, config, address(this));
    }
}
