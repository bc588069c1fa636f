/* What judging a quote costs: one JSON object a line, one thread unless
 * it says so. Run by hand; not a test.
 *
 *   attest_bench [VECTORS/intel/SET VERIFY_AT]     default: synthetic evidence
 *
 *   parse    an 8,000-byte quote, taken apart
 *   cold     collateral parsed, chain verified, quote judged, each time
 *   warm     collateral and chain held: two signature checks
 *   batch    the same for 2,000 quotes in one call, on 1 and on 2 threads, and the speed-up
 *   snp_cold an SEV-SNP report with its VCEK, ASK, ARK and CRL: four RSA-4096 checks, one P-384
 *   snp_warm the chain held: one P-384 check
 *   nvidia   evidence of 1 and of 8 GPUs of one machine: certificates and report, without manifests
 *            and OCSP; the 8 share the certificates of their authorities
 *   p256_…, p384_…   one verification, with the key made for it (fresh) or kept (prepared), for
 *            comparison; crypto_bench has libcrypto's beside them
 */

#include "attest/amd/snp.h"
#include "attest/amd/snp_synth.h"
#include "attest/batch.h"
#include "attest/intel/quote.h"
#include "attest/intel/verify.h"
#include "attest/nvidia/synth_nvidia.h"
#include "attest/nvidia/verify.h"
#include "attest/synth/synth.h"
#include "attest/synth/synth_rsa.h"
#include "base/clock.h"
#include "base/own.h"
#include "crypto/p256.h"
#include "crypto/p384.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* Processor time of this program: on a machine with other work the clock says little. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0)
        die("no processor clock");
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void report(const char *what, int64_t ns, size_t rounds, const char *note)
{
    (void)printf(
        "{\"bench\":\"attest\",\"what\":\"%s\",\"rounds\":%zu,\"us\":%.3f,\"note\":\"%s\"}\n", what,
        rounds, (double)ns / 1000.0 / (double)rounds, note);
}

static void judge(const struct input *in, const struct ph_collateral *c,
                  struct ph_attest_cache *cache, const struct ph_policy *policy)
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
    const int64_t start = cpu_ns();
    for (size_t i = 0; i < rounds; i++) {
        struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
        if (ph_collateral_parse(&in->parts, &c, &why) != PH_OK)
            die(why.text);
        judge(in, c, NULL, policy);
    }
    report("cold", cpu_ns() - start, rounds, "10 signature checks");
}

static void bench_warm(const struct input *in, const struct ph_policy *policy)
{
    const size_t rounds = 5000;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_attest_cache *cache = NULL;
    struct ph_json_why why;

    if (ph_collateral_parse(&in->parts, &c, &why) != PH_OK ||
        ph_attest_cache_new(16, &cache) != PH_OK)
        die(why.text);
    judge(in, c, cache, policy);
    const int64_t start = cpu_ns();
    for (size_t i = 0; i < rounds; i++)
        judge(in, c, cache, policy);
    report("warm", cpu_ns() - start, rounds, "2 signature checks");
    ph_attest_cache_free(cache);
}

/* Of a quote in a batch, microseconds: by the clock, and of all processors together. */
struct batch_cost {
    double wall, cpu;
};

static void batch_once(const struct ph_batch_args *args, struct ph_verdict *verdicts,
                       struct batch_cost *best)
{
    const int64_t wall = ph_clock_mono_ns(), cpu = cpu_ns();

    if (ph_quote_verify_batch(args, verdicts, NULL) != PH_OK)
        die(verdicts[0].sentence);
    const double scale = 1000.0 * (double)args->item_cnt;
    const double w = (double)(ph_clock_mono_ns() - wall) / scale;
    const double c = (double)(cpu_ns() - cpu) / scale;
    best->wall = best->wall == 0 || w < best->wall ? w : best->wall;
    best->cpu = best->cpu == 0 || c < best->cpu ? c : best->cpu;
}

/* Best of several rounds each, in turn. On a machine whose processors have other work the clock
 * says little: processor time that does not grow with the threads says that they do not wait for
 * each other. */
