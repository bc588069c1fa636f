#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"

#include <stdio.h>
#include <string.h>

/* Vectors: viem 2.37.0 for signatures (secret 7), a recursive MTH of RFC 9162 §2.1.1 written
 * separately for roots. */
static const uint8_t secret[32] = {[31] = 7};

static bool hex_is(const uint8_t *raw, size_t len, const char *hex)
{
    char text[256];
    ph_hex_encode((struct ph_bytes){raw, len}, text);
    return strcmp(text, hex) == 0;
}

static struct ph_receipt_leaf leaf_of(size_t i)
{
    struct ph_receipt_leaf leaf;
    memset(leaf.raw, (int)(i & 255), sizeof(leaf.raw));
    return leaf;
}

static void leaf_hashes(struct ph_hash32 *out, size_t cnt)
{
    for (size_t i = 0; i < cnt; i++) {
        const struct ph_receipt_leaf leaf = leaf_of(i);
        ph_receipt_leaf_hash(&leaf, &out[i]);
    }
}

TEST(roots_have_the_shape_of_rfc_9162)
{
    static const struct {
        size_t cnt;
        const char *root;
    } cases[] = {
        {1, "ab3df617aaa3140f04dc53f65b5446f34a6b2bdbb1f7b78db8db4d067ba14db9"},
        {2, "4f50dfdbc97912539f5562477e4d5c309c1e43c23390400e74e296863d266810"},
        {3, "39a2c84550d99ffa8dff6e3c216aefcafce81b8f771a3f4046848bba7a00be61"},
        {5, "31eb4d0cde080a8fa56da78e27f10b81e0f140a54b9f40acb2494c286abdc792"},
        {6, "905e57c842ef5e45e0cd8765597abb39db722173ad8aec6ff699a97ca2506893"},
        {7, "83dc30cd020ca0c614ab16cd780a06145276e5c12ccb8924f38133d2794353eb"},
        {8, "72c1de1ab396ec122b3df2674072e33b3c99e6d54205d3d6489ce5b36cfb6cdb"},
        {9, "67a3f9043dd9101cd7cce45824b3e04015d8e172c37361a66287b45212812b6b"},
        {100, "cfff4734be67d202786e1fc475051823a0e11d260c66356a0624d32c395e02bc"},
        {1023, "071d6e78c93e3ec3f5d71a19517023cdf8735f70a9d9a3461bbc7864a98d119c"},
        {1024, "1ffe5a39dadfd1c8781c02edebf52b29657702b3619c7c43b25f98391dc12e68"},
    };
    static struct ph_hash32 leaves[PH_RECEIPT_BATCH_MAX];
    struct ph_hash32 root;

    leaf_hashes(leaves, PH_RECEIPT_BATCH_MAX);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        ph_merkle_root(leaves, cases[i].cnt, &root);
        CHECK(hex_is(root.b, 32, cases[i].root));
    }
}

