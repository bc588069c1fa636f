#include "base/own.h"
#include "base/test.h"
#include "crypto/aead.h"
#include "keys/hpke.h"
#include "keys/secret.h"
#include "keys/secrets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOC PH_BYTES_LIT("{\"API_KEY\":\"k\\u00e9y\",\"_x9\":\"\"}")

static char why[128];
static const struct ph_secrets_for any = {0};
/* A set for any bundle: the document after a zero. */
#define SET PH_BYTES_LIT("\0{\"API_KEY\":\"k\\u00e9y\",\"_x9\":\"\"}")

TEST(documents_hold_named_strings_and_nothing_else)
{
    static const char *const good[] = {"{}", "{\"A\":\"\"}", "{\"a_1\":\"x\",\"A\":\"\\n\"}"};
    static const char *const bad[] = {
        "",
        "[]",
        "\"a\"",
        "{\"A\":1}",
        "{\"A\":null}",
        "{\"\":\"\"}",
        "{\"1A\":\"\"}",
        "{\"A-B\":\"\"}",
        "{\"A\":\"\",\"A\":\"\"}",
        "{\"A\":[]}",
        "{\"A\":\"x\"",
        "{\"\\u0041\":\"\"}",
    };

    for (size_t i = 0; i < PH_LEN(good); i++)
        CHECK(ph_secrets_check(ph_bytes_str(good[i]), why) == PH_OK);
    for (size_t i = 0; i < PH_LEN(bad); i++)
        CHECK(ph_secrets_check(ph_bytes_str(bad[i]), why) == PH_ERR_MALFORMED);
}

TEST(a_refusal_never_quotes_a_value)
{
    CHECK(ph_secrets_check(PH_BYTES_LIT("{\"A\":\"hunter2\",\"B\":77777}"), why) ==
          PH_ERR_MALFORMED);
    CHECK(!strstr(why, "hunter2") && !strstr(why, "77777") && strstr(why, "value 2"));
}

/* A document of `cnt` secrets, padded to `len` bytes when that is longer. */
static void document(struct ph_buf *out, size_t cnt, size_t len)
{
    CHECK(ph_buf_add_str(out, "{") == PH_OK);
    for (size_t i = 0; i < cnt; i++)
        CHECK(ph_buf_addf(out, "%s\"N%zu\":\"v\"", i ? "," : "", i) == PH_OK);
    CHECK(ph_buf_add_str(out, "}") == PH_OK);
    while (out->len < len)
        CHECK(ph_buf_add_str(out, " ") == PH_OK);
}

TEST(count_name_and_size_have_limits)
{
    static const struct {
        size_t cnt, len;
        enum ph_err err;
    } cases[] = {{PH_SECRETS_CNT_MAX, 0, PH_OK},
                 {PH_SECRETS_CNT_MAX + 1, 0, PH_ERR_LIMIT},
                 {1, PH_SECRETS_MAX, PH_OK},
                 {1, PH_SECRETS_MAX + 1, PH_ERR_LIMIT}};

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_buf doc PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
        document(&doc, cases[i].cnt, cases[i].len);
        CHECK(ph_secrets_check(ph_buf_view(&doc), why) == cases[i].err);
    }
    for (int len = PH_SECRETS_NAME_MAX; len <= PH_SECRETS_NAME_MAX + 1; len++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "{\"%0*d\":\"\"}", len, 0);
        memset(text + 2, 'a', (size_t)len);
        CHECK((ph_secrets_check(ph_bytes_str(text), why) == PH_OK) == (len == PH_SECRETS_NAME_MAX));
    }
}

TEST(an_envelope_opens_for_its_worker_and_phat_only)
{
    const uint8_t secret[32] = {1, 2, 3}, other[32] = {4};
    const struct ph_phat_id phat = {{5}}, neighbour = {{6}};
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    uint8_t pub[32], out[256];
    size_t len = 0;

    CHECK(ph_x25519_public(secret, pub) == PH_OK);
    CHECK(ph_secrets_seal(pub, &phat, &any, DOC, &envelope, why) == PH_OK);
    CHECK(envelope.len == SET.len + PH_SECRETS_ENVELOPE_OVERHEAD);
    CHECK(ph_secrets_open(secret, &phat, ph_buf_view(&envelope), out, &len, why) == PH_OK);
    CHECK(ph_bytes_equal((struct ph_bytes){out, len}, SET));
    CHECK(ph_secrets_open(secret, &neighbour, ph_buf_view(&envelope), out, &len, why) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_secrets_open(other, &phat, ph_buf_view(&envelope), out, &len, why) ==
          PH_ERR_UNTRUSTED);
    for (size_t n = 0; n < envelope.len; n++)
        CHECK(ph_secrets_open(secret, &phat, (struct ph_bytes){envelope.ptr, n}, out, &len, why) !=
              PH_OK);
}

