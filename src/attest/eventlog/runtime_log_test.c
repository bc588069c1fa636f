/* dstack's log: what is measured again, what a boot may say about itself, and when. Every check is
 * broken alone. Real logs: eventlog_vectors_test.c. */

#include "attest/eventlog/runtime_log.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

#include <stdio.h>

static struct ph_event_claims claims;
static struct ph_event_why why;
static char text[PH_EVENT_LOG_MAX + 2];
static size_t text_len;

static void start(void)
{
    text_len = 0;
    text[text_len++] = '[';
}

/* One element, as printf text. */
static void add(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void add(const char *fmt, ...)
{
    va_list args;
    if (text_len > 1)
        text[text_len++] = ',';
    va_start(args, fmt);
    text_len += (size_t)vsnprintf(text + text_len, sizeof(text) - text_len, fmt, args);
    va_end(args);
}

/* A runtime event without a digest, as stripped logs have it. */
static void runtime(const char *name, const char *payload_hex)
{
    add("{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"%s\",\"event_payload\":\"%"
        "s\"}",
        name, payload_hex);
}

static void firmware(unsigned imr, uint32_t type, const char *digest, const char *payload_hex)
{
    add("{\"imr\":%u,\"event_type\":%u,\"digest\":\"%s\",\"event\":\"\",\"event_payload\":\"%s\"}",
        imr, type, digest, payload_hex);
}

#define H20 "1111111111111111111111111111111111111111"
#define H32 "2222222222222222222222222222222222222222222222222222222222222222"
#define H48                                                                                        \
    "33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333" \
    "3333"
/* SHA-384 of 00000000 */
#define SEPARATOR                                                                                  \
    "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f12" \
    "89f0"

/* A boot up to, not including, `stop`; NULL: all of it. */
static void boot_until(const char *stop)
{
    static const char *const events[][2] = {
        {"system-preparing", ""}, {"app-id", H20},          {"compose-hash", H32},
        {"instance-id", H20},     {"boot-mr-done", ""},     {"os-image-hash", H32},
        {"key-provider", "7b7d"}, {"storage-fs", "7a6673"}, {"system-ready", ""},
    };
    start();
    firmware(0, 4, SEPARATOR, "00000000");
    for (size_t i = 0; i < PH_LEN(events) && (!stop || strcmp(stop, events[i][0]) != 0); i++)
        runtime(events[i][0], events[i][1]);
}

static enum ph_err replay(void)
{
    memset(&claims, 0xee, sizeof(claims));
    why = (struct ph_event_why){.check = PH_CHECK_CNT};
    text[text_len] = ']';
    return ph_runtime_log_replay((struct ph_bytes){(uint8_t *)text, text_len + 1}, &claims, &why);
}

static bool refused(enum ph_err err, enum ph_check check, uint32_t event)
{
    if (replay() != err || why.check != check || why.event != event || !why.text[0])
        return false;
    for (size_t i = 0; i < sizeof(claims); i++) {
        if (((const uint8_t *)&claims)[i] != 0xee)
            return false;
    }
    return true;
}

static bool filled(const uint8_t *p, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] != value)
            return false;
    }
    return true;
}

TEST(digests_are_those_of_the_format)
{
    static const uint8_t payload[] = {0, 0xff};
    /* computed with Python's hashlib */
    static const char v1[] = "1e802194a3cf719e9c99f8ab1bb5fa3d2ebc93525822d37f1a06df246cd18de3a80ce"
                             "9bbed41eac4f8b8a1d28092a77f",
                      v2[] = "c9c4e6ecd5ec321b8006330ac06f8c2b94ba402b460354bf26448c4f4df3a4323e932"
                             "fb518da2f404a3d5b531fa1d1e2";
    /* worked value of the spec: system-ready without payload */
    static const uint8_t ready[12] = {0x1a, 0x76, 0xb2, 0xa8, 0x0a, 0x0b,
                                      0xe7, 0x1e, 0xae, 0x59, 0xf8, 0x09};
    uint8_t digest[48];
    char hex[97];

    const struct ph_bytes name = PH_BYTES_LIT("app-id");
    CHECK(ph_runtime_event_digest(1, name, PH_BYTES_OF(payload), digest) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(digest), hex);
    CHECK(strcmp(hex, v1) == 0);
    CHECK(ph_runtime_event_digest(2, name, PH_BYTES_OF(payload), digest) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(digest), hex);
    CHECK(strcmp(hex, v2) == 0);
    CHECK(ph_runtime_event_digest(1, PH_BYTES_LIT("system-ready"), PH_BYTES_LIT(""), digest) ==
          PH_OK);
    CHECK(memcmp(digest, ready, sizeof(ready)) == 0);
    CHECK(ph_runtime_event_digest(3, name, PH_BYTES_LIT(""), digest) == PH_ERR_UNSUPPORTED);
    CHECK(ph_runtime_event_digest(2, PH_BYTES_LIT("a\"b"), PH_BYTES_LIT(""), digest) ==
          PH_ERR_MALFORMED);
    static uint8_t big[PH_RUNTIME_PAYLOAD_MAX + 1];
    CHECK(ph_runtime_event_digest(2, name, (struct ph_bytes){big, sizeof(big) - 1}, digest) ==
          PH_OK);
    CHECK(ph_runtime_event_digest(2, name, PH_BYTES_OF(big), digest) == PH_ERR_LIMIT);
    CHECK(ph_runtime_event_digest(1, (struct ph_bytes){big, PH_RUNTIME_NAME_MAX + 1},
                                  PH_BYTES_LIT(""), digest) == PH_ERR_LIMIT);
}

