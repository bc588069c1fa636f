#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"
#include "crypto/secp256k1.h"
#include "keys/eip712.h"

#include <stdio.h>
#include <string.h>

/* Vectors: viem 2.37.0, signTypedData with the secret 7. */
static const uint8_t secret[32] = {[31] = 7};
#define OWNER "d41c057fd1c78805aac12b0a94a405c0461a6fbb"
#define SIG_DEPLOY                                                                                 \
    "6009717244919c312033cfe491248218fca7be87ac78d227bea3354647a38e625fe2a693ccbea744590afe908a91" \
    "99e597dc76f3acba1bddce0976391031208d1c"

static struct ph_owner_request deploy_request(void)
{
    struct ph_owner_request req = {
        .action = "deploy", .name = "price-oracle", .sequence = 1789, .expires = 1750329147};
    memset(req.content.b, 0x11, 32);
    memset(req.cluster.b, 0x22, 20);
    return req;
}

static bool hex_is(const uint8_t *raw, size_t len, const char *hex)
{
    char text[256];
    ph_hex_encode((struct ph_bytes){raw, len}, text);
    return strcmp(text, hex) == 0;
}

TEST(digest_and_signature_are_those_of_an_independent_implementation)
{
    const struct ph_owner_request req = deploy_request();
    struct ph_hash32 digest;
    uint8_t sig[65];

    ph_owner_request_digest(&req, &digest);
    CHECK(hex_is(digest.b, 32, "d5507e26f46f86c8353c443a7e705a747e5f35a8eb48c805e016cfb8673dddec"));
    CHECK(ph_eth_sign(secret, &digest, sig) == PH_OK);
    CHECK(hex_is(sig, 65, SIG_DEPLOY));

    struct ph_owner_request list = {.action = "list", .expires = UINT64_MAX};
    memset(list.cluster.b, 0xff, 20);
    ph_owner_request_digest(&list, &digest);
    CHECK(hex_is(digest.b, 32, "2cd57c7f07211415017b892248037813948e3616453444b5ca8918030e84e243"));
}

TEST(recovered_owner_changes_with_every_field)
{
    const struct ph_owner_request good = deploy_request();
    struct ph_eth_address owner, other;
    uint8_t sig[65], raw[PH_OWNER_REQUEST_LEN];

    CHECK(ph_hex_decode(PH_BYTES_LIT(SIG_DEPLOY), sig, 65) == PH_OK);
    CHECK(ph_owner_request_recover(&good, sig, &owner) == PH_OK);
    CHECK(hex_is(owner.b, 20, OWNER));

    ph_owner_request_encode(&good, raw);
    size_t tried = 0;
    for (size_t i = 0; i < sizeof(raw); i++) {
        struct ph_owner_request req;
        raw[i] ^= 1;
        if (ph_owner_request_decode(PH_BYTES_OF(raw), &req) == PH_OK) {
            CHECK(ph_owner_request_recover(&req, sig, &other) != PH_OK ||
                  memcmp(other.b, owner.b, 20) != 0);
            tried++;
        }
        raw[i] ^= 1;
    }
    CHECK(tried >= 32 + 20 + 8 + 8);
    sig[64] = 29;
    CHECK(ph_owner_request_recover(&good, sig, &other) == PH_ERR_UNTRUSTED);
}

TEST(only_known_actions_and_dns_names_pass)
{
    static const char *const names[] = {
        "a", "0", "a-b", "x1-2-3y",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    static const char *const wrong[] = {"", "-a", "a-", "A", "a.b", "a_b", "a b", "\xc3\xa9"};
    struct ph_owner_request req = deploy_request();

    for (size_t i = 0; i < PH_LEN(names); i++) {
        (void)snprintf(req.name, sizeof(req.name), "%s", names[i]);
        CHECK(ph_owner_request_check(&req) == PH_OK);
    }
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        (void)snprintf(req.name, sizeof(req.name), "%s", wrong[i]);
        CHECK(ph_owner_request_check(&req) == PH_ERR_MALFORMED);
    }
    memset(req.name, 'a', sizeof(req.name));
    CHECK(ph_owner_request_check(&req) == PH_ERR_MALFORMED);

    static const char *const actions[] = {"deploy", "delete", "secrets",
                                          "logs",   "export", "import"};
    req = deploy_request();
    for (size_t i = 0; i < PH_LEN(actions); i++) {
        (void)snprintf(req.action, sizeof(req.action), "%s", actions[i]);
        CHECK(ph_owner_request_check(&req) == PH_OK);
    }
    (void)snprintf(req.action, sizeof(req.action), "%s", "list");
    CHECK(ph_owner_request_check(&req) == PH_ERR_MALFORMED);
    req.name[0] = '\0';
    CHECK(ph_owner_request_check(&req) == PH_OK);
    (void)snprintf(req.action, sizeof(req.action), "%s", "Deploy");
    CHECK(ph_owner_request_check(&req) == PH_ERR_MALFORMED);
    memset(req.action, 'd', sizeof(req.action));
    CHECK(ph_owner_request_check(&req) == PH_ERR_MALFORMED);
}

