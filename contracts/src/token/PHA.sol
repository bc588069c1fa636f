// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {VotesToken} from "./VotesToken.sol";

/// @title PHA where it is native
/// @notice A fixed supply, made once. Nobody can mint: rewards come from a vault that was funded in advance.
contract PHA is VotesToken {
    /// @param holder gets all of it
    /// @param supply in 1e-18 PHA
    constructor(address holder, uint256 supply) VotesToken() {
        _mint(holder, supply);
    }
}