TEST(what_an_envelope_holds_is_checked_on_both_sides)
{
    const uint8_t secret[32] = {1};
    const struct ph_phat_id phat = {{5}};
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    uint8_t pub[32], raw[64], out[64];
    size_t len = 7;

    CHECK(ph_x25519_public(secret, pub) == PH_OK);
    CHECK(ph_secrets_seal(pub, &phat, &any, PH_BYTES_LIT("[]"), &envelope, why) ==
          PH_ERR_MALFORMED);
    CHECK(envelope.len == 0);
    CHECK(ph_hpke_seal(pub, PH_BYTES_LIT("phala-secrets-v2"), PH_BYTES_OF(phat.b),
                       PH_BYTES_LIT("\0[1]"), raw) == PH_OK);
    CHECK(ph_secrets_open(secret, &phat, (struct ph_bytes){raw, 4 + PH_HPKE_OVERHEAD}, out, &len,
                          why) == PH_ERR_MALFORMED);
    CHECK(len == 7 && out[0] == 0);
}

TEST(a_set_is_for_the_bundles_that_it_names)
{
    const uint8_t secret[32] = {1};
    const struct ph_phat_id phat = {{5}};
    const struct ph_hash32 one = {{1}}, two = {{2}}, three = {{3}};
    const struct ph_secrets_for both = {.cnt = 2, .bundle = {one, two}};
    struct ph_secrets_for got;
    struct ph_bytes document;
    struct ph_buf envelope PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_ENVELOPE_MAX);
    uint8_t pub[32], out[256];
    size_t len = 0;

    CHECK(ph_x25519_public(secret, pub) == PH_OK);
    CHECK(ph_secrets_seal(pub, &phat, &both, DOC, &envelope, why) == PH_OK);
    CHECK(ph_secrets_open(secret, &phat, ph_buf_view(&envelope), out, &len, why) == PH_OK);
    CHECK(ph_secrets_set_parse((struct ph_bytes){out, len}, &got, &document, why) == PH_OK);
    CHECK(ph_bytes_equal(document, DOC) && got.cnt == 2);
    CHECK(ph_secrets_are_for(&got, &one) && ph_secrets_are_for(&got, &two));
    CHECK(!ph_secrets_are_for(&got, &three));
    CHECK(ph_secrets_set_parse(SET, &got, &document, why) == PH_OK && got.cnt == 0);
    CHECK(ph_secrets_are_for(&got, &three));

    for (size_t n = 0; n < len; n++) /* cut anywhere, no set is left of it */
        CHECK(ph_secrets_set_parse((struct ph_bytes){out, n}, &got, &document, why) ==
              PH_ERR_MALFORMED);
    memcpy(out + 33, out + 1, 32);
    CHECK(ph_secrets_set_parse((struct ph_bytes){out, len}, &got, &document, why) ==
          PH_ERR_MALFORMED);
    CHECK(strstr(why, "twice"));
    out[0] = PH_SECRETS_BUNDLES_MAX + 1;
    CHECK(ph_secrets_set_parse((struct ph_bytes){out, len}, &got, &document, why) == PH_ERR_LIMIT);
    const struct ph_secrets_for same = {.cnt = 2, .bundle = {one, one}};
    CHECK(ph_secrets_seal(pub, &phat, &same, DOC, &envelope, why) == PH_ERR_MALFORMED);
}

