// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PhatAnchor} from "../../src/anchor/PhatAnchor.sol";
import {IPhatConsumer, IPhatReceiver, Reply, Terms} from "../../src/interfaces/IPhatAnchor.sol";
import {IPhatApp} from "../../src/interfaces/IPhatApp.sol";

/// @notice Asks, and remembers the answer.
contract Consumer is IPhatConsumer, IPhatReceiver {
    PhatAnchor internal immutable anchor;
    bytes32 public answer;
    uint64 public answered;
    bytes public message;

    error NotAnchor();

    constructor(PhatAnchor anchor_) {
        anchor = anchor_;
    }

    function ask(IPhatApp app, bytes calldata input, uint32 gas_, uint40 deadline, uint8 replicas, uint8 demand)
        external
        payable
        returns (uint64)
    {
        return anchor.request{value: msg.value}(app, input, gas_, deadline, replicas, demand);
    }

    function onPhatAnswer(uint64 id, uint8 outcome, bytes calldata result) external virtual {
        if (msg.sender != address(anchor)) revert NotAnchor();
        answer = keccak256(abi.encode(outcome, result));
        answered = id;
    }

    function onPhatMessage(IPhatApp, bytes calldata data) external {
        if (msg.sender != address(anchor)) revert NotAnchor();
        message = data;
    }

    function takeOut() external {
        anchor.withdraw(address(this));
    }

    receive() external payable {}
}

/// @notice Sees how much gas its callback has.
contract MeteredConsumer is Consumer {
    uint256 public gasSeen;

    constructor(PhatAnchor anchor_) Consumer(anchor_) {}

    function onPhatAnswer(uint64, uint8, bytes calldata) external override {
        gasSeen = gasleft();
    }
}

/// @notice What a hostile consumer may try in its callback.
contract HostileConsumer is Consumer {
    enum Trick {
        NONE,
        REVERT,
        BURN_GAS,
        BOMB_RETURN,
        BOMB_REVERT,
        FULFILL_AGAIN,
        CANCEL,
        ASK_AGAIN,
        WITHDRAW
    }

    Trick public trick;
    bytes private _again;
    IPhatApp private _app;

    constructor(PhatAnchor anchor_) Consumer(anchor_) {}

    function set(Trick trick_, bytes calldata again, IPhatApp app) external {
        trick = trick_;
        _again = again;
        _app = app;
    }

    function onPhatAnswer(uint64 id, uint8, bytes calldata) external override {
        answered = id;
        if (trick == Trick.REVERT) revert("no");
        if (trick == Trick.BURN_GAS) {
            while (true) {}
        }
        if (trick == Trick.BOMB_RETURN) _bomb(true);
        if (trick == Trick.BOMB_REVERT) _bomb(false);
        if (trick == Trick.FULFILL_AGAIN || trick == Trick.CANCEL) {
            (bool ok,) = address(anchor).call(_again);
            if (ok) answered = type(uint64).max;
        }
        if (trick == Trick.ASK_AGAIN) anchor.request(_app, "again", 0, uint40(block.timestamp) + 1, 1, 0);
        if (trick == Trick.WITHDRAW) anchor.withdraw(address(this));
    }

    function _bomb(bool well) private pure {
        assembly ("memory-safe") {
            if well { return(0, 200000) }
            revert(0, 200000)
        }
    }
}