TEST(a_boot_binds_its_identity)
{
    struct ph_rtmrs want = {0};
    uint8_t digest[48];
    static const char *const names[] = {"system-preparing", "app-id",       "compose-hash",
                                        "instance-id",      "boot-mr-done", "os-image-hash",
                                        "key-provider",     "storage-fs",   "system-ready"};
    static const char *const payloads[] = {"", H20, H32, H20, "", H32, "7b7d", "7a6673", ""};

    boot_until(NULL);
    CHECK(replay() == PH_OK);
    CHECK(claims.kind == PH_EVENT_LOG_DSTACK && claims.event_cnt == 10);
    CHECK(claims.recomputed_cnt == 10 && claims.unrecomputable_cnt == 0);
    CHECK(claims.boot_done && claims.system_ready);
    CHECK(claims.has_app_id && filled(claims.app_id, 20, 0x11));
    CHECK(claims.has_compose_hash && filled(claims.compose_hash, 32, 0x22));
    CHECK(claims.has_instance_id && filled(claims.instance_id, 20, 0x11));
    CHECK(claims.has_os_image_hash && filled(claims.os_image_hash, 32, 0x22));
    CHECK(claims.has_key_provider && claims.key_provider_len == 2);
    CHECK(memcmp(claims.key_provider, "{}", 2) == 0);

    for (size_t i = 0; i < PH_LEN(names); i++) {
        uint8_t payload[32], both[96];
        const size_t n = strlen(payloads[i]) / 2;
        CHECK(ph_hex_decode(ph_bytes_str(payloads[i]), payload, n) == PH_OK);
        CHECK(ph_runtime_event_digest(1, ph_bytes_str(names[i]), (struct ph_bytes){payload, n},
                                      digest) == PH_OK);
        memcpy(both, want.r[3], 48);
        memcpy(both + 48, digest, 48);
        ph_sha384(PH_BYTES_OF(both), want.r[3]);
    }
    CHECK(memcmp(want.r[3], claims.rtmrs.r[3], 48) == 0);
    CHECK(filled(claims.rtmrs.r[1], 48, 0) && !filled(claims.rtmrs.r[0], 48, 0));

    boot_until("os-image-hash"); /* a quote asked for during boot */
    CHECK(replay() == PH_OK && claims.has_app_id && claims.boot_done && !claims.system_ready);
    boot_until("boot-mr-done"); /* too early to tell boot and application apart */
    CHECK(replay() == PH_OK && !claims.has_app_id && !claims.has_compose_hash);
    CHECK(filled(claims.app_id, 20, 0) && claims.event_cnt == 5);
    start();
    CHECK(replay() == PH_OK && claims.event_cnt == 0 && !claims.boot_done);
}

TEST(both_versions_may_stand_in_one_log)
{
    start();
    add("{\"imr\":3,\"event_type\":134217729,\"digest\":"
        "\"c9c4e6ecd5ec321b8006330ac06f8c2b94ba402b460354bf26448c4f4df3a4323e932fb518da2f404a3d5b53"
        "1fa1d1e2\",\"event\":\"app-id\","
        "\"event_payload\":\"00FF\",\"version\":2,\"preimage\":\"never \\\"read\\\"\"}");
    CHECK(!refused(PH_OK, PH_CHECK_CNT, 0));
    CHECK(why.check == PH_CHECK_EVENT_IDENTITY); /* the digest was right, the size is not */
    start();
    add("{\"imr\":3,\"event_type\":134217729,\"digest\":"
        "\"c9c4e6ecd5ec321b8006330ac06f8c2b94ba402b460354bf26448c4f4df3a4323e932fb518da2f404a3d5b53"
        "1fa1d1e2\",\"event\":\"app-id\","
        "\"event_payload\":\"00ff\",\"version\":1}");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 0));
    for (int v = 0; v <= 3; v += 3) {
        start();
        add("{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\","
            "\"event_payload\":\"\",\"version\":%d}",
            v);
        CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 0));
    }
}

