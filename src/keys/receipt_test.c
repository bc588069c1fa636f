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
        {1, "22b94c6893bfc091be2a9f454a045184df6c0398cffa2b4e90c0065dd6eeb1b0"},
        {2, "1ed2b7f0b90829606a570a6a30f79b9272b01e005a6a2b550af956545c4fb1d5"},
        {3, "c2418f24094a86663ebd7c83e3a1e9e681ae657075b2dd05f0e7eb8a1bd1db53"},
        {5, "fc297f487e18ff9f656fc8fec9c162c32bb6a633cd03659c67c1e63c4a4f11ad"},
        {6, "9298d5b2f27b24504d3a28012080d4e5cdaed63c3e1d7904cd45dbc363e2cdfe"},
        {7, "0549715b426261823583fa31974e11c9724ffeceae7cea581a70d5161afcb56e"},
        {8, "60f82ded8fe5914e084cf147a961e51f5e46b5d05162a9630b1b7d12e13fa696"},
        {9, "bd1e1f5b00c01d61b2c92d7e5a4558c7e40338dcbd01d2960c1f1a589b30aae6"},
        {100, "811dccc7d4455cd0192c8b498bcc4360b23aa33a1885177469670be17f9d8993"},
        {1023, "08f2e377d68168a310070a5fd8beeba16328ad1723b9e111f41c2757d9e1420e"},
        {1024, "8ce338226999632716db36d7a1fbff647828e6456ab1500f34c3630604c3843d"},
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
    struct ph_receipt_state made_from = {.commit_index = 0x1112131415161718};
    struct ph_receipt_leaf leaf, again;
    struct ph_receipt_fields f;

    memset(phat.b, 0xa1, 20);
    memset(bundle.b, 0xa2, 32);
    memset(request.b, 0xa3, 32);
    memset(response.b, 0xa4, 32);
    memset(nonce.b, 0xa5, 32);
    memset(made_from.root.b, 0xa6, 32);
    ph_receipt_leaf_make(&leaf, PH_OUTCOME_CUT, 404, &phat, &bundle, &request, &response, &nonce,
                         0x0102030405060708, &made_from);
    CHECK(memcmp(leaf.raw, "phala-leaf\x02", 11) == 0);
    CHECK(leaf.raw[11] == 0xa1 && leaf.raw[30] == 0xa1 && leaf.raw[31] == 0xa2);
    CHECK(hex_is(leaf.raw + 62, 10, "a21112131415161718a6") && leaf.raw[102] == 0xa6);
    for (size_t i = 103; i < 127; i++)
        CHECK(leaf.raw[i] == 0);
    CHECK(hex_is(leaf.raw + 127, 12, "0201940102030405060708a3"));
    CHECK(leaf.raw[169] == 0xa3 && leaf.raw[170] == 0xa4 && leaf.raw[201] == 0xa4);
    CHECK(leaf.raw[202] == 0xa5 && leaf.raw[233] == 0xa5);
    ph_receipt_leaf_view(&leaf, &f);
    CHECK(f.state.commit_index == 0x1112131415161718 && f.state.root.b[0] == 0xa6);
    CHECK(f.state.root.b[31] == 0xa6);
    CHECK(f.version == 2 && f.outcome == PH_OUTCOME_CUT && f.status == 404);
    CHECK(f.time_ms == 0x0102030405060708 && f.nonce.b[0] == 0xa5 && f.phat.b[19] == 0xa1);
    CHECK(f.request_hash.b[0] == 0xa3 && f.response_hash.b[31] == 0xa4);
    ph_receipt_fields_leaf(&f, &again);
    CHECK(memcmp(again.raw, leaf.raw, sizeof(leaf.raw)) == 0);
}

TEST(request_and_response_hashes_are_over_the_documented_text)
{
    struct ph_hash32 hash;
    struct ph_sha256 h;

    ph_receipt_request_hash(PH_BYTES_LIT("POST"), PH_BYTES_LIT("/x?y=1"),
                            PH_BYTES_LIT("text/plain"), PH_BYTES_LIT("hello"), &hash);
    CHECK(hex_is(hash.b, 32, "1ad609510f66481d587f162e9fe119ac2c39fb1a32c4971465dbd9c8c7eea0f0"));
    ph_receipt_response_hash(200, PH_BYTES_LIT("application/json"), (struct ph_bytes){0},
                             PH_BYTES_LIT("/l"), PH_BYTES_LIT("{}"), &hash);
    CHECK(hex_is(hash.b, 32, "d98833e76ff5e6e19a50252f5ed15d8ef8e20a55dde68590a66cc039a7c58c8b"));
    ph_receipt_response_begin(&h, 404, (struct ph_bytes){0}, PH_BYTES_LIT("br"),
                              (struct ph_bytes){0});
    ph_sha256_final(&h, hash.b);
    CHECK(hex_is(hash.b, 32, "a132b167ca286454dcdef06549ebb10038f70280866dc2c78175f5d0890ae2f4"));
}