TEST(every_path_leads_to_the_root_and_no_other_index_or_hash_does)
{
    static const size_t counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 33, 1023, 1024};
    static struct ph_hash32 leaves[PH_RECEIPT_BATCH_MAX];
    static struct ph_merkle tree;
    struct ph_hash32 path[PH_MERKLE_PATH_MAX], one[PH_MERKLE_PATH_MAX];

    leaf_hashes(leaves, PH_RECEIPT_BATCH_MAX);
    for (size_t c = 0; c < PH_LEN(counts); c++) {
        const size_t cnt = counts[c], step = cnt > 100 ? 61 : 1;
        ph_merkle_build(&tree, leaves, cnt);
        for (size_t i = 0; i < cnt; i += step) {
            const size_t len = ph_merkle_tree_path(&tree, i, path);
            CHECK(len == ph_merkle_path_len(i, cnt) && len <= PH_MERKLE_PATH_MAX);
            CHECK(ph_merkle_path(leaves, cnt, i, one) == len);
            CHECK(memcmp(one, path, len * sizeof(*path)) == 0);
            CHECK(ph_merkle_check(&leaves[i], i, cnt, path, len, &tree.root) == PH_OK);
            for (size_t j = 0; j < len; j++) {
                path[j].b[31] ^= 1;
                CHECK(ph_merkle_check(&leaves[i], i, cnt, path, len, &tree.root) ==
                      PH_ERR_UNTRUSTED);
                path[j].b[31] ^= 1;
            }
            CHECK(ph_merkle_check(&leaves[i], cnt, cnt, path, len, &tree.root) != PH_OK);
            CHECK(len == 0 ||
                  ph_merkle_check(&leaves[i], i, cnt, path, len - 1, &tree.root) != PH_OK);
            CHECK(cnt == 1 ||
                  ph_merkle_check(&leaves[i], i ^ 1, cnt, path, len, &tree.root) != PH_OK);
        }
    }
    CHECK(ph_merkle_check(&leaves[0], 0, 0, path, 0, &leaves[0]) == PH_ERR_UNTRUSTED);
    CHECK(ph_merkle_check(&leaves[0], 0, PH_RECEIPT_BATCH_MAX + 1, path, 10, &leaves[0]) ==
          PH_ERR_UNTRUSTED);
}

TEST(an_inner_node_is_no_leaf)
{
    struct ph_hash32 leaves[2], root, raw;

    leaf_hashes(leaves, 2);
    ph_merkle_root(leaves, 2, &root);
    uint8_t both[64];
    memcpy(both, leaves, 64);
    ph_sha256(PH_BYTES_OF(both), raw.b); /* without the 0x01 in front */
    CHECK(memcmp(raw.b, root.b, 32) != 0);
}

TEST(leaf_bytes_lie_where_the_table_says)
{
    struct ph_phat_id phat;
    struct ph_hash32 bundle, request, response, nonce;
    struct ph_receipt_leaf leaf, again;
    struct ph_receipt_fields f;

    memset(phat.b, 0xa1, 20);
    memset(bundle.b, 0xa2, 32);
    memset(request.b, 0xa3, 32);
    memset(response.b, 0xa4, 32);
    memset(nonce.b, 0xa5, 32);
    ph_receipt_leaf_make(&leaf, PH_OUTCOME_CUT, 404, &phat, &bundle, &request, &response, &nonce,
                         0x0102030405060708);
    CHECK(hex_is(leaf.raw, 8, "01020194a1a1a1a1"));
    CHECK(leaf.raw[23] == 0xa1 && leaf.raw[24] == 0xa2 && leaf.raw[55] == 0xa2);
    CHECK(leaf.raw[56] == 0xa3 && leaf.raw[88] == 0xa4 && leaf.raw[120] == 0xa5);
    CHECK(hex_is(leaf.raw + 151, 10, "a5010203040506070800"));
    for (size_t i = 160; i < 200; i++)
        CHECK(leaf.raw[i] == 0);
    ph_receipt_leaf_view(&leaf, &f);
    CHECK(f.version == 1 && f.outcome == PH_OUTCOME_CUT && f.status == 404);
    CHECK(f.time_ms == 0x0102030405060708 && f.nonce.b[0] == 0xa5);
    f.commit_index = 7;
    ph_receipt_fields_leaf(&f, &again);
    CHECK(again.raw[167] == 7 && memcmp(again.raw, leaf.raw, 160) == 0);
}

TEST(request_and_response_hashes_are_over_the_documented_text)
{
    struct ph_hash32 hash;
    uint8_t body[32];

    ph_sha256(PH_BYTES_LIT("hello"), body);
    ph_receipt_request_hash(PH_BYTES_LIT("POST"), PH_BYTES_LIT("/x?y=1"),
                            PH_BYTES_LIT("text/plain"), body, &hash);
    CHECK(hex_is(hash.b, 32, "d0191fea482a074d21d966433fb48491a41037ca9c7e021f403953c70e5bcb6f"));
    ph_sha256(PH_BYTES_LIT("{}"), body);
    ph_receipt_response_hash(200, PH_BYTES_LIT("application/json"), (struct ph_bytes){0},
                             (struct ph_bytes){0}, body, &hash);
    CHECK(hex_is(hash.b, 32, "bfe415f64efba9cfc9d6014c129110c17484fb423e0c44ac1586205a074a28b3"));
}