TEST(a_payload_that_differs_from_its_digest_is_refused)
{
    boot_until(NULL);
    add("{\"imr\":3,\"event_type\":134217729,\"digest\":"
        "\"1e802194a3cf719e9c99f8ab1bb5fa3d2ebc93525822d37f1a06df246cd18de3a80ce9bbed41eac4f8b8a1d2"
        "8092a77f\",\"event\":\"app-id\","
        "\"event_payload\":\"00ff\"}");
    CHECK(replay() == PH_OK);
    char *at = strstr(text, "00ff");
    CHECK(at);
    at[0] = '1';
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 10));

    boot_until(NULL);
    firmware(0, 0x80000007, H48, "4142");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DIGEST, 10));
    boot_until(NULL);
    firmware(0, 0x80000007, H48, ""); /* stripped */
    CHECK(replay() == PH_OK && claims.unrecomputable_cnt == 1);
    boot_until(NULL);
    firmware(0, 0x80000003, H48, "4142"); /* covers code that no log holds */
    CHECK(replay() == PH_OK && claims.unrecomputable_cnt == 1);
    boot_until(NULL);
    firmware(0, 0x80000003, "", "4142");
    CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 10));
    boot_until(NULL);
    firmware(0, 3, "", "4142"); /* EV_NO_ACTION extends nothing */
    CHECK(replay() == PH_OK && claims.event_cnt == 11 && claims.recomputed_cnt == 10);
}

TEST(identity_events_come_once_during_boot_and_mean_nothing_after)
{
    static const char *const once[] = {"system-preparing", "app-id", "compose-hash", "instance-id",
                                       "boot-mr-done"};
    for (size_t i = 0; i < PH_LEN(once); i++) {
        boot_until("os-image-hash");
        runtime(once[i], i == 2 ? H32 : H20);
        CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DUPLICATE, 6));
    }
    static const char *const late[] = {"os-image-hash", "key-provider", "storage-fs"};
    for (size_t i = 0; i < PH_LEN(late); i++) {
        boot_until("system-ready");
        runtime(late[i], H32);
        CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DUPLICATE, 9));
    }
    boot_until(NULL); /* an application that emits what it likes */
    runtime("app-id", "99");
    runtime("compose-hash", "99");
    runtime("boot-mr-done", "");
    runtime("key-provider", "");
    runtime("system-ready", "");
    runtime("a:b", "");
    CHECK(replay() == PH_OK && claims.event_cnt == 16);
    CHECK(filled(claims.app_id, 20, 0x11) && filled(claims.compose_hash, 32, 0x22));
    CHECK(claims.key_provider_len == 2);
}

TEST(the_boot_has_an_order)
{
    static const char *const before_mr[] = {"app-id", "compose-hash", "instance-id"};
    for (size_t i = 0; i < PH_LEN(before_mr); i++) { /* first seen after boot-mr-done */
        start();
        runtime("boot-mr-done", "");
        runtime(before_mr[i], i == 1 ? H32 : H20);
        CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_ORDER, 1));
    }
    start();
    runtime("compose-hash", H32);
    runtime("app-id", H20);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_ORDER, 1));
    start();
    runtime("app-id", H20);
    runtime("system-preparing", "");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_ORDER, 1));
    boot_until("boot-mr-done");
    runtime("system-ready", "");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_ORDER, 5));
    start(); /* several init scripts, then an unknown event */
    runtime("compose-hash", H32);
    runtime("init-script-hash", H32);
    runtime("init-script-hash", H32);
    runtime("something-new", "00");
    runtime("instance-id", ""); /* the app asked for none */
    runtime("boot-mr-done", "");
    CHECK(replay() == PH_OK && claims.has_compose_hash && !claims.has_instance_id);
}

TEST(identity_events_have_their_size)
{
    static const struct {
        const char *name, *payload, *stop;
    } wrong[] = {
        {"app-id", H32, "app-id"},
        {"app-id", "", "app-id"},
        {"compose-hash", H20, "compose-hash"},
        {"instance-id", H32, "instance-id"},
        {"os-image-hash", H20, "os-image-hash"},
        {"key-provider", "", "key-provider"},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        boot_until(wrong[i].stop);
        runtime(wrong[i].name, wrong[i].payload);
        CHECK(replay() == PH_ERR_UNTRUSTED && why.check == PH_CHECK_EVENT_IDENTITY);
    }
    char hex[2 * PH_KEY_PROVIDER_MAX + 3];
    for (size_t over = 0; over < 2; over++) {
        memset(hex, '2', sizeof(hex));
        hex[2 * (PH_KEY_PROVIDER_MAX + over)] = '\0';
        boot_until("key-provider");
        runtime("key-provider", hex);
        CHECK(over ? refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_IDENTITY, 7)
                   : replay() == PH_OK && claims.key_provider_len == PH_KEY_PROVIDER_MAX);
    }
}

