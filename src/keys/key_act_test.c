#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/secp256k1.h"
#include "keys/key_act.h"

enum { NOW = 1700000000 };

static const uint8_t secret[3][32] = {{1}, {2}, {3}};
static const struct ph_eth_address cluster = {{0xc1}};

static struct ph_key_act sample(enum ph_key_act_kind kind)
{
    struct ph_key_act act = {.kind = kind, .nonce = {0x11}, .worker = {{0x22}}, .epoch = 3};

    if (kind == PH_KEY_ACT_BACKUP) {
        act.needed = 2;
        act.holder_cnt = 3;
        for (uint8_t i = 0; i < 3; i++)
            act.holder[i][0] = (uint8_t)(0x40 + i);
    }
    return act;
}

static void sign(struct ph_key_act_signed *act, const uint8_t by[static 32])
{
    struct ph_owner_request req;
    struct ph_hash32 digest;

    CHECK(ph_key_act_request(act, &req) == PH_OK);
    CHECK(ph_owner_request_check(&req) == PH_OK);
    ph_owner_request_digest(&req, &digest);
    CHECK(ph_eth_sign(by, &digest, act->sig[act->sig_cnt++]) == PH_OK);
}

static struct ph_key_act_signed signed_by(enum ph_key_act_kind kind, unsigned first, unsigned cnt)
{
    struct ph_key_act_signed act = {.cluster = cluster, .expires = NOW + 300};
    const struct ph_key_act plain = sample(kind);

    act.raw_len = ph_key_act_encode(&plain, act.raw);
    for (unsigned i = first; i < first + cnt; i++)
        sign(&act, secret[i]);
    return act;
}

/* Owners 1 and 2, of which both must sign. */
static struct ph_key_owners owners(void)
{
    struct ph_key_owners o = {.needed = 2, .cnt = 2};
    CHECK(ph_eth_address(secret[0], &o.owner[0]) == PH_OK);
    CHECK(ph_eth_address(secret[1], &o.owner[1]) == PH_OK);
    return o;
}

static enum ph_err judge(const struct ph_key_act_signed *act, char why[static PH_KEY_ACT_WHY])
{
    const struct ph_key_owners o = owners();
    struct ph_key_act got;
    return ph_key_act_judge(act, &o, &cluster, NOW, &got, why);
}

TEST(acts_round_trip)
{
    static const enum ph_key_act_kind kinds[] = {PH_KEY_ACT_ROTATE, PH_KEY_ACT_BACKUP,
                                                 PH_KEY_ACT_RETIRE};

    for (size_t k = 0; k < PH_LEN(kinds); k++) {
        const struct ph_key_act act = sample(kinds[k]);
        struct ph_key_act got;
        uint8_t raw[PH_KEY_ACT_LEN_MAX + 1] = {0};
        const size_t len = ph_key_act_encode(&act, raw);
        CHECK(ph_key_act_decode((struct ph_bytes){raw, len}, &got) == PH_OK);
        CHECK(memcmp(&got, &act, sizeof(got)) == 0);
        for (size_t i = 0; i < len; i++)
            CHECK(ph_key_act_decode((struct ph_bytes){raw, i}, &got) == PH_ERR_MALFORMED);
        CHECK(ph_key_act_decode((struct ph_bytes){raw, len + 1}, &got) == PH_ERR_MALFORMED);
    }
}

TEST(digest_is_the_published_vector)
{
    struct ph_key_act_signed act = signed_by(PH_KEY_ACT_ROTATE, 0, 0);
    struct ph_owner_request req;
    struct ph_hash32 digest;
    char hex[65];

    CHECK(ph_key_act_request(&act, &req) == PH_OK);
    ph_owner_request_digest(&req, &digest);
    ph_hex_encode(PH_BYTES_OF(req.content.b), hex);
    CHECK(strcmp(hex, "d596dba0d517e9c93edd01b1f8b814c93cb14fa85269e3250d517d991e90159f") == 0);
    ph_hex_encode(PH_BYTES_OF(digest.b), hex);
    CHECK(strcmp(hex, "40088cbf308bd77da4487a0cf0db47c8cfcc97728eee71983e937fe75d8c2589") == 0);
}

TEST(holders_that_make_no_sense_are_refused)
{
    const size_t needed_at = 16 + 1 + 32 + 20 + 4;
    struct ph_key_act act = sample(PH_KEY_ACT_BACKUP), got;
    uint8_t raw[PH_KEY_ACT_LEN_MAX], changed[PH_KEY_ACT_LEN_MAX];
    const size_t len = ph_key_act_encode(&act, raw);
    static const struct {
        size_t at;
        uint8_t to;
    } cases[] = {{0, 0}, {1, 1}, {1, 0}, {1, PH_KEY_HOLDERS_MAX + 1}, {0, 4}, {2 + 32, 0x40}};

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        memcpy(changed, raw, len);
        changed[needed_at + cases[i].at] = cases[i].to;
        CHECK(ph_key_act_decode((struct ph_bytes){changed, len}, &got) == PH_ERR_MALFORMED);
    }
    static const uint8_t kinds[] = {0, PH_KEY_ACT_ROTATE, PH_KEY_ACT_RETIRE, 4};
    for (size_t i = 0; i < PH_LEN(kinds); i++) { /* holders are a backup's alone */
        raw[16] = kinds[i];
        CHECK(ph_key_act_decode((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    }
}

TEST(enough_owners_stand_behind_an_act)
{
    struct ph_key_act_signed act = signed_by(PH_KEY_ACT_BACKUP, 0, 2);
    const struct ph_key_owners o = owners();
    struct ph_key_act got;
    char why[PH_KEY_ACT_WHY] = "";

    CHECK(ph_key_act_judge(&act, &o, &cluster, NOW, &got, why) == PH_OK);
    CHECK(got.kind == PH_KEY_ACT_BACKUP && got.epoch == 3 && got.holder_cnt == 3);
}

TEST(too_few_owners_or_others_are_refused)
{
    char why[PH_KEY_ACT_WHY] = "";
    struct ph_key_act_signed act = signed_by(PH_KEY_ACT_ROTATE, 0, 1);

    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED && strstr(why, "2 of 2 owners must sign, 1 did"));
    sign(&act, secret[0]);
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED && strstr(why, "twice"));
    act = signed_by(PH_KEY_ACT_ROTATE, 1, 2);
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED && strstr(why, "no owner"));
    act = signed_by(PH_KEY_ACT_ROTATE, 0, 0);
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED);
    act = signed_by(PH_KEY_ACT_ROTATE, 0, 2);
    memset(act.sig[1], 0, 65);
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED && strstr(why, "a signature is none"));
}