static void bench_batch(const struct input *in, const struct ph_policy *policy)
{
    enum { QUOTES = 2000, ROUNDS = 8 };
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    struct ph_batch_item *item PH_OWNED(ph_freep) = calloc(QUOTES, sizeof(*item));
    struct ph_verdict *verdict PH_OWNED(ph_freep) = calloc(QUOTES, sizeof(*verdict));
    struct batch_cost one = {0}, two = {0};
    struct ph_json_why why = {"out of memory"};

    if (!item || !verdict || ph_collateral_parse(&in->parts, &c, &why) != PH_OK ||
        ph_attest_cache_new(64, &cache) != PH_OK)
        die(why.text);
    for (size_t i = 0; i < QUOTES; i++)
        item[i] =
            (struct ph_batch_item){.quote = ph_buf_view(&in->quote), .report_data_unchecked = true};
    struct ph_batch_args args = {.item = item,
                                 .item_cnt = QUOTES,
                                 .collateral = c,
                                 .roots = &in->roots,
                                 .policy = policy,
                                 .now_s = in->now_s,
                                 .cache = cache};
    for (size_t round = 0; round < ROUNDS; round++) {
        args.thread_cnt = 1;
        batch_once(&args, verdict, &one);
        args.thread_cnt = 2;
        batch_once(&args, verdict, &two);
    }
    (void)printf("{\"bench\":\"attest\",\"what\":\"batch\",\"quotes\":%d,\"us_1_thread\":%.3f,"
                 "\"us_2_threads\":%.3f,\"speedup\":%.3f,\"cpu_us_1_thread\":%.3f,"
                 "\"cpu_us_2_threads\":%.3f,\"note\":\"per quote, best of %d\"}\n",
                 QUOTES, one.wall, two.wall, one.wall / two.wall, one.cpu, two.cpu, ROUNDS);
}

static void snp_rounds(const char *what, const struct ph_snp_args *args, size_t rounds,
                       const char *note)
{
    struct ph_verdict v;
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        if (ph_snp_verify(args, &v) != PH_OK)
            die(v.sentence);
    }
    report(what, ph_clock_mono_ns() - start, rounds, note);
}

static void bench_snp(const struct ph_policy *policy)
{
    struct ph_synth_snp_keys keys PH_OWNED(ph_synth_snp_keys_clear) = {0};
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(8192), vek PH_OWNED(ph_buf_clear) = raw;
    struct ph_buf chain PH_OWNED(ph_buf_clear) = raw, crl PH_OWNED(ph_buf_clear) = raw;
    struct ph_attest_roots roots = {.pin_cnt = 1, .pin = {{.maker = PH_ROOT_AMD_MILAN}}};
    struct ph_synth_snp s;

    if (ph_synth_snp_keys_new(&keys) != PH_OK || ph_attest_cache_new(8, &cache) != PH_OK)
        die("no keys");
    ph_synth_snp_defaults(&s, &keys, PH_SNP_MILAN, 3, false, 1750000000);
    if (ph_synth_snp_report(&s, &raw) != PH_OK || ph_synth_snp_vek(&s, &vek) != PH_OK ||
        ph_synth_snp_ask(&s, &chain) != PH_OK || ph_synth_snp_ark(&s, &chain) != PH_OK ||
        ph_synth_snp_crl(&s, &crl) != PH_OK ||
        ph_synth_rsa_pin(keys.ark, roots.pin[0].spki_sha256) != PH_OK)
        die("no synthetic report");
    struct ph_snp_args args = {.report = ph_buf_view(&raw),
                               .vek = ph_buf_view(&vek),
                               .chain_pem = ph_buf_view(&chain),
                               .crl = ph_buf_view(&crl),
                               .roots = &roots,
                               .policy = policy,
                               .report_data_unchecked = true,
                               .now_s = 1750000000};
    snp_rounds("snp_cold", &args, 1000, "4 RSA-4096 checks, 1 P-384 check");
    args.cache = cache;
    snp_rounds("snp_warm", &args, 5000, "1 P-384 check");
}

