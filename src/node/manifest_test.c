#include "node/manifest.h"

#include "base/own.h"
#include "base/test.h"

static enum ph_err parse(const char *text, struct ph_manifest *m, struct ph_json_why *why)
{
    return ph_manifest_parse(ph_bytes_str(text), m, why);
}

TEST(a_full_manifest_is_understood_and_defaults_fill_the_rest)
{
    struct ph_manifest m PH_OWNED(ph_manifest_clear) = {0};
    struct ph_json_why why = {""};

    const enum ph_err err = parse(
        "{\"name\":\"price-oracle\",\"main\":\"w.js\",\"egress\":[\"https://api.example.org\","
        "\"https://*.example.net:8443\"],\"env\":{\"A\":\"1\"},\"secrets\":[\"KEY\"],"
        "\"limits\":{\"cpuMs\":77,\"memoryMiB\":64},\"triggers\":{\"cron\":[\"*/5 * * * *\"]}}",
        &m, &why);
    if (err != PH_OK)
        fail_msg("%s", why.text);
    assert_string_equal(m.name, "price-oracle");
    assert_string_equal(m.main_file, "w.js");
    assert_string_equal(m.env_json, "{\"A\":\"1\"}");
    CHECK(m.egress_cnt == 2 && m.egress[0].https && m.egress[1].any_subdomain &&
          m.egress[1].port == 8443);
    CHECK(m.limits.cpu_ms == 77 && m.limits.memory_mib == 64 && m.limits.wall_ms == 30000);
    CHECK(m.cron_cnt == 1);
}

TEST(the_least_manifest_is_a_name)
{
    struct ph_manifest m PH_OWNED(ph_manifest_clear) = {0};
    struct ph_json_why why;

    CHECK(parse("{\"name\":\"a\"}", &m, &why) == PH_OK);
    assert_string_equal(m.main_file, "worker.js");
    assert_string_equal(m.env_json, "{}");
    CHECK(m.egress_cnt == 0 && m.cron_cnt == 0 && m.state_pages == 0);
}

TEST(state_has_a_size)
{
    struct ph_json_why why;
    static const struct {
        const char *text;
        uint32_t pages;
    } good[] = {{"{\"name\":\"a\",\"state\":{}}", 64 * 256},
                {"{\"name\":\"a\",\"state\":{\"maxMiB\":1}}", 256},
                {"{\"name\":\"a\",\"state\":{\"maxMiB\":262144}}", 262144 * 256}};
    for (size_t i = 0; i < PH_LEN(good); i++) {
        struct ph_manifest m PH_OWNED(ph_manifest_clear) = {0};
        CHECK(parse(good[i].text, &m, &why) == PH_OK && m.state_pages == good[i].pages);
    }
}

TEST(reading_the_chain_is_asked_for)
{
    static const struct {
        const char *text;
        bool reads;
    } good[] = {{"{\"name\":\"a\"}", false},
                {"{\"name\":\"a\",\"chain\":{}}", false},
                {"{\"name\":\"a\",\"chain\":{\"read\":false}}", false},
                {"{\"name\":\"a\",\"chain\":{\"read\":true}}", true}};
    struct ph_json_why why;

    for (size_t i = 0; i < PH_LEN(good); i++) {
        struct ph_manifest m PH_OWNED(ph_manifest_clear) = {0};
        CHECK(parse(good[i].text, &m, &why) == PH_OK && m.chain_read == good[i].reads);
    }
}

TEST(a_wallet_is_asked_for)
{
    struct ph_manifest with PH_OWNED(ph_manifest_clear) = {0};
    struct ph_manifest without PH_OWNED(ph_manifest_clear) = {0};
    struct ph_json_why why;

    CHECK(parse("{\"name\":\"a\",\"wallet\":{\"chainId\":5}}", &with, &why) == PH_OK);
    CHECK(with.wallet && with.wallet->chain_id == 5);
    CHECK(parse("{\"name\":\"a\"}", &without, &why) == PH_OK && !without.wallet);
}

TEST(every_mistake_is_refused_and_named)
{
    static const char *const bad[][2] = {
        {"[]", "document"},
        {"{}", "name"},
        {"{\"name\":\"A\"}", "name"},
        {"{\"name\":\"-a\"}", "name"},
        {"{\"name\":\"a\",\"limts\":{}}", "limts"},
        {"{\"name\":\"a\",\"name\":\"b\"}", "name"},
        {"{\"name\":\"a\",\"limits\":{\"cpums\":1}}", "cpums"},
        {"{\"name\":\"a\",\"limits\":{\"cpuMs\":0}}", "cpuMs"},
        {"{\"name\":\"a\",\"limits\":{\"cpuMs\":30001}}", "cpuMs"},
        {"{\"name\":\"a\",\"limits\":{\"cpuMs\":\"5\"}}", "cpuMs"},
        {"{\"name\":\"a\",\"limits\":7}", "limits"},
        {"{\"name\":\"a\",\"chain\":true}", "chain"},
        {"{\"name\":\"a\",\"chain\":{\"read\":1}}", "chain.read"},
        {"{\"name\":\"a\",\"chain\":{\"write\":true}}", "write"},
        {"{\"name\":\"a\",\"wallet\":7}", "wallet"},
        {"{\"name\":\"a\",\"wallet\":{\"chain\":1}}", "wallet.chain"},
        {"{\"name\":\"a\",\"wallet\":{\"maxValueWei\":5}}", "wallet.maxValueWei"},
        {"{\"name\":\"a\",\"egress\":\"https://x.org\"}", "egress"},
        {"{\"name\":\"a\",\"egress\":[\"*\"]}", "egress[0]"},
        {"{\"name\":\"a\",\"egress\":[\"https://x.org\",\"ftp://x.org\"]}", "egress[1]"},
        {"{\"name\":\"a\",\"env\":{\"A\":1}}", "env"},
        {"{\"name\":\"a\",\"env\":{\"1A\":\"x\"}}", "env"},
        {"{\"name\":\"a\",\"secrets\":[\"a-b\"]}", "secrets"},
        {"{\"name\":\"a\",\"triggers\":{\"cron\":[\"never\"]}}", "triggers.cron"},
        {"{\"name\":\"a\",\"triggers\":{\"corn\":[]}}", "corn"},
        {"{\"name\":\"a\",\"state\":true}", "state"},
        {"{\"name\":\"a\",\"state\":{\"maxMiB\":0}}", "maxMiB"},
        {"{\"name\":\"a\",\"state\":{\"maxMiB\":262145}}", "maxMiB"},
        {"{\"name\":\"a\",\"state\":{\"size\":1}}", "size"},
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_manifest m = {0};
        struct ph_json_why why = {""};
        if (parse(bad[i][0], &m, &why) == PH_OK)
            fail_msg("accepted: %s", bad[i][0]);
        if (!strstr(why.text, bad[i][1]))
            fail_msg("%s: \"%s\" does not name %s", bad[i][0], why.text, bad[i][1]);
    }
}

PH_TEST_MAIN(CASE(a_full_manifest_is_understood_and_defaults_fill_the_rest),
             CASE(the_least_manifest_is_a_name), CASE(state_has_a_size),
             CASE(reading_the_chain_is_asked_for), CASE(a_wallet_is_asked_for),
             CASE(every_mistake_is_refused_and_named))
