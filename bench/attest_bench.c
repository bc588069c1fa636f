/* What judging a quote costs: one JSON object a line, one thread. Run by hand; not a test.
 *
 *   attest_bench [VECTORS/intel/SET VERIFY_AT]     default: synthetic evidence
 *
 *   parse    an 8,000-byte quote, taken apart
 *   cold     collateral parsed, chain verified, quote judged, each time
 *   warm     collateral and chain held: two signature checks
 *   verify   one P-256 verification, for comparison
 */

#include "attest/intel_quote.h"
#include "attest/synth.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/own.h"
#include "crypto/p256.h"

#include <stdio.h>
#include <stdlib.h>

struct input {
    struct ph_buf file[7];
    struct ph_synth_pki *pki;
    struct ph_buf quote;
    struct ph_collateral_parts parts;
    struct ph_attest_roots roots;
    int64_t now_s;
};

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "attest_bench: %s\n", what);
    exit(2);
}

static void load(const char *dir, const char *name, struct ph_buf *out)
{
    char path[4096];
    uint8_t *at;
    size_t n;

    *out = PH_BUF(1 << 20);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        die(path);
    do {
        if (ph_buf_reserve(out, 4096, &at) != PH_OK)
            die(path);
        n = fread(at, 1, 4096, f);
        out->len += n;
    } while (n > 0);
    (void)fclose(f);
}

static void load_set(struct input *in, const char *dir, const char *at)
{
    static const char *const names[] = {
        "tcb_info.signed.json",  "tcb_info_chain.pem", "qe_identity.signed.json",
        "qe_identity_chain.pem", "pck_crl.der",        "root_ca_crl.der"};
    for (size_t i = 0; i < PH_LEN(names); i++)
        load(dir, names[i], &in->file[i]);
    load(dir, "quote.bin", &in->quote);
    in->parts = (struct ph_collateral_parts){
        .tcb_info_json = ph_buf_view(&in->file[0]),
        .tcb_info_chain_pem = ph_buf_view(&in->file[1]),
        .qe_identity_json = ph_buf_view(&in->file[2]),
        .qe_identity_chain_pem = ph_buf_view(&in->file[3]),
        .pck_crl = ph_buf_view(&in->file[4]),
        .root_ca_crl = ph_buf_view(&in->file[5]),
    };
    in->roots = ph_attest_roots_production();
    if (ph_time_parse_rfc3339(ph_bytes_str(at), &in->now_s) != PH_OK)
        die("VERIFY_AT: expected a time like 2025-06-19T10:32:27Z");
}

static void make_set(struct input *in)
{
    static const uint8_t seed[32] = "bench";
    struct ph_synth s;
    struct ph_tdx_body td;

    in->now_s = 1750000000;
    in->quote = PH_BUF(PH_QUOTE_MAX);
    if (ph_synth_defaults(&s, seed, in->now_s) != PH_OK || ph_synth_pki_new(&s, &in->pki) != PH_OK)
        die("no synthetic evidence");
    ph_synth_tdx_body(&s, &td);
    s.padding = 8000 - 4400;
    if (ph_synth_tdx_quote(&s, in->pki, &td, NULL, &in->quote) != PH_OK)
        die("no synthetic quote");
    in->parts = ph_synth_pki_parts(in->pki);
    in->roots.cnt = 1;
    ph_synth_pki_root(in->pki, in->roots.key[0]);
}

static void report(const char *what, int64_t ns, size_t rounds, const char *note)
{
    (void)printf(
        "{\"bench\":\"attest\",\"what\":\"%s\",\"rounds\":%zu,\"us\":%.3f,\"note\":\"%s\"}\n", what,
        rounds, (double)ns / 1000.0 / (double)rounds, note);
}

static void judge(const struct input *in, const struct ph_collateral *c,
                  struct ph_chain_cache *cache, const struct ph_policy *policy)
{
    struct ph_verdict v;
    const struct ph_verify_args args = {.quote = ph_buf_view(&in->quote),
                                        .collateral = c,
                                        .roots = &in->roots,
                                        .policy = policy,
                                        .report_data_unchecked = true,
                                        .now_s = in->now_s,
                                        .cache = cache};
    if (ph_quote_verify_with(&args, &v) != PH_OK)
        die(v.sentence);
}

static void bench_parse(const struct input *in)
{
    const size_t rounds = 200000;
    struct ph_intel_quote q;
    enum ph_check failed;
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        if (ph_intel_quote_parse(ph_buf_view(&in->quote), &q, &failed) != PH_OK ||
            !ph_intel_quote_padding_is_zero(&q))
            die("the quote does not parse");
    }
    report("parse", ph_clock_mono_ns() - start, rounds, "quote taken apart, padding checked");
}

static void bench_cold(const struct input *in, const struct ph_policy *policy)
{
    const size_t rounds = 1000;
    struct ph_json_why why;
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
        if (ph_collateral_parse(&in->parts, &c, &why) != PH_OK)
            die(why.text);
        judge(in, c, NULL, policy);
    }
    report("cold", ph_clock_mono_ns() - start, rounds, "10 signature checks");
}

static void bench_warm(const struct input *in, const struct ph_policy *policy)
{
    const size_t rounds = 5000;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_chain_cache *cache = NULL;
    struct ph_json_why why;

    if (ph_collateral_parse(&in->parts, &c, &why) != PH_OK ||
        ph_chain_cache_new(16, &cache) != PH_OK)
        die(why.text);
    judge(in, c, cache, policy);
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++)
        judge(in, c, cache, policy);
    report("warm", ph_clock_mono_ns() - start, rounds, "2 signature checks");
    ph_chain_cache_free(cache);
}

static void bench_verify(void)
{
    static const uint8_t secret[32] = {1}, digest[32] = {2};
    const size_t rounds = 10000;
    uint8_t key[64], sig[64];
    struct ph_p256_pub *pub = NULL;

    if (ph_p256_public(secret, key) != PH_OK || ph_p256_pub_new(key, &pub) != PH_OK ||
        ph_p256_sign_digest(secret, digest, sig) != PH_OK)
        die("no key");
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        if (ph_p256_verify_digest(pub, digest, sig) != PH_OK)
            die("a good signature does not verify");
    }
    report("verify", ph_clock_mono_ns() - start, rounds, "one P-256 verification");
    ph_p256_pub_free(pub);
}

int main(int argc, char **argv)
{
    struct input in = {0};
    struct ph_policy policy = *ph_policy_builtin_hardware();

    policy.statuses = UINT32_MAX;
    if (argc == 3)
        load_set(&in, argv[1], argv[2]);
    else if (argc == 1)
        make_set(&in);
    else
        die("usage: attest_bench [SET VERIFY_AT]");
    bench_parse(&in);
    bench_cold(&in, &policy);
    bench_warm(&in, &policy);
    bench_verify();
    for (size_t i = 0; i < PH_LEN(in.file); i++)
        ph_buf_clear(&in.file[i]);
    ph_buf_clear(&in.quote);
    ph_synth_pki_free(in.pki);
    return 0;
}