static void bench_nvidia(size_t gpus, const char *what, const char *note)
{
    const size_t rounds = 200 / gpus;
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_synth_nv_device *gpu PH_OWNED(ph_freep) = calloc(1, sizeof(*gpu));
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    struct ph_verdict *v PH_OWNED(ph_freep) = calloc(1, sizeof(*v));
    struct ph_attest_roots roots = {.pin_cnt = 1};
    struct ph_buf shared[3] = {PH_BUF(8192), PH_BUF(8192), PH_BUF(8192)};

    if (!gpu || !policy || !v || ph_synth_nv_root(roots.pin[0].spki_sha256) != PH_OK)
        die("no GPU");
    roots.pin[0].maker = PH_ROOT_NVIDIA_DEVICE;
    *policy = *ph_policy_builtin_hardware();
    policy->nvidia.rim_not_required = policy->nvidia.ocsp_not_required = true;
    for (size_t i = 0; i < gpus; i++) {
        ph_synth_nv_device_init(gpu, PH_NVIDIA_HOPPER, (uint8_t)i);
        for (size_t c = 0; c < PH_LEN(shared); c++) {
            if (shared[c].len == 0 && ph_synth_nv_cert(gpu, 2 + c, &shared[c]) != PH_OK)
                die("no certificate of an authority");
            gpu->ready[2 + c] = ph_buf_view(&shared[c]);
        }
        if (ph_buf_add_str(&evidence, i == 0 ? "[" : ",") != PH_OK ||
            ph_synth_nv_item(gpu, &evidence) != PH_OK)
            die("no evidence of a GPU");
    }
    if (ph_buf_add_str(&evidence, "]") != PH_OK)
        die("no evidence of a GPU");
    const struct ph_nvidia_args args = {.evidence = ph_buf_view(&evidence),
                                        .nonce = gpu->report.nonce,
                                        .roots = &roots,
                                        .policy = policy,
                                        .now_s = 1750000000};
    const int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        if (ph_nvidia_verify(&args, v) != PH_OK)
            die(v->sentence);
    }
    report(what, ph_clock_mono_ns() - start, rounds, note);
    for (size_t c = 0; c < PH_LEN(shared); c++)
        ph_buf_clear(&shared[c]);
}

static const uint8_t bench_secret[48] = {1}, bench_digest[48] = {2};

static void must(enum ph_err err)
{
    if (err != PH_OK)
        die("a good signature does not verify");
}

static void bench_p256(void)
{
    const size_t rounds = 10000;
    uint8_t xy[PH_P256_PUB_LEN], sig[PH_P256_SIG_LEN];
    struct ph_p256_pub pub;

    must(ph_p256_public(bench_secret, xy));
    must(ph_p256_sign_digest(bench_secret, bench_digest, sig));
    int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        must(ph_p256_pub_init(&pub, xy));
        must(ph_p256_verify_digest(&pub, bench_digest, sig));
    }
    report("p256_fresh", ph_clock_mono_ns() - start, rounds, "key made, one verification");
    ph_p256_pub_prepare(&pub);
    start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++)
        must(ph_p256_verify_digest(&pub, bench_digest, sig));
    report("p256_prepared", ph_clock_mono_ns() - start, rounds, "one verification, key kept");
}

static void bench_p384(void)
{
    const size_t rounds = 4000;
    uint8_t xy[PH_P384_PUB_LEN], sig[PH_P384_SIG_LEN];
    struct ph_p384_pub pub;

    must(ph_p384_public(bench_secret, xy));
    must(ph_p384_sign_digest(bench_secret, bench_digest, sig));
    int64_t start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++) {
        must(ph_p384_pub_init(&pub, xy));
        must(ph_p384_verify_digest(&pub, bench_digest, sig));
    }
    report("p384_fresh", ph_clock_mono_ns() - start, rounds, "key made, one verification");
    ph_p384_pub_prepare(&pub);
    start = ph_clock_mono_ns();
    for (size_t i = 0; i < rounds; i++)
        must(ph_p384_verify_digest(&pub, bench_digest, sig));
    report("p384_prepared", ph_clock_mono_ns() - start, rounds, "one verification, key kept");
}

int main(int argc, char **argv)
{
    struct input in = {0};
    struct ph_policy policy = *ph_policy_builtin_hardware();

    policy.statuses = UINT32_MAX;
    const bool intel_only = argc == 4 && strcmp(argv[3], "intel") == 0;
    if (argc == 3 || intel_only)
        load_set(&in, argv[1], argv[2]);
    else if (argc == 1)
        make_set(&in);
    else
        die("usage: attest_bench [SET VERIFY_AT [intel]]");
    bench_parse(&in);
    bench_cold(&in, &policy);
    bench_warm(&in, &policy);
    if (!intel_only) {
        bench_batch(&in, &policy);
        bench_snp(&policy);
        bench_nvidia(1, "nvidia_1", "cold: 6 signature checks");
        bench_nvidia(8, "nvidia_8", "3 signature checks for each GPU, and 3 for all");
        bench_p256();
        bench_p384();
    }
    for (size_t i = 0; i < PH_LEN(in.file); i++)
        ph_buf_clear(&in.file[i]);
    ph_buf_clear(&in.quote);
    ph_synth_pki_free(in.pki);
    return 0;
}
