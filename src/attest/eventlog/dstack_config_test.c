/* The configuration document of version 3. Its hash was computed with Python's hashlib. */

#include "attest/eventlog/dstack_config.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/jput.h"

#define H20 "1111111111111111111111111111111111111111"
#define I20 "4444444444444444444444444444444444444444"
#define H32 "2222222222222222222222222222222222222222222222222222222222222222"
#define P32 "3333333333333333333333333333333333333333333333333333333333333333"
#define G32 "5555555555555555555555555555555555555555555555555555555555555555"
#define WHOLE                                                                                      \
    "{\"app_id\":\"" H20 "\",\"compose_hash\":\"" H32 "\",\"gpu_policy_hash\":\"" G32              \
    "\",\"init_script_hashes\":[\"" H32 "\",\"" P32 "\"],\"instance_id\":\"" I20                   \
    "\",\"key_provider\":\"kms\",\"key_provider_id\":\"" P32 "\",\"version\":3}"
#define LEAST "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"none\"}"
#define NO_PROVIDER "{\"name\":\"none\",\"id\":\"\"}"
#define KMS "{\"name\":\"kms\",\"id\":\"" P32 "\"}"

/* What a guest measured that WHOLE names. */
static struct ph_event_claims measured(const char *provider)
{
    struct ph_event_claims c = {.has_app_id = true,
                                .has_compose_hash = true,
                                .has_instance_id = true,
                                .has_gpu_policy_hash = true,
                                .has_key_provider = true,
                                .init_script_cnt = 2,
                                .key_provider_len = (uint32_t)strlen(provider)};
    memset(c.app_id, 0x11, 20);
    memset(c.compose_hash, 0x22, 32);
    memset(c.instance_id, 0x44, 20);
    memset(c.gpu_policy_hash, 0x55, 32);
    memset(c.init_script_hash[0], 0x22, 32);
    memset(c.init_script_hash[1], 0x33, 32);
    memcpy(c.key_provider, provider, strlen(provider));
    return c;
}

static enum ph_err check(const struct ph_event_claims *c, const char *document, const char **what)
{
    static struct ph_event_why why;
    struct ph_dstack_config out;
    uint8_t id[48] = {3};

    ph_dstack_config_hash(ph_bytes_str(document), id + 1);
    const enum ph_err err = ph_dstack_config_check(c, id, ph_bytes_str(document), &out, &why);
    CHECK(err == PH_OK || (err == PH_ERR_UNTRUSTED && why.check == PH_CHECK_EVENT_CONFIG_ID));
    *what = why.text;
    return err;
}