TEST(long_targets_hash_like_short_ones)
{
    /* node's crypto over the same text; the lengths lie around the gap kept on the stack. */
    static const struct {
        size_t len;
        const char *hash;
    } cases[] = {
        {380, "45952aded3458ad040774a5d249b3192bd0f71ea74cc98e12da7a43b5afd07fb"},
        {385, "f2d5f6d20ae8fde097cabc5cf29b7898bc5dfd37e6b3a371ee39eabc6ac3c172"},
        {400, "96fd564102002792140f72e3886f32cc99f04f5717ee7cb375f1451b1fd0b268"},
        {470, "291cb3f5250b48329558889c7e8e195d28d47089ab1535dded8af4ebdbd6b481"},
        {511, "7bdd5200cbe0e1e2893ee5bf056297f8858a3627f14735eb82e6fa7698790113"},
        {512, "62ff7c03e07bf3ca618b35241af223e7d863e35f9814db165238019b7cca4787"},
        {513, "911b6b8fddaab997994e0bb095d2f9528468934bfb7c503bba90fc4695da405c"},
        {5000, "53ef3486973a633899ce3f915f56cea14ec20c33e02ba5238146ffd423232fc6"},
    };
    static uint8_t target[5000];
    struct ph_hash32 hash;
    uint8_t body[32];

    memset(target, '/', sizeof(target));
    ph_sha256(PH_BYTES_LIT("hello"), body);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        ph_receipt_request_hash(PH_BYTES_LIT("GET"), (struct ph_bytes){target, cases[i].len},
                                PH_BYTES_LIT("text/plain"), body, &hash);
        CHECK(hex_is(hash.b, 32, cases[i].hash));
    }
}

TEST(batch_digest_is_that_of_an_independent_implementation)
{
    struct ph_hash32 root, digest;
    uint8_t sig[65];

    for (size_t i = 0; i < 32; i++)
        root.b[i] = (uint8_t)i;
    ph_receipt_batch_digest(&root, 1024, UINT64_C(1750329147123), &digest);
    CHECK(hex_is(digest.b, 32, "818184623c1edbd27bc58b452741f185a68f2307995ea3f33eef18a58c59fdf1"));
    CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK);
    CHECK(hex_is(sig, 65,
                 "ab6833205a4fdd7f1dc59483de1920784e650e33417f0354909d7dd78076f6b14915ed385b8f6d49"
                 "07d125378e2a631dffb1c2948ed1fce20fa96f09050bb9c11c"));
}

/* Receipt number `index` of a signed batch of `cnt` leaves. */
static struct ph_receipt make(size_t index, size_t cnt)
{
    static struct ph_hash32 leaves[PH_RECEIPT_BATCH_MAX];
    struct ph_receipt r = {.index = (uint32_t)index, .count = (uint32_t)cnt};
    struct ph_phat_id phat = {{1}};
    struct ph_hash32 h = {{2}}, nonce = {{3}}, root, digest;

    for (size_t i = 0; i < cnt; i++) {
        struct ph_receipt_leaf leaf;
        h.b[31] = (uint8_t)i;
        h.b[30] = (uint8_t)(i >> 8);
        ph_receipt_leaf_make(&leaf, PH_OUTCOME_ANSWERED, 200, &phat, &h, &h, &h, &nonce,
                             UINT64_C(1750329147000) + i);
        ph_receipt_leaf_hash(&leaf, &leaves[i]);
        if (i == index)
            r.leaf = leaf;
    }
    r.path_len = ph_merkle_path(leaves, cnt, index, r.path);
    r.batch_time_ms = UINT64_C(1750329147999);
    ph_merkle_root(leaves, cnt, &root);
    ph_receipt_batch_digest(&root, r.count, r.batch_time_ms, &digest);
    CHECK(ph_eth_sign(secret, &digest, r.sig) == PH_OK);
    return r;
}

