/* Project Wycheproof's vectors for ECDSA verification, which are not in this repository: point
 * PHALA_WYCHEPROOF at a folder with its testvectors_v1/ecdsa_*_test.json (https://github.com/
 * C2SP/wycheproof, Apache-2.0). Skips without it. */

#include "crypto/p256.h"
#include "crypto/p384.h"
#include "crypto/test_priv.h"

#include <stdlib.h>

enum { MAX_FILE = 4 << 20, MAX_VALUE = 1 << 17 };

/* The group's key, the last signature and message, and what has been counted. */
struct run {
    size_t len; /* of a scalar */
    bool der;
    uint8_t key[MAX_VALUE], msg[MAX_VALUE], sig[MAX_VALUE];
    size_t key_len, msg_len, sig_len;
    unsigned valid, invalid;
};

static size_t hex_value(const char *text, size_t len, uint8_t out[static MAX_VALUE])
{
    CHECK(len / 2 <= MAX_VALUE);
    CHECK(ph_hex_decode((struct ph_bytes){(const uint8_t *)text, len}, out, len / 2) == PH_OK);
    return len / 2;
}

/* One INTEGER of at most `len` bytes, minimal and positive; NULL if it is not that. */
static const uint8_t *der_integer(const uint8_t *at, const uint8_t *end, uint8_t *out, size_t len)
{
    if (end - at < 3 || at[0] != 0x02 || at[1] == 0 || at[1] > 0x7f || end - at < 2 + at[1])
        return NULL;
    const uint8_t *v = at + 2, *next = v + at[1];
    size_t n = at[1];
    if (v[0] & 0x80 || (n > 1 && v[0] == 0 && !(v[1] & 0x80)))
        return NULL;
    if (v[0] == 0)
        v++, n--;
    if (n > len)
        return NULL;
    memset(out, 0, len);
    memcpy(out + len - n, v, n);
    return next;
}

static bool der_signature(const struct run *r, uint8_t *out)
{
    const uint8_t *at = r->sig, *end = r->sig + r->sig_len;

    if (r->sig_len < 2 || *at++ != 0x30 || at[0] > 0x7f || (size_t)(end - at - 1) != at[0])
        return false;
    at = der_integer(at + 1, end, out, r->len);
    return at && der_integer(at, end, out + r->len, r->len) == end;
}

static bool verifies(const struct run *r)
{
    const struct ph_bytes msg = {r->msg, r->msg_len};
    uint8_t sig[96];

    CHECK(r->key_len == 1 + 2 * r->len && r->key[0] == 4);
    if (r->der) {
        if (!der_signature(r, sig))
            return false;
    } else {
        if (r->sig_len != 2 * r->len)
            return false;
        memcpy(sig, r->sig, r->sig_len);
    }
    if (r->len == 32) {
        struct ph_p256_pub pub;
        CHECK(ph_p256_pub_init(&pub, r->key + 1) == PH_OK);
        const enum ph_err plain = ph_p256_verify(&pub, msg, sig);
        ph_p256_pub_prepare(&pub);
        CHECK(ph_p256_verify(&pub, msg, sig) == plain);
        return plain == PH_OK;
    }
    struct ph_p384_pub pub;
    CHECK(ph_p384_pub_init(&pub, r->key + 1) == PH_OK);
    const enum ph_err plain = ph_p384_verify(&pub, msg, sig);
    ph_p384_pub_prepare(&pub);
    CHECK(ph_p384_verify(&pub, msg, sig) == plain);
    return plain == PH_OK;
}

static void member(struct run *r, struct ph_bytes name, const char *value, size_t len)
{
    if (ph_bytes_equal(name, PH_BYTES_LIT("uncompressed"))) {
        r->key_len = hex_value(value, len, r->key);
    } else if (ph_bytes_equal(name, PH_BYTES_LIT("msg"))) {
        r->msg_len = hex_value(value, len, r->msg);
    } else if (ph_bytes_equal(name, PH_BYTES_LIT("sig"))) {
        r->sig_len = hex_value(value, len, r->sig);
    } else if (ph_bytes_equal(name, PH_BYTES_LIT("result"))) {
        const bool valid = len == 5 && memcmp(value, "valid", 5) == 0;
        CHECK(valid || (len == 7 && memcmp(value, "invalid", 7) == 0));
        if (verifies(r) != valid)
            fail_msg("case %u: we disagree with \"%.*s\"", r->valid + r->invalid + 1, (int)len,
                     value);
        *(valid ? &r->valid : &r->invalid) += 1;
    }
}

/* Every "name": "value" of the file in order, which is all its structure that matters here: a key
 * stands before its cases, and a result ends each. */
static void run_text(struct run *r, const char *text)
{
    for (const char *at = text; (at = strchr(at, '"'));) {
        const char *name = at + 1, *name_end = strchr(name, '"');
        CHECK(name_end != NULL);
        at = name_end + 1;
        if (strncmp(at, ": \"", 3) != 0)
            continue;
        const char *value = at + 3, *end = strchr(value, '"');
        CHECK(end != NULL);
        member(r, (struct ph_bytes){(const uint8_t *)name, (size_t)(name_end - name)}, value,
               (size_t)(end - value));
        at = end + 1;
    }
}

static void run_file(const char *name, size_t len, bool der, unsigned at_least)
{
    const char *dir = getenv("PHALA_WYCHEPROOF");
    char path[4096];

    if (!dir)
        SKIP_BECAUSE("PHALA_WYCHEPROOF is not set: a folder with Wycheproof's testvectors_v1");
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    char *text = malloc(MAX_FILE + 1);
    struct run *r = calloc(1, sizeof(*r));
    CHECK(text && r);
    text[fread(text, 1, MAX_FILE, f)] = 0;
    CHECK(feof(f) && fclose(f) == 0);
    r->len = len;
    r->der = der;
    run_text(r, text);
    print_message("# %s: %u valid, %u invalid\n", name, r->valid, r->invalid);
    CHECK(r->valid >= at_least && r->invalid >= at_least);
    free(text);
    free(r);
}

TEST(p256_p1363)
{
    run_file("ecdsa_secp256r1_sha256_p1363_test.json", 32, false, 50);
}

TEST(p256_der)
{
    run_file("ecdsa_secp256r1_sha256_test.json", 32, true, 50);
}

TEST(p384_p1363)
{
    run_file("ecdsa_secp384r1_sha384_p1363_test.json", 48, false, 50);
}

TEST(p384_der)
{
    run_file("ecdsa_secp384r1_sha384_test.json", 48, true, 50);
}

PH_TEST_MAIN(CASE(p256_p1363), CASE(p256_der), CASE(p384_p1363), CASE(p384_der))