/* What an application could do that emits a false identity after the true one, if an event of
 * RTMR3 could be shown by its digest alone. */
TEST(the_true_identity_cannot_be_hidden_behind_a_digest)
{
    start();
    firmware(3, 6, H48, "");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_TYPE, 0));
    for (unsigned imr = 0; imr < 3; imr++) {
        start();
        add("{\"imr\":%u,\"event_type\":134217729,\"digest\":\"\",\"event\":\"app-id\","
            "\"event_payload\":\"" H20 "\"}",
            imr);
        CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_TYPE, 0));
    }
    start(); /* nor behind another reading of name ':' payload */
    runtime("app-id:11", H20);
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_TYPE, 0));
}

TEST(separators_come_once_and_without_error)
{
    boot_until(NULL);
    firmware(1, 4, SEPARATOR, "00000000");
    firmware(2, 4, SEPARATOR, ""); /* stripped */
    CHECK(replay() == PH_OK);
    firmware(0, 4, SEPARATOR, "");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_DUPLICATE, 12));
    boot_until(NULL);
    firmware(1, 4, SEPARATOR, "01000000");
    CHECK(refused(PH_ERR_UNTRUSTED, PH_CHECK_EVENT_SEPARATOR, 10));
}

TEST(members_are_strict)
{
    static const char *const wrong[] = {
        "7",
        "[]",
        "{}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event_payload\":\"\"}",
        "{\"imr\":3,\"event_type\":134217729,\"event\":\"x\",\"event_payload\":\"\"}",
        "{\"imr\":3,\"digest\":\"\",\"event\":\"x\",\"event_payload\":\"\"}",
        "{\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":\"\"}",
        "{\"imr\":4,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"\"}",
        "{\"imr\":-1,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"\"}",
        "{\"imr\":\"3\",\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"\"}",
        "{\"imr\":3,\"event_type\":4429185025,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"00\",\"event\":\"x\",\"event_payload\":"
        "\"\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"0\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"zz\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"0x00\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"\\u0061pp-id\",\"event_"
        "payload\":\"\"}",
        "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"x\",\"event_payload\":"
        "\"\",\"y\":1}",
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        start();
        add("%s", wrong[i]);
        CHECK(refused(PH_ERR_MALFORMED, PH_CHECK_EVENT_FORMAT, 0));
    }
    static const char *const documents[] = {"", "{}", "[", "[{}", "7", "[]x", "[1.5]"};
    for (size_t i = 0; i < PH_LEN(documents); i++)
        CHECK(ph_runtime_log_replay(ph_bytes_str(documents[i]), &claims, &why) ==
                  PH_ERR_MALFORMED &&
              why.check == PH_CHECK_EVENT_FORMAT);
}

TEST(limits_hold)
{
    start();
    while (text_len < PH_EVENT_LOG_MAX - 1)
        text[text_len++] = ' ';
    CHECK(replay() == PH_OK); /* exactly the limit, with the closing bracket */
    text[text_len++] = ' ';
    CHECK(refused(PH_ERR_LIMIT, PH_CHECK_EVENT_FORMAT, 0));

    start();
    for (size_t i = 0; i < PH_EVENT_CNT_MAX; i++)
        runtime("x", "00");
    CHECK(replay() == PH_OK && claims.event_cnt == PH_EVENT_CNT_MAX);
    runtime("x", "00");
    CHECK(replay() == PH_ERR_LIMIT && why.check == PH_CHECK_EVENT_FORMAT);

    static char hex[2 * PH_RUNTIME_PAYLOAD_MAX + 3];
    for (size_t over = 0; over < 2; over++) {
        memset(hex, 'a', sizeof(hex));
        hex[2 * (PH_RUNTIME_PAYLOAD_MAX + over)] = '\0';
        start();
        runtime("x", hex);
        CHECK(over ? refused(PH_ERR_LIMIT, PH_CHECK_EVENT_FORMAT, 0) : replay() == PH_OK);
        hex[PH_RUNTIME_NAME_MAX + over] = '\0';
        start();
        runtime(hex, "");
        CHECK(over ? refused(PH_ERR_LIMIT, PH_CHECK_EVENT_FORMAT, 0) : replay() == PH_OK);
    }
}

PH_TEST_MAIN(CASE(digests_are_those_of_the_format), CASE(a_boot_binds_its_identity),
             CASE(both_versions_may_stand_in_one_log),
             CASE(a_payload_that_differs_from_its_digest_is_refused),
             CASE(identity_events_come_once_during_boot_and_mean_nothing_after),
             CASE(the_boot_has_an_order), CASE(identity_events_have_their_size),
             CASE(the_true_identity_cannot_be_hidden_behind_a_digest),
             CASE(separators_come_once_and_without_error), CASE(members_are_strict),
             CASE(limits_hold))
