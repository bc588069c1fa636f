// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What the OP stack's standard bridge asks of a token that it mints. Its ERC-165 id is 0xec4fc8e3.
/// Source: OP stack specification, "Standard Bridges", IOptimismMintableERC20.
interface IOptimismMintableERC20 {
    /// The token on the parent chain.
    function remoteToken() external view returns (address);
    /// The bridge on this chain: who may mint and burn.
    function bridge() external view returns (address);
    /// @param amount in the token's least unit
    function mint(address to, uint256 amount) external;
    /// @param amount in the token's least unit
    function burn(address from, uint256 amount) external;
}