TEST(encoding_has_one_form_per_request)
{
    const struct ph_owner_request good = deploy_request();
    struct ph_owner_request got;
    uint8_t raw[PH_OWNER_REQUEST_LEN + 1] = {0}, again[PH_OWNER_REQUEST_LEN];

    ph_owner_request_encode(&good, raw);
    for (size_t len = 0; len <= sizeof(raw); len++)
        CHECK((ph_owner_request_decode((struct ph_bytes){raw, len}, &got) == PH_OK) ==
              (len == PH_OWNER_REQUEST_LEN));
    ph_owner_request_encode(&got, again);
    CHECK(memcmp(raw, again, sizeof(again)) == 0);

    raw[15] = 'x'; /* after the NUL of the action */
    CHECK(ph_owner_request_decode((struct ph_bytes){raw, PH_OWNER_REQUEST_LEN}, &got) ==
          PH_ERR_MALFORMED);
    raw[15] = 0;
    raw[79] = 'x';
    CHECK(ph_owner_request_decode((struct ph_bytes){raw, PH_OWNER_REQUEST_LEN}, &got) ==
          PH_ERR_MALFORMED);
}

TEST(header_round_trips_and_proves_the_owner)
{
    const struct ph_owner_request good = deploy_request();
    struct ph_owner_request got;
    struct ph_buf header PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_eth_address owner, got_owner;
    uint8_t sig[65], got_sig[65], a[PH_OWNER_REQUEST_LEN], b[PH_OWNER_REQUEST_LEN];
    char why[128];

    CHECK(ph_hex_decode(PH_BYTES_LIT(SIG_DEPLOY), sig, 65) == PH_OK);
    CHECK(ph_hex_decode(PH_BYTES_LIT(OWNER), owner.b, 20) == PH_OK);
    CHECK(ph_owner_request_to_header(&good, sig, &owner, &header) == PH_OK);
    CHECK(ph_owner_request_from_header(ph_buf_view(&header), &got, got_sig, &got_owner, why) ==
          PH_OK);
    ph_owner_request_encode(&good, a);
    ph_owner_request_encode(&got, b);
    CHECK(memcmp(a, b, sizeof(a)) == 0 && memcmp(sig, got_sig, 65) == 0);
    CHECK(memcmp(owner.b, got_owner.b, 20) == 0);

    /* Another owner named in front of a good signature. */
    owner.b[0] ^= 1;
    ph_buf_clear(&header);
    CHECK(ph_owner_request_to_header(&good, sig, &owner, &header) == PH_OK);
    CHECK(ph_owner_request_from_header(ph_buf_view(&header), &got, got_sig, &got_owner, why) ==
          PH_ERR_UNTRUSTED);
    CHECK(strstr(why, "signature"));
}

static enum ph_err from_json(const char *json, char why[static 128])
{
    struct ph_buf header PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_owner_request req;
    struct ph_eth_address owner;
    uint8_t sig[65];

    CHECK(ph_buf_add_str(&header, "Phala ") == PH_OK);
    CHECK(ph_base64url_encode(ph_bytes_str(json), &header) == PH_OK);
    return ph_owner_request_from_header(ph_buf_view(&header), &req, sig, &owner, why);
}

#define H32 "1111111111111111111111111111111111111111111111111111111111111111"
#define H20 "0x2222222222222222222222222222222222222222"
#define MEMBERS(action, name, content, cluster, sequence, expires, owner, signature)               \
    "{\"action\":" action ",\"name\":" name ",\"content\":" content ",\"cluster\":" cluster        \
    ",\"sequence\":" sequence ",\"expires\":" expires ",\"owner\":" owner                          \
    ",\"signature\":" signature "}"

