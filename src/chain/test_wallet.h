#ifndef PH_CHAIN_TEST_WALLET_H
#define PH_CHAIN_TEST_WALLET_H

/* A phat.json with a wallet, for the tests of what reads one. */

#define TEST_WALLET_A "0x0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
#define TEST_WALLET_B "0x0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
#define TEST_WALLET_WORKER "0x0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
#define TEST_WALLET_MANIFEST                                                                       \
    "{\"name\":\"w\",\"wallet\":{\"chainId\":31337,\"worker\":\"" TEST_WALLET_WORKER               \
    "\",\"firstNonce\":7,\"contracts\":[{\"address\":\"" TEST_WALLET_A                             \
    "\",\"selectors\":[\"0xa9059cbb\",\"0x095ea7b3\"]},{\"address\":\"" TEST_WALLET_B              \
    "\",\"selectors\":[\"0x\"]}],\"maxValueWei\":\"100\",\"maxValueWeiPerDay\":\"250\","           \
    "\"maxTransactionsPerDay\":5,\"maxGas\":90000,\"maxFeePerGasWei\":\"1000\"}}"

#endif