TEST(stored_secrets_open_for_their_phat_and_sequence_only)
{
    const uint8_t key[32] = {1}, other[32] = {2};
    const struct ph_phat_id phat = {{5}}, neighbour = {{6}};
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(PH_SECRETS_SEALED_MAX);
    uint8_t out[256];
    size_t len = 0;
    uint64_t sequence = 0;
    uint32_t epoch = 0;

    CHECK(ph_secrets_store(key, &phat, 3, 42, SET, &sealed) == PH_OK);
    const struct ph_bytes blob = ph_buf_view(&sealed);
    CHECK(ph_secrets_load(key, &phat, blob, out, &len, &sequence) == PH_OK);
    CHECK(ph_secrets_epoch(blob, &epoch) == PH_OK && epoch == 3);
    CHECK(sequence == 42 && ph_bytes_equal((struct ph_bytes){out, len}, SET));
    CHECK(ph_secrets_load(other, &phat, blob, out, &len, &sequence) == PH_ERR_UNTRUSTED);
    CHECK(ph_secrets_load(key, &neighbour, blob, out, &len, &sequence) == PH_ERR_UNTRUSTED);
    for (size_t i = 0; i < blob.len; i++) {
        sealed.ptr[i] ^= 1;
        CHECK(ph_secrets_load(key, &phat, blob, out, &len, &sequence) ==
              (i == 0 ? PH_ERR_MALFORMED : PH_ERR_UNTRUSTED));
        sealed.ptr[i] ^= 1;
    }
    for (size_t n = 0; n < blob.len; n++)
        CHECK(ph_secrets_load(key, &phat, (struct ph_bytes){blob.ptr, n}, out, &len, &sequence) !=
              PH_OK);
    for (size_t n = 0; n < 25 + 16; n++)
        CHECK(ph_secrets_epoch((struct ph_bytes){blob.ptr, n}, &epoch) == PH_ERR_MALFORMED);
}

TEST(secret_memory_is_empty_in_a_child)
{
    struct ph_secret *s PH_OWNED(ph_secret_freep) = NULL;

    CHECK(ph_secret_new(0, &s) == PH_ERR_LIMIT && ph_secret_new((1 << 20) + 1, &s) == PH_ERR_LIMIT);
    CHECK(ph_secret_new(32, &s) == PH_OK && ph_secret_len(s) == 32);
    for (size_t i = 0; i < 32; i++)
        CHECK(ph_secret_at(s)[i] == 0);
    memset(ph_secret_at(s), 0xaa, 32);

    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        const volatile uint8_t *at = ph_secret_at(s);
        _exit(at[0] == 0 && at[31] == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(ph_secret_at(s)[31] == 0xaa);
}

#if defined(__SANITIZE_ADDRESS__)
#define MLOCK_IS_REAL false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_IS_REAL false
#endif
#endif
#ifndef MLOCK_IS_REAL
#define MLOCK_IS_REAL true
#endif

TEST(secret_memory_is_locked_and_left_out_of_dumps)
{
    struct ph_secret *s PH_OWNED(ph_secret_freep) = NULL;
    char line[512], flags[512] = "";
    bool here = false;

    if (!MLOCK_IS_REAL)
        SKIP_BECAUSE("the sanitizer's runtime replaces mlock by nothing");
    CHECK(ph_secret_new(32, &s) == PH_OK);
    FILE *maps = fopen("/proc/self/smaps", "r");
    CHECK(maps);
    while (fgets(line, sizeof(line), maps)) {
        char *end;
        const unsigned long from = strtoul(line, &end, 16);
        const unsigned long to = *end == '-' ? strtoul(end + 1, NULL, 16) : 0;
        if (to != 0)
            here = from <= (unsigned long)ph_secret_at(s) && (unsigned long)ph_secret_at(s) < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(flags, sizeof(flags), "%s", line);
    }
    (void)fclose(maps);
    if (flags[0] == '\0')
        SKIP_BECAUSE("this kernel shows no VmFlags in /proc/self/smaps");
    CHECK(strstr(flags, " lo") && strstr(flags, " dd") && strstr(flags, " wf"));
}

PH_TEST_MAIN(CASE(documents_hold_named_strings_and_nothing_else),
             CASE(a_refusal_never_quotes_a_value), CASE(count_name_and_size_have_limits),
             CASE(an_envelope_opens_for_its_worker_and_phat_only),
             CASE(what_an_envelope_holds_is_checked_on_both_sides),
             CASE(a_set_is_for_the_bundles_that_it_names),
             CASE(stored_secrets_open_for_their_phat_and_sequence_only),
             CASE(secret_memory_is_empty_in_a_child),
             CASE(secret_memory_is_locked_and_left_out_of_dumps))
