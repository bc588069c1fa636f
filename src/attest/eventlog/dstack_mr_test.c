/* What dstack derives from measurements; values computed with Python and viem. */

#include "attest/eventlog/dstack_mr.h"

#include "base/hex.h"
#include "base/test.h"
#include "crypto/hash.h"

static struct ph_event_claims guest(const char *provider)
{
    struct ph_event_claims c = {.has_app_id = true, .has_compose_hash = true, .boot_done = true};

    memset(c.app_id, 0x11, sizeof(c.app_id));
    memset(c.compose_hash, 0x22, sizeof(c.compose_hash));
    if (provider) {
        c.has_key_provider = true;
        c.key_provider_len = (uint32_t)strlen(provider);
        memcpy(c.key_provider, provider, c.key_provider_len);
    }
    return c;
}

TEST(the_key_provider_is_read_strictly)
{
    struct ph_dstack_provider p;
    struct ph_event_claims c = guest("{\"name\":\"kms\",\"id\":\"abCD\"}");

    CHECK(ph_dstack_provider(&c, &p) == PH_OK);
    CHECK(strcmp(p.name, "kms") == 0 && p.id_len == 2 && p.id[0] == 0xab && p.id[1] == 0xcd);
    c = guest("{\"id\":\"\",\"name\":\"none\"}");
    CHECK(ph_dstack_provider(&c, &p) == PH_OK && p.id_len == 0);
    c = guest("{\"name\":\"abcdefghijklmnopqrstuvwxyzabcde\",\"id\":\"\"}"); /* 31 bytes */
    CHECK(ph_dstack_provider(&c, &p) == PH_OK && strlen(p.name) == 31);
    c = guest(NULL);
    CHECK(ph_dstack_provider(&c, &p) == PH_ERR_NOT_FOUND);
    static const char *const wrong[] = {
        "{}",
        "[]",
        "[\"name\",\"id\"]",
        "x",
        "{\"name\":\"kms\"}",
        "{\"id\":\"ab\"}",
        "{\"name\":\"kms\",\"id\":\"abc\"}",
        "{\"name\":\"kms\",\"id\":7}",
        "{\"name\":7,\"id\":\"ab\"}",
        "{\"name\":\"kms\",\"id\":\"ab\",\"x\":1}",
        "{\"name\":\"abcdefghijklmnopqrstuvwxyzabcdef\",\"id\":\"\"}",
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        c = guest(wrong[i]);
        CHECK(ph_dstack_provider(&c, &p) == PH_ERR_MALFORMED);
    }
}

static bool is_hex(const uint8_t *bytes, const char *hex)
{
    char got[65];
    ph_hex_encode((struct ph_bytes){bytes, 32}, got);
    return strcmp(got, hex) == 0;
}

TEST(derived_values_cover_the_registers_in_their_order)
{
    struct ph_event_claims c = guest("{}");
    struct ph_tdx_body td = {.mr_td = {1}};

    for (unsigned i = 0; i < 4; i++)
        memset(c.rtmrs.r[i], 0x40 + (int)i, 48);
    ph_dstack_mrs(&c, &td);
    CHECK(is_hex(c.mr_key_provider,
                 "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"));
    CHECK(is_hex(c.mr_system, "558926aa51c4d773da45352857874b77de60a9df8e39eb3442c5c9dda0c5ef16"));
    CHECK(is_hex(c.mr_aggregated,
                 "0d05c857b582bd28b6434e76c05d29e7f468f517a83aa54522584a7ac95714dd"));
    td.mr_owner_config[47] = 9; /* any of the three: all of them count */
    ph_dstack_mrs(&c, &td);
    CHECK(is_hex(c.mr_aggregated,
                 "2c8c659feb9c75cd8c61e32e50d1988e6bb46b0206e4c03d54ee47987cbadd1d") &&
          is_hex(c.mr_system, "558926aa51c4d773da45352857874b77de60a9df8e39eb3442c5c9dda0c5ef16"));
    uint8_t plain[32];
    memset(td.mr_owner_config, 0, sizeof(td.mr_owner_config));
    ph_dstack_mrs(&c, &td);
    memcpy(plain, c.mr_aggregated, sizeof(plain));
    uint8_t *const owners[] = {td.mr_config_id, td.mr_owner, td.mr_owner_config};
    for (size_t i = 0; i < PH_LEN(owners); i++) {
        owners[i][47] = 9;
        ph_dstack_mrs(&c, &td);
        CHECK(memcmp(plain, c.mr_aggregated, sizeof(plain)) != 0);
        owners[i][47] = 0;
    }
    c.has_key_provider = false;
    ph_dstack_mrs(&c, &td);
    CHECK(is_hex(c.mr_key_provider,
                 "0000000000000000000000000000000000000000000000000000000000000000"));
    CHECK(is_hex(c.mr_system, "689938dc76665d168b7b8cef9a13162527de7a14dc8510e86d5db455a801b956"));
}

