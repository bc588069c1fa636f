// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IOptimismMintableERC20} from "../interfaces/IOptimismMintableERC20.sol";
import {VotesToken} from "./VotesToken.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";

/// @title PHA on an OP-stack rollup
/// @notice What the standard bridge locks on the parent chain is minted here, and burnt on the way back. ERC-7802
/// lets the interop bridge move it between rollups. Nobody else mints.
contract L2PHA is VotesToken, ERC20Bridgeable, IOptimismMintableERC20 {
    /// The interop bridge: a predeploy, the same on every OP-stack chain.
    address public constant SUPERCHAIN_TOKEN_BRIDGE = 0x4200000000000000000000000000000000000028;

    /// The rollup's standard bridge.
    address public immutable bridge;
    /// PHA on the parent chain.
    address public immutable remoteToken;

    /// Only a bridge may do this.
    error NotBridge(address caller);

    event Mint(address indexed account, uint256 amount);
    event Burn(address indexed account, uint256 amount);

    constructor(address bridge_, address remoteToken_) {
        bridge = bridge_;
        remoteToken = remoteToken_;
    }

    /// @inheritdoc IOptimismMintableERC20
    function mint(address to, uint256 amount) external {
        _checkBridge();
        _mint(to, amount);
        emit Mint(to, amount);
    }

    /// @inheritdoc IOptimismMintableERC20
    function burn(address from, uint256 amount) external {
        _checkBridge();
        _burn(from, amount);
        emit Burn(from, amount);
    }

    function supportsInterface(bytes4 id) public view override returns (bool) {
        return id == type(IOptimismMintableERC20).interfaceId || super.supportsInterface(id);
    }

    function _checkBridge() private view {
        if (msg.sender != bridge) revert NotBridge(msg.sender);
    }

    function _checkTokenBridge(address caller) internal pure override {
        if (caller != SUPERCHAIN_TOKEN_BRIDGE) revert NotBridge(caller);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, VotesToken) {
        super._update(from, to, value);
    }
}