TEST(every_part_is_signed)
{
    char why[PH_KEY_ACT_WHY] = "";
    const struct ph_key_act_signed good = signed_by(PH_KEY_ACT_BACKUP, 0, 2);

    CHECK(judge(&good, why) == PH_OK);
    for (size_t i = 0; i < good.raw_len; i++) {
        struct ph_key_act_signed act = good;
        act.raw[i] ^= 1;
        CHECK(judge(&act, why) != PH_OK);
    }
    struct ph_key_act_signed act = good;
    act.expires++;
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED);
    act = good;
    act.cluster.b[19] ^= 1;
    CHECK(judge(&act, why) == PH_ERR_UNTRUSTED && strstr(why, "another cluster"));
}

TEST(an_act_is_valid_for_an_hour_at_most)
{
    char why[PH_KEY_ACT_WHY] = "";
    const struct ph_key_owners o = owners();
    const struct ph_key_act_signed act = signed_by(PH_KEY_ACT_ROTATE, 0, 2);
    struct ph_key_act got;

    CHECK(ph_key_act_judge(&act, &o, &cluster, NOW + 300, &got, why) == PH_OK);
    CHECK(ph_key_act_judge(&act, &o, &cluster, NOW + 301, &got, why) == PH_ERR_UNTRUSTED &&
          strstr(why, "expired"));
    const int64_t hour = PH_KEY_ACT_VALID_S;
    CHECK(ph_key_act_judge(&act, &o, &cluster, NOW + 300 - hour, &got, why) == PH_OK);
    CHECK(ph_key_act_judge(&act, &o, &cluster, NOW + 299 - hour, &got, why) == PH_ERR_UNTRUSTED);
    CHECK(ph_key_act_judge(&act, &o, &cluster, -1, &got, why) == PH_ERR_UNTRUSTED);
}

TEST(without_owners_nobody_may)
{
    const struct ph_key_owners none = {0};
    const struct ph_key_act_signed act = signed_by(PH_KEY_ACT_ROTATE, 0, 2);
    struct ph_key_act got;
    char why[PH_KEY_ACT_WHY] = "";

    CHECK(ph_key_act_judge(&act, &none, &cluster, NOW, &got, why) == PH_ERR_UNSUPPORTED);
    CHECK(strstr(why, "--key-owner"));
}

TEST(json_round_trips_and_says_what_is_wrong)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_KEY_ACT_JSON_MAX);
    const struct ph_key_act_signed act = signed_by(PH_KEY_ACT_BACKUP, 0, 2);
    struct ph_key_act_signed got;
    char why[PH_KEY_ACT_WHY] = "";

    CHECK(ph_key_act_to_json(&act, &text) == PH_OK);
    CHECK(ph_key_act_from_json(ph_buf_view(&text), &got, why) == PH_OK);
    CHECK(got.raw_len == act.raw_len && memcmp(got.raw, act.raw, act.raw_len) == 0);
    CHECK(memcmp(got.cluster.b, act.cluster.b, 20) == 0 && got.expires == act.expires);
    CHECK(got.sig_cnt == 2 && memcmp(got.sig, act.sig, sizeof(got.sig)) == 0);
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"[]", ""},
        {"{\"format\":\"x\",\"cluster\":\"0x\",\"act\":\"00\",\"expires\":1,\"signatures\":[]}",
         "format"},
        {"{\"format\":\"phala-key-act-v1\",\"cluster\":\"0x\",\"act\":\"00\",\"expires\":1,"
         "\"signatures\":[]}",
         "cluster"},
        {"{\"format\":\"phala-key-act-v1\","
         "\"cluster\":\"0x0000000000000000000000000000000000000000\",\"act\":\"00\",\"expires\":1,"
         "\"signatures\":[]}",
         "act"},
        {"{\"format\":\"phala-key-act-v1\"}", ""},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        why[0] = '\0';
        CHECK(ph_key_act_from_json(ph_bytes_str(cases[i].text), &got, why) == PH_ERR_MALFORMED);
        CHECK(why[0] && strstr(why, cases[i].says));
    }
}

PH_TEST_MAIN(CASE(acts_round_trip), CASE(digest_is_the_published_vector),
             CASE(holders_that_make_no_sense_are_refused), CASE(enough_owners_stand_behind_an_act),
             CASE(too_few_owners_or_others_are_refused), CASE(every_part_is_signed),
             CASE(an_act_is_valid_for_an_hour_at_most), CASE(without_owners_nobody_may),
             CASE(json_round_trips_and_says_what_is_wrong))