TEST(the_hash_is_of_the_domain_and_the_exact_bytes)
{
    uint8_t hash[32];
    char hex[65];

    ph_dstack_config_hash(PH_BYTES_LIT(LEAST), hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    CHECK(strcmp(hex, "4d8c0de4e917ee9b6a2cb1abcdaf86d2cefa58d75ab7db48d064c7f4fc05225c") == 0);
}

TEST(a_document_that_fits_the_boot_is_taken)
{
    struct ph_event_claims c = measured(KMS);
    const char *what;

    CHECK(check(&c, WHOLE, &what) == PH_OK);
    CHECK(check(&c, "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\"}", &what) == PH_OK);
    c = measured(NO_PROVIDER);
    CHECK(check(&c, LEAST, &what) == PH_OK); /* what it does not say is not compared */
    CHECK(check(&c,
                "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"none\",\"version\":3, "
                "\"key_provider_id\":\"\"}",
                &what) == PH_OK);
    c.init_script_cnt = 0;
    CHECK(check(&c,
                "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"none\","
                "\"init_script_hashes\":[]}",
                &what) == PH_OK);
}

TEST(each_member_is_held_against_the_log)
{
    static const char *const names[] = {"compose_hash",       "app_id",
                                        "instance_id",        "gpu_policy_hash",
                                        "init_script_hashes", "key_provider"};
    const char *what;

    for (size_t i = 0; i < PH_LEN(names); i++) {
        for (int missing = 0; missing < 2; missing++) {
            struct ph_event_claims c = measured(KMS);
            bool *const has[] = {&c.has_compose_hash,    &c.has_app_id, &c.has_instance_id,
                                 &c.has_gpu_policy_hash, NULL,          &c.has_key_provider};
            uint8_t *const value[] = {c.compose_hash + 31,        c.app_id + 19,
                                      c.instance_id + 19,         c.gpu_policy_hash + 31,
                                      c.init_script_hash[1] + 31, c.key_provider + 30};
            if (!missing)
                *value[i] ^= 1;
            else if (has[i])
                *has[i] = false;
            else
                c.init_script_cnt--;
            CHECK(check(&c, WHOLE, &what) == PH_ERR_UNTRUSTED && strstr(what, names[i]));
        }
    }
    /* Another provider, of the same id, and another id of the same length or not. */
    static const char *const others[] = {
        "{\"name\":\"tpm\",\"id\":\"" P32 "\"}",   "{\"name\":\"kms\",\"id\":\"" H32 "\"}",
        "{\"name\":\"kms\",\"id\":\"" P32 "33\"}", "{\"name\":\"new\",\"id\":\"" P32 "\"}",
        "{\"name\":\"kms\",\"id\":\"\"}",          "{\"name\":\"kms\",\"id\":\"3333\"}"};
    for (size_t i = 0; i < PH_LEN(others); i++) {
        struct ph_event_claims c = measured(others[i]);
        CHECK(check(&c, WHOLE, &what) == PH_ERR_UNTRUSTED && strstr(what, "key_provider"));
    }
}

TEST(the_register_names_one_document)
{
    struct ph_event_claims c = measured(KMS);
    struct ph_event_why why;
    struct ph_dstack_config out;

    for (size_t i = 0; i < 48; i++) {
        uint8_t id[48] = {3};
        ph_dstack_config_hash(PH_BYTES_LIT(WHOLE), id + 1);
        id[i] ^= 1;
        CHECK(ph_dstack_config_check(&c, id, PH_BYTES_LIT(WHOLE), &out, &why) == PH_ERR_UNTRUSTED);
        CHECK(strstr(why.text, "not the hash"));
    }
    const char *what;
    CHECK(check(&c, "{}", &what) == PH_ERR_UNTRUSTED && strstr(what, "breaks its format"));
}

TEST(documents_are_read_strictly)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"compose_hash\":\"" H32 "\"}",
        "{\"key_provider\":\"kms\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"local-sgx\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":7}",
        "{\"compose_hash\":\"" H20 "\",\"key_provider\":\"kms\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"new\":1}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"version\":2}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"version\":4}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"key_provider\":\"kms\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"app_id\":\"" H32 "\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"instance_id\":\"\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"gpu_policy_hash\":\"" H20 "\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"key_provider_id\":\"0\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"key_provider_id\":\"xx\"}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"key_provider_id\":7}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"init_script_hashes\":7}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"init_script_hashes\":[7]}",
        "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"kms\",\"init_script_hashes\":[\"" H20
        "\"]}",
    };
    struct ph_dstack_config c;

    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        if (ph_dstack_config_parse(ph_bytes_str(wrong[i]), &c) != PH_ERR_MALFORMED)
            fail_msg("%s", wrong[i]);
    }
    /* As many scripts and as long an id as there may be, and one more. */
    for (size_t over = 0; over < 2; over++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(16384);
        CHECK(ph_buf_add_str(&text, "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"local\","
                                    "\"init_script_hashes\":[\"" H32 "\"") == PH_OK);
        for (size_t i = 1; i < PH_INIT_SCRIPTS_MAX + over; i++)
            CHECK(ph_buf_add_str(&text, ",\"" P32 "\"") == PH_OK);
        CHECK(ph_buf_add_str(&text, "]}") == PH_OK);
        CHECK((ph_dstack_config_parse(ph_buf_view(&text), &c) == PH_OK) == !over);
        text.len = 0;
        CHECK(ph_buf_add_str(&text, "{\"compose_hash\":\"" H32 "\",\"key_provider\":\"tpm\","
                                    "\"key_provider_id\":\"") == PH_OK);
        for (size_t i = 0; i < PH_DSTACK_PROVIDER_ID_MAX + over; i++)
            CHECK(ph_buf_add_str(&text, "ab") == PH_OK);
        CHECK(ph_buf_add_str(&text, "\"}") == PH_OK);
        CHECK((ph_dstack_config_parse(ph_buf_view(&text), &c) == PH_OK) == !over);
    }
    CHECK(c.key_provider == PH_DSTACK_KEYS_TPM &&
          c.key_provider_id_len == PH_DSTACK_PROVIDER_ID_MAX);
}

static bool shown(const char *document, const char *want)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_jput put = {.out = &text};
    struct ph_dstack_config c;

    CHECK(ph_dstack_config_parse(ph_bytes_str(document), &c) == PH_OK);
    ph_dstack_config_json(&c, &put, NULL);
    CHECK(ph_jput_end(&put) == PH_OK);
    const bool ok = ph_bytes_is(ph_buf_view(&text), want);
    if (!ok)
        print_message("# %.*s\n", (int)text.len, (const char *)text.ptr);
    return ok;
}

TEST(a_document_is_shown_member_by_member)
{
    CHECK(shown(WHOLE,
                "{\"app_id\":\"" H20 "\",\"compose_hash\":\"" H32 "\",\"gpu_policy_hash\":\"" G32
                "\",\"instance_id\":\"" I20 "\",\"key_provider\":\"kms\",\"key_provider_id\":\"" P32
                "\",\"init_script_hashes\":[\"" H32 "\",\"" P32 "\"]}"));
    CHECK(shown(LEAST, "{\"app_id\":null,\"compose_hash\":\"" H32
                       "\",\"gpu_policy_hash\":null,\"instance_id\":null,\"key_provider\":\"none\","
                       "\"key_provider_id\":null,\"init_script_hashes\":null}"));
}

PH_TEST_MAIN(CASE(the_hash_is_of_the_domain_and_the_exact_bytes),
             CASE(a_document_that_fits_the_boot_is_taken),
             CASE(each_member_is_held_against_the_log), CASE(the_register_names_one_document),
             CASE(documents_are_read_strictly), CASE(a_document_is_shown_member_by_member))