TEST(both_hashes_at_once_are_those_of_one_after_the_other)
{
    static uint8_t bytes[700];
    struct ph_hash32 request, response, want_request, want_response;
    struct ph_sha256 h, kept;
    const struct ph_bytes none = {NULL, 0}, text = PH_BYTES_LIT("text/plain");

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        const struct ph_bytes target = {bytes, len % 130}, body = {bytes, len};
        ph_receipt_request_begin(&h, PH_BYTES_LIT("GET"), target, none);
        kept = h;
        ph_receipt_hash_both(&h, 200, text, none, PH_BYTES_LIT("/l"), body, &request, &response);
        CHECK(memcmp(&h, &kept, sizeof(h)) == 0);
        ph_receipt_request_hash(PH_BYTES_LIT("GET"), target, none, none, &want_request);
        ph_receipt_response_hash(200, text, none, PH_BYTES_LIT("/l"), body, &want_response);
        CHECK(memcmp(&request, &want_request, sizeof(request)) == 0);
        CHECK(memcmp(&response, &want_response, sizeof(response)) == 0);
    }
}

/* A body whole, and in two pieces after begin. */
static bool both_are(struct ph_bytes target, struct ph_bytes body, const char *hex)
{
    struct ph_hash32 whole, pieces;
    struct ph_sha256 h;

    ph_receipt_request_hash(PH_BYTES_LIT("GET"), target, PH_BYTES_LIT("text/plain"), body, &whole);
    ph_receipt_request_begin(&h, PH_BYTES_LIT("GET"), target, PH_BYTES_LIT("text/plain"));
    ph_sha256_update(&h, (struct ph_bytes){body.ptr, body.len / 2});
    ph_sha256_update(&h, (struct ph_bytes){body.ptr + body.len / 2, body.len - body.len / 2});
    ph_sha256_final(&h, pieces.b);
    return hex_is(whole.b, 32, hex) && hex_is(pieces.b, 32, hex);
}

TEST(long_texts_hash_like_short_ones)
{
    /* Python's hashlib over the same text; the lengths lie around the gap kept on the stack. */
    static const struct {
        size_t target_len, body_len;
        const char *hash;
    } cases[] = {
        {380, 5, "366ee034f5c310b3690603b87bb42ff0ee31c99d2118b304e5cdbb5a81e1aa5c"},
        {475, 5, "67b1bc80e3693abe221af9937368962e17a1b8393acc4a7ebd78f27305685df5"},
        {476, 5, "6c395751510c637585362459aafdff99a97aa339d3e2f4819022eebadd8da1cf"},
        {477, 5, "ef3f488c484bbcd00247cf8f23ef5dd1b3cf7f0923fefd3c43b72af39f522e1e"},
        {480, 0, "d20fa2eda2e5e740dcd89a74408082c8933fb72c912bba3b7b9d69d951526e16"},
        {481, 0, "64374e697d6f5960ad89297566f1dc6439ab7f0500ae1697cf503db86f585309"},
        {511, 5, "6eb7019089cf514040cb33204c49ef94d5758588e81bd605ad40377d47cdbd6a"},
        {512, 5, "29acee8113b5331418beaef05f9a0c847f84bd6059c631a64ecf13ac66156622"},
        {513, 5, "a8cfd4e1236ec5f324642bf59f9bbeb322b1afb5e36f1e5f6ab20001df83059b"},
        {5000, 5, "7812a0d860319338562cadea2939f04753f8569d1f539ecace5ee2bc6b8406ed"},
        {1, 478, "756a8568fa5ac10ed55ca6938f2abc08eabce32808602b4a66e15a3fedb92bcb"},
        {1, 479, "37d8be2ef84b1e372f365c21a90a159087784fc1ab7d8ea27ede3c0ff9059a3b"},
        {1, 480, "74fe7ecdbd718ec5e9429a3ea5c6d030c58348e43409a8da5a59019e2e558c91"},
        {1, 512, "ef5391d6149e5b505f457388a0c66dd8e05c196d6bba4ef42cf33ce3bd67cd54"},
        {1, 513, "6c47ff197722536903c4dd60a1082d5c1a7d2318bbc0ea893912072a6bb7b7ec"},
        {1, 5000, "826a3243c781ba1b1786f7f11d24526a173c4b0b4f4d2096dcd886c26feae80e"},
    };
    static uint8_t text[5000];

    memset(text, '/', sizeof(text));
    for (size_t i = 0; i < PH_LEN(cases); i++)
        CHECK(both_are((struct ph_bytes){text, cases[i].target_len},
                       (struct ph_bytes){text, cases[i].body_len}, cases[i].hash));
}

