/* The network's document: what is read, and each way to get it wrong. */

#include "chain/network.h"

#include "base/test.h"

#define A(c) "\"0x" c c c c c c c c c c c c c c c c c c c c "\""
#define CONTRACTS                                                                                  \
    "\"contracts\":{\"anchor\":" A("0a") ",\"beacon\":" A("0b") ",\"registry\":" A("0c") "}"
#define FULL                                                                                       \
    "{\"chainId\":31337,\"block\":7," CONTRACTS                                                    \
    ",\"limits\":{\"maxFeePerGasWei\":\"5000000000\",\"maxGas\":1000000,\"maxWeiPerDay\":\"9\"}}"

static struct ph_network net;
static struct ph_json_why why;

static enum ph_err parse(const char *text)
{
    why.text[0] = '\0';
    return ph_network_parse(ph_bytes_str(text), &net, &why);
}

TEST(a_whole_document_is_read)
{
    CHECK(parse(FULL) == PH_OK);
    CHECK(net.chain_id == 31337 && net.block == 7);
    CHECK(net.anchor.b[0] == 0x0a && net.beacon.b[19] == 0x0b && net.registry.b[5] == 0x0c);
    CHECK(net.max_fee == 5000000000 && net.max_gas == 1000000 && net.max_wei_per_day.b[31] == 9);
}

TEST(limits_may_be_left_out)
{
    CHECK(parse("{\"chainId\":1," CONTRACTS "}") == PH_OK);
    CHECK(net.block == 0 && net.max_gas == PH_NETWORK_GAS_MAX);
    CHECK(net.max_fee == PH_NETWORK_FEE_DEFAULT && net.max_wei_per_day.b[0] == 0xff);
}

TEST(anything_else_is_refused_with_the_member_at_fault)
{
    static const char *const rows[][2] = {
        {"{" CONTRACTS "}", "chainId"},
        {"{\"chainId\":0," CONTRACTS "}", "chainId"},
        {"{\"chainId\":\"1\"," CONTRACTS "}", "chainId"},
        {"{\"chainId\":1}", "contracts"},
        {"{\"chainId\":1,\"contracts\":{\"anchor\":" A("0a") "}}", "beacon"},
        {"{\"chainId\":1,\"contracts\":{\"anchor\":" A("0a") ",\"beacon\":" A(
             "0b") ",\"registry\":\"0x0c\"}}",
         "registry"},
        {"{\"chainId\":1,\"blocks\":1," CONTRACTS "}", "blocks"},
        {"{\"chainId\":1,\"block\":-1," CONTRACTS "}", "block"},
        {"{\"chainId\":1," CONTRACTS ",\"limits\":{\"maxGas\":16777217}}", "maxGas"},
        {"{\"chainId\":1," CONTRACTS ",\"limits\":{\"maxFeePerGasWei\":\"0\"}}", "maxFeePerGasWei"},
        {"{\"chainId\":1," CONTRACTS ",\"limits\":{\"maxFeePerGasWei\":\"18446744073709551616\"}}",
         "maxFeePerGasWei"},
        {"{\"chainId\":1," CONTRACTS ",\"limits\":{\"maxWeiPerDay\":\"1e3\"}}", "maxWeiPerDay"},
        {"{\"chainId\":1," CONTRACTS ",\"limits\":{\"perDay\":\"1\"}}", "perDay"},
    };

    for (size_t i = 0; i < PH_LEN(rows); i++)
        if (parse(rows[i][0]) != PH_ERR_MALFORMED || !strstr(why.text, rows[i][1]))
            fail_msg("%s: %s", rows[i][0], why.text);
}

PH_TEST_MAIN(CASE(a_whole_document_is_read), CASE(limits_may_be_left_out),
             CASE(anything_else_is_refused_with_the_member_at_fault))
