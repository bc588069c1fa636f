// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {P256Lib} from "../../src/lib/P256Lib.sol";
import {IntelWorld} from "../intel/IntelWorld.sol";

contract IntelOnPrague is IntelWorld {
    function test_without_the_precompile_no_certificate_is_taken() public {
        string memory json = load(KEPT, "tdx4");
        open(json);
        bytes memory der = part(json, "root");
        vm.expectRevert(P256Lib.P256Missing.selector);
        collateral.addRoot(der);
    }
}