TEST(json_round_trips_for_every_size_of_batch)
{
    static const size_t sizes[][2] = {{0, 1}, {2, 3}, {4, 5}, {1023, 1024}};

    for (size_t i = 0; i < PH_LEN(sizes); i++) {
        const struct ph_receipt r = make(sizes[i][0], sizes[i][1]);
        struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
        struct ph_receipt got;
        struct ph_eth_address signer, want;
        char why[128];

        CHECK(ph_receipt_to_json(&r, &json) == PH_OK);
        CHECK(json.len < 2000);
        CHECK(ph_receipt_from_json(ph_buf_view(&json), &got, why) == PH_OK);
        CHECK(memcmp(got.leaf.raw, r.leaf.raw, sizeof(r.leaf.raw)) == 0);
        CHECK(got.path_len == r.path_len && got.index == r.index && got.count == r.count);
        CHECK(ph_receipt_check(&got, &signer) == PH_OK);
        CHECK(ph_eth_address(secret, &want) == PH_OK && memcmp(&signer, &want, 20) == 0);
    }
}

TEST(a_receipt_with_any_part_changed_is_not_the_workers)
{
    const struct ph_receipt good = make(5, 11);
    struct ph_eth_address want, got;

    CHECK(ph_receipt_check(&good, &want) == PH_OK);
#define OTHER_SIGNER(r) (ph_receipt_check(&(r), &got) != PH_OK || memcmp(&got, &want, 20) != 0)
    for (size_t i = 0; i < sizeof(good.leaf.raw); i++) {
        struct ph_receipt r = good;
        r.leaf.raw[i] ^= 0x80;
        CHECK(OTHER_SIGNER(r));
    }
    for (size_t i = 0; i < good.path_len; i++) {
        struct ph_receipt r = good;
        r.path[i].b[i] ^= 1;
        CHECK(OTHER_SIGNER(r));
    }
    for (size_t i = 0; i < sizeof(good.sig); i++) {
        struct ph_receipt r = good;
        r.sig[i] ^= 1;
        CHECK(OTHER_SIGNER(r));
    }
    struct ph_receipt r = good;
    r.batch_time_ms++;
    CHECK(OTHER_SIGNER(r));
    r = good;
    r.index = 4;
    CHECK(OTHER_SIGNER(r));
    r = good;
    r.count = 12;
    CHECK(OTHER_SIGNER(r));
    r = good;
    r.path_len = 11;
    CHECK(ph_receipt_check(&r, &got) == PH_ERR_UNTRUSTED);
}

/* The receipt's text with `from` replaced once. */
static enum ph_err parse_with(const char *from, const char *to, char why[static 128])
{
    const struct ph_receipt r = make(2, 3);
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_receipt got;
    char text[2 * PH_RECEIPT_JSON_MAX];