TEST(a_hasher_of_many_leaves_gives_the_hash_of_each)
{
    struct ph_leaf_hasher hasher = {.set = false};
    struct ph_hash32 one, next;

    /* The front changes byte by byte, stays for a while, and comes back. */
    for (size_t i = 0; i < PH_RECEIPT_LEAF_LEN + 4; i++) {
        struct ph_receipt_leaf leaf = leaf_of(3);
        leaf.raw[i % PH_RECEIPT_LEAF_LEN] ^= 1;
        for (uint8_t again = 0; again < 3; again++) {
            leaf.raw[PH_RECEIPT_LEAF_LEN - 1] = again;
            ph_receipt_leaf_hash(&leaf, &one);
            ph_receipt_leaf_hash_next(&hasher, &leaf, &next);
            CHECK(memcmp(one.b, next.b, 32) == 0);
        }
    }
}

TEST(two_leaves_at_once_have_the_hashes_of_each)
{
    struct ph_leaf_hasher hashers[2] = {{.set = false}};
    struct ph_hash32 want[2], got[2];

    /* The leaves differ in one byte: in the front, where one hasher cannot hold both, or behind. */
    for (size_t i = 0; i < 2 * PH_RECEIPT_LEAF_LEN; i++) {
        const struct ph_receipt_leaf a = leaf_of(3);
        struct ph_receipt_leaf b = a;
        b.raw[i % PH_RECEIPT_LEAF_LEN] ^= 1;
        ph_receipt_leaf_hash(&a, &want[0]);
        ph_receipt_leaf_hash(&b, &want[1]);
        for (size_t other = 0; other < 2; other++) {
            ph_receipt_leaf_hash_pair(&hashers[0], &a, &got[0], &hashers[other], &b, &got[1]);
            assert_memory_equal(got, want, sizeof(want));
            ph_receipt_leaf_hash_pair(&hashers[other], &b, &got[1], &hashers[0], &a, &got[0]);
            assert_memory_equal(got, want, sizeof(want));
        }
    }
}

TEST(a_tree_built_where_its_leaves_lie_is_the_same)
{
    static struct ph_hash32 leaves[PH_RECEIPT_BATCH_MAX];
    static struct ph_merkle copied, in_place;

    leaf_hashes(leaves, PH_RECEIPT_BATCH_MAX);
    for (size_t cnt = 1; cnt <= PH_RECEIPT_BATCH_MAX; cnt = cnt * 3 / 2 + 1) {
        ph_merkle_build(&copied, leaves, cnt);
        memcpy(in_place.node, leaves, cnt * sizeof(*leaves));
        ph_merkle_build(&in_place, in_place.node, cnt);
        CHECK(memcmp(copied.root.b, in_place.root.b, 32) == 0);
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
                             UINT64_C(1750329147000) + i,
                             &(struct ph_receipt_state){i, {{(uint8_t)i}}});
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
        {"\"version\":2", "\"version\":1", "leaf.version", PH_ERR_MALFORMED},
        {"\"commit_index\":2", "\"commit_index\":\"2\"", "leaf.commit_index", PH_ERR_MALFORMED},
        {"\"commit_index\"", "\"commitindex\"", "leaf.commit_index", PH_ERR_MALFORMED},
        {"\"state_root\":\"02", "\"state_root\":\"", "leaf.state_root", PH_ERR_MALFORMED},
        {"answered", "lost", "leaf.outcome", PH_ERR_MALFORMED},
        {"\"status\":200", "\"status\":70000", "leaf.status", PH_ERR_MALFORMED},
        {"\"phat\":\"01", "\"phat\":\"1", "leaf.phat", PH_ERR_MALFORMED},
        {"\"bundle_hash\":\"0", "\"bundle_hash\":\"x", "leaf.bundle_hash", PH_ERR_MALFORMED},
        {"\"request_hash\"", "\"requesthash\"", "leaf.request_hash", PH_ERR_MALFORMED},
        {"\"response_hash\":\"", "\"response_hash\":\"ff", "leaf.response_hash", PH_ERR_MALFORMED},
        {"\"nonce\":\"03", "\"nonce\":\"", "leaf.nonce", PH_ERR_MALFORMED},
        {"\"time_ms\":17", "\"time_ms\":-17", "receipt", PH_ERR_MALFORMED},
        {"\"time_ms\":17", "\"commit_index\":0,\"time_ms\":17", "receipt", PH_ERR_MALFORMED},
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
             CASE(both_hashes_at_once_are_those_of_one_after_the_other),
             CASE(long_texts_hash_like_short_ones),
             CASE(a_hasher_of_many_leaves_gives_the_hash_of_each),
             CASE(two_leaves_at_once_have_the_hashes_of_each),
             CASE(a_tree_built_where_its_leaves_lie_is_the_same),
             CASE(batch_digest_is_that_of_an_independent_implementation),
             CASE(json_round_trips_for_every_size_of_batch),
             CASE(a_receipt_with_any_part_changed_is_not_the_workers),
             CASE(json_that_breaks_the_format_is_refused_with_its_place),
             CASE(json_truncated_anywhere_or_too_long_is_refused))