TEST(header_says_which_member_is_wrong)
{
#define Q(s) "\"" s "\""
    static const struct {
        const char *json, *why;
        enum ph_err err;
    } cases[] = {
        {MEMBERS(Q("deploy"), Q("price-oracle"), Q(H32), Q(H20), "1789", "1750329147",
                 Q("0x" OWNER), Q("0x" SIG_DEPLOY)),
         NULL, PH_OK},
        {MEMBERS("1", Q("a"), Q(H32), Q(H20), "1", "2", Q(OWNER), Q(SIG_DEPLOY)), "action",
         PH_ERR_MALFORMED},
        {MEMBERS(Q("deploydeploydepl"), Q("a"), Q(H32), Q(H20), "1", "2", Q(OWNER), Q(SIG_DEPLOY)),
         "action", PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), "null", Q(H32), Q(H20), "1", "2", Q(OWNER), Q(SIG_DEPLOY)), "name",
         PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a.b"), Q(H32), Q(H20), "1", "2", Q(OWNER), Q(SIG_DEPLOY)), "name",
         PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q("11"), Q(H20), "1", "2", Q(OWNER), Q(SIG_DEPLOY)),
         "content", PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q(H32), Q(H32), "1", "2", Q(OWNER), Q(SIG_DEPLOY)), "cluster",
         PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q(H32), Q(H20), "-1", "2", Q(OWNER), Q(SIG_DEPLOY)),
         "sequence", PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q(H32), Q(H20), "1", Q("2"), Q(OWNER), Q(SIG_DEPLOY)),
         "expires", PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q(H32), Q(H20), "1", "2", "[]", Q(SIG_DEPLOY)), "owner",
         PH_ERR_MALFORMED},
        {MEMBERS(Q("deploy"), Q("a"), Q(H32), Q(H20), "1", "2", Q(OWNER), Q(H32)), "signature",
         PH_ERR_MALFORMED},
        {"{}", "authorization", PH_ERR_MALFORMED},
        {"[]", "authorization", PH_ERR_MALFORMED},
        {"", "authorization", PH_ERR_MALFORMED},
    };
    char why[128];

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        CHECK(from_json(cases[i].json, why) == cases[i].err);
        CHECK(!cases[i].why || strstr(why, cases[i].why));
    }
}

TEST(header_needs_its_scheme_and_stays_within_its_limit)
{
    static uint8_t big[4096];
    struct ph_owner_request req;
    struct ph_eth_address owner;
    uint8_t sig[65];
    char why[128];

    CHECK(ph_owner_request_from_header(PH_BYTES_LIT("Bearer e30"), &req, sig, &owner, why) ==
          PH_ERR_MALFORMED);
    CHECK(ph_owner_request_from_header(PH_BYTES_LIT("Phala"), &req, sig, &owner, why) ==
          PH_ERR_MALFORMED);
    CHECK(ph_owner_request_from_header(PH_BYTES_LIT("Phala e30="), &req, sig, &owner, why) ==
          PH_ERR_MALFORMED);
    memset(big, 'A', sizeof(big));
    memcpy(big, "Phala ", 6);
    CHECK(ph_owner_request_from_header(PH_BYTES_OF(big), &req, sig, &owner, why) ==
          PH_ERR_MALFORMED);
    CHECK(strstr(why, "2048"));
}

TEST(phat_id_binds_owner_and_name)
{
    struct ph_eth_address owner;
    struct ph_phat_id id;

    CHECK(ph_hex_decode(PH_BYTES_LIT(OWNER), owner.b, 20) == PH_OK);
    ph_phat_id_derive(&owner, "price-oracle", &id);
    CHECK(hex_is(id.b, 20, "8f673a5b165ca86a03794f6448c0fceea2030783"));
}

PH_TEST_MAIN(CASE(digest_and_signature_are_those_of_an_independent_implementation),
             CASE(recovered_owner_changes_with_every_field),
             CASE(only_known_actions_and_dns_names_pass), CASE(encoding_has_one_form_per_request),
             CASE(header_round_trips_and_proves_the_owner), CASE(header_says_which_member_is_wrong),
             CASE(header_needs_its_scheme_and_stays_within_its_limit),
             CASE(phat_id_binds_owner_and_name))