    CHECK(ph_receipt_to_json(&r, &json) == PH_OK && ph_buf_add(&json, PH_BYTES_OF("")) == PH_OK);
    const char *whole = (const char *)json.ptr, *at = strstr(whole, from);
    CHECK(at);
    (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    return ph_receipt_from_json(ph_bytes_str(text), &got, why);
}

TEST(json_that_breaks_the_format_is_refused_with_its_place)
{
    static const struct {
        const char *from, *to, *why;
        enum ph_err err;
    } cases[] = {
        {"phala-receipt-v1", "phala-receipt-v2", "format", PH_ERR_UNSUPPORTED},
        {"\"version\":1", "\"version\":2", "leaf.version", PH_ERR_MALFORMED},
        {"answered", "lost", "leaf.outcome", PH_ERR_MALFORMED},
        {"\"status\":200", "\"status\":70000", "leaf.status", PH_ERR_MALFORMED},
        {"\"phat\":\"01", "\"phat\":\"1", "leaf.phat", PH_ERR_MALFORMED},
        {"\"bundle_hash\":\"0", "\"bundle_hash\":\"x", "leaf.bundle_hash", PH_ERR_MALFORMED},
        {"\"request_hash\"", "\"requesthash\"", "leaf.request_hash", PH_ERR_MALFORMED},
        {"\"response_hash\":\"", "\"response_hash\":\"ff", "leaf.response_hash", PH_ERR_MALFORMED},
        {"\"nonce\":\"03", "\"nonce\":\"", "leaf.nonce", PH_ERR_MALFORMED},
        {"\"time_ms\":17", "\"time_ms\":-17", "receipt", PH_ERR_MALFORMED},
        {"\"commit_index\":0", "\"commit_index\":\"0\"", "leaf.commit_index", PH_ERR_MALFORMED},
        {"\"state_root\":\"", "\"state_root\":\"g", "leaf.state_root", PH_ERR_MALFORMED},
        {"\"index\":2", "\"index\":3", "batch.index", PH_ERR_MALFORMED},
        {"\"count\":3", "\"count\":0", "batch.count", PH_ERR_MALFORMED},
        {"\"count\":3", "\"count\":1025", "batch.count", PH_ERR_MALFORMED},
        {"\"count\":3", "\"count\":4", "batch.path", PH_ERR_MALFORMED},
        {"\"path\":[\"", "\"path\":[1,\"", "batch.path", PH_ERR_MALFORMED},
        {"\"path\":[\"", "\"path\":[\"z", "batch.path", PH_ERR_MALFORMED},
        {"\"signature\":\"0x", "\"signature\":\"0x00", "batch.signature", PH_ERR_MALFORMED},
        {"\"leaf\":{", "\"leaf\":{\"extra\":1,", "leaf", PH_ERR_MALFORMED},
        {"{\"format\"", "{\"extra\":1,\"format\"", "receipt", PH_ERR_MALFORMED},
        {"\"leaf\":{", "\"leaf\":{\"status\":200,", "receipt", PH_ERR_MALFORMED},
    };
    char why[128];

    CHECK(parse_with("\"status\":200", "\"status\": 200 ", why) == PH_OK);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        CHECK(parse_with(cases[i].from, cases[i].to, why) == cases[i].err);
        CHECK(strstr(why, cases[i].why));
    }
}

TEST(json_truncated_anywhere_or_too_long_is_refused)
{
    const struct ph_receipt r = make(2, 3);
    struct ph_buf json PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_receipt got;
    static uint8_t big[PH_RECEIPT_JSON_MAX + 1];
    char why[128];

    CHECK(ph_receipt_to_json(&r, &json) == PH_OK);
    for (size_t len = 0; len < json.len; len++)
        CHECK(ph_receipt_from_json((struct ph_bytes){json.ptr, len}, &got, why) != PH_OK);
    memset(big, ' ', sizeof(big));
    memcpy(big, json.ptr, json.len);
    CHECK(ph_receipt_from_json((struct ph_bytes){big, sizeof(big) - 1}, &got, why) == PH_OK);
    CHECK(ph_receipt_from_json(PH_BYTES_OF(big), &got, why) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(roots_have_the_shape_of_rfc_9162),
             CASE(every_path_leads_to_the_root_and_no_other_index_or_hash_does),
             CASE(an_inner_node_is_no_leaf), CASE(leaf_bytes_lie_where_the_table_says),
             CASE(request_and_response_hashes_are_over_the_documented_text),
             CASE(long_targets_hash_like_short_ones),
             CASE(batch_digest_is_that_of_an_independent_implementation),
             CASE(json_round_trips_for_every_size_of_batch),
             CASE(a_receipt_with_any_part_changed_is_not_the_workers),
             CASE(json_that_breaks_the_format_is_refused_with_its_place),
             CASE(json_truncated_anywhere_or_too_long_is_refused))