static enum ph_err check(const struct ph_event_claims *c, const uint8_t id[48])
{
    struct ph_event_why why = {.check = PH_CHECK_CNT};
    const enum ph_err err = ph_dstack_config_id_check(c, id, &why);

    CHECK((err == PH_ERR_UNTRUSTED) == (why.check == PH_CHECK_EVENT_CONFIG_ID));
    return err;
}

TEST(mr_config_id_names_what_the_guest_measured)
{
    uint8_t id[48] = {0};
    struct ph_event_claims c = guest("{\"name\":\"kms\",\"id\":\"abcd\"}"), none = {.event_cnt = 0};

    CHECK(check(&c, id) == PH_OK && check(&none, id) == PH_OK); /* unset demands nothing */
    id[0] = 1;
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    memset(id + 1, 0x22, 32);
    CHECK(check(&c, id) == PH_OK);
    CHECK(check(&none, id) == PH_ERR_UNTRUSTED);
    for (size_t i = 1; i < 48; i++) {
        id[i] ^= 1;
        CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
        id[i] ^= 1;
    }
    id[0] = 3;
    CHECK(check(&c, id) == PH_ERR_UNSUPPORTED);

    id[0] = 2;
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("647193241c7c4f32e1b089ada263b49559026b3b61c9ab9bf5b10b6d7e4a0bba"),
              id + 1, 32) == PH_OK);
    CHECK(check(&c, id) == PH_OK);
    c.app_id[0] ^= 1;
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    c = guest("{\"name\":\"local-sgx\",\"id\":\"abcd\"}");
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    CHECK(ph_hex_decode(
              PH_BYTES_LIT("eff6918b4c96eb24bc83c510b854358454823651fa2f76c9ca0d174ef4ff521a"),
              id + 1, 32) == PH_OK);
    CHECK(check(&c, id) == PH_OK);
    c = guest("{\"name\":\"other\",\"id\":\"abcd\"}");
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    c = guest(NULL);
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    c = guest("{\"name\":\"local-sgx\",\"id\":\"abcd\"}");
    c.has_app_id = false;
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
}

/* MR_CONFIG_ID version 2 of guest()'s measurements, with a provider of this kind and no id. */
static void config_id(uint8_t kind, uint8_t out[static 48])
{
    uint8_t text[32 + 20 + 1];

    memset(text, 0x22, 32);
    memset(text + 32, 0x11, 20);
    text[52] = kind;
    memset(out, 0, 48);
    out[0] = 2;
    ph_keccak256(PH_BYTES_OF(text), out + 1);
}

TEST(mr_config_id_of_what_was_not_measured_fits_nothing)
{
    uint8_t id[48];
    struct ph_event_claims c = guest("{\"name\":\"none\",\"id\":\"\"}");

    config_id(PH_DSTACK_KEYS_NONE, id);
    CHECK(check(&c, id) == PH_OK);
    c = guest("{\"name\":\"other\",\"id\":\"\"}"); /* no kind, whatever number stands for it */
    config_id(0xff, id);
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    memset(id + 1, 0, 47);
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    c.has_compose_hash = false;
    id[0] = 1;
    memset(id + 1, 0x22, 32);
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
    memset(id + 1, 0, 32);
    memset(c.compose_hash, 0, sizeof(c.compose_hash));
    CHECK(check(&c, id) == PH_ERR_UNTRUSTED);
}

PH_TEST_MAIN(CASE(mr_config_id_of_what_was_not_measured_fits_nothing),
             CASE(the_key_provider_is_read_strictly),
             CASE(derived_values_cover_the_registers_in_their_order),
             CASE(mr_config_id_names_what_the_guest_measured))
