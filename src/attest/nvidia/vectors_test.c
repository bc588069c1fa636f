/* Real evidence: reports and chains that NVIDIA signed are accepted, bad examples are refused for
 * what they are bad for, every change of a byte is refused. Skips without the vectors. */

#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/ocsp.h"
#include "attest/nvidia/verify.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"
#include "codec/jscan.h"

#define SDK "attestation-sdk/"
#define SAMPLE SDK "sample_attestation_data/gpu/"
#define GO "go-nvattest-tools/"

static struct ph_policy policy;
static struct ph_verdict verdict;
static struct ph_trace trace;

/* Everything that the vectors cannot have: manifests of these versions, OCSP responses of the day,
 * the switches beside a GPU. */
static void be_lenient(void)
{
    memset(&policy, 0, sizeof(policy));
    policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    policy.any_measurement = true;
    policy.nvidia.rim_not_required = policy.nvidia.ocsp_not_required = true;
    policy.nvidia.allow_unattested_switches = true;
}

static int64_t seconds(const char *rfc3339)
{
    int64_t s = 0;
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(rfc3339), &s) == PH_OK);
    return s;
}

static enum ph_err judge_with(struct ph_nvidia_args args, struct ph_bytes evidence,
                              struct ph_bytes chain)
{
    static struct ph_attest_roots roots;
    uint8_t nonce[32] = {0};
    roots = ph_attest_roots_production();
    /* What the report says it was asked for: that another nonce refuses is tested apart. */
    (void)!ph_nvidia_peek_nonce(evidence, nonce);
    args.evidence = evidence;
    args.chain_pem = chain;
    args.nonce = nonce;
    args.roots = &roots;
    args.policy = &policy;
    args.trace = &trace;
    if (args.now_s == 0)
        args.now_s = seconds("2025-08-21T12:00:00Z");
    return ph_nvidia_verify(&args, &verdict);
}

static enum ph_err judge(struct ph_bytes evidence, struct ph_bytes chain)
{
    return judge_with((struct ph_nvidia_args){0}, evidence, chain);
}

/* clang-format off */
static const struct {
    const char *report, *chain; /* chain NULL: the report is JSON */
    bool hex;
    enum ph_check check; /* that refuses; PH_CHECK_CNT: none */
    enum ph_nvidia_arch arch;
    const char *driver, *vbios;
} rows[] = {
    {SDK "evidence_hopper_590_12.json", NULL, false, PH_CHECK_CNT, PH_NVIDIA_HOPPER, "590.12", "96.00.A5.00.01"},
    {"veraison/scheme/nvidia/testdata/blackwell-evidence.json", NULL, false, PH_CHECK_CNT, PH_NVIDIA_BLACKWELL, "590.48.01", "97.00.E4.00.11"},
    {SDK "hopperAttestationReport.txt", SDK "hopperCertChain.txt", true, PH_CHECK_CNT, PH_NVIDIA_HOPPER, "580.159.03", "96.00.74.00.20"},
    {SAMPLE "hopperAttestationReport.txt", SAMPLE "hopperCertChain.txt", true, PH_CHECK_CNT, PH_NVIDIA_HOPPER, "535.86.09", "96.00.5E.00.01"},
    {SAMPLE "hopperAttestationReportExpired.txt", SAMPLE "hopperCertChainExpired.txt", true, PH_CHECK_CNT, PH_NVIDIA_HOPPER, "570.124.03", "96.00.5E.00.04"},
    {SAMPLE "hopperAttestationReportInvalidSignature.txt", SAMPLE "hopperCertChain.txt", true, PH_CHECK_NV_SIGNATURE, PH_NVIDIA_HOPPER, NULL, NULL},
    {GO "test_raw_switch_attestation_report.dat", GO "test_switch_attestation_certificate_chain.dat", false, PH_CHECK_NV_SIGNATURE, PH_NVIDIA_LS10, NULL, NULL},
    {GO "test_raw_gpu_attestation_report.dat", SDK "hopperCertChain.txt", false, PH_CHECK_NV_SIGNATURE, PH_NVIDIA_HOPPER, NULL, NULL},
};
/* clang-format on */

TEST(each_report_is_judged_as_its_makers_say)
{
    size_t wrong = 0;
    be_lenient();
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_buf report PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", rows[i].report);
        if (rows[i].hex)
            report = ph_test_vector_unhex(report);
        struct ph_buf chain PH_OWNED(ph_buf_clear) =
            rows[i].chain ? ph_test_vector("nvidia/%s", rows[i].chain) : PH_BUF(0);
        const enum ph_err err = judge(ph_buf_view(&report), ph_buf_view(&chain));
        const struct ph_nvidia_device *d = &verdict.claims.nvidia.device[0];
        bool good = verdict.check == rows[i].check && (err == PH_OK) == verdict.accepted;
        if (err == PH_OK)
            good = good && rows[i].driver && d->arch == rows[i].arch &&
                   strcmp(d->driver, rows[i].driver) == 0 && strcmp(d->vbios, rows[i].vbios) == 0 &&
                   verdict.claims.nvidia.device_cnt == 1 && !verdict.claims.nvidia.measured &&
                   !verdict.claims.nvidia.revocation_checked && !verdict.insecure_simulator;
        if (!good) {
            print_message("# %s: %s %s %s %s\n", rows[i].report, ph_err_name(err), verdict.reason,
                          d->driver, d->vbios);
            wrong++;
        }
    }
    CHECK(wrong == 0);
}

/* Google's sets of a whole machine, in the form of NVIDIA's SDK: one nonce, GPUs, switches. */
static struct ph_jtok toks[4096];

static void put_text(const struct ph_jdoc *doc, uint32_t tok, struct ph_buf *out)
{
    struct ph_bytes text = {0};
    CHECK(tok && ph_jscan_str(doc, tok, &text) == PH_OK);
    CHECK(ph_buf_add(out, text) == PH_OK);
}

static void put_chain(const struct ph_jdoc *doc, uint32_t list, struct ph_buf *out)
{
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    for (uint32_t t = list + 1; t < doc->toks[list].next; t = doc->toks[t].next) {
        struct ph_bytes text;
        CHECK(ph_jscan_str(doc, ph_jscan_get(doc, t, "pem"), &text) == PH_OK);
        CHECK(ph_base64_decode(text, &pem) == PH_OK && ph_buf_add_str(&pem, "\n") == PH_OK);
    }
    CHECK(ph_base64_encode(ph_buf_view(&pem), out) == PH_OK);
}

/* Append devices first..last of a list to evidence. */
static void put_devices(const struct ph_jdoc *doc, const char *kind, const char *arch, size_t first,
                        size_t last, struct ph_buf *out)
{
    const bool gpu = kind[0] == 'g';
    const uint32_t list = ph_jscan_get(doc, 0, kind);
    size_t i = 0;
    CHECK(list);
    for (uint32_t t = list + 1; t < doc->toks[list].next; t = doc->toks[t].next, i++) {
        if (i < first || i > last)
            continue;
        CHECK(ph_buf_addf(out, "%s{\"arch\":\"%s\",\"evidence\":\"", out->len > 1 ? "," : "",
                          arch) == PH_OK);
        const uint32_t report =
            ph_jscan_get(doc, t, gpu ? "AttestationReport" : "attestation_report");
        put_text(doc, ph_jscan_get(doc, report, "py/b64"), out);
        CHECK(ph_buf_add_str(out, "\",\"certificate\":\"") == PH_OK);
        uint32_t chain = ph_jscan_get(doc, t, gpu ? "CertificateChains" : "attestation_cert_chain");
        if (gpu)
            chain = ph_jscan_get(doc, chain, "GpuAttestationCertificateChain");
        put_chain(doc, chain, out);
        CHECK(ph_buf_add_str(out, "\"}") == PH_OK);
    }
}

static struct ph_buf make_set(const char *rel, const char *arch, size_t gpus, size_t first_switch,
                              size_t switches)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = ph_test_vector("nvidia/%s", rel);
    struct ph_buf out = PH_BUF(1 << 20);
    struct ph_jdoc doc;
    CHECK(ph_jscan(ph_buf_view(&text), toks, PH_LEN(toks), &doc) == PH_OK);
    CHECK(ph_buf_add_str(&out, "[") == PH_OK);
    if (gpus)
        put_devices(&doc, "gpus", arch, 0, gpus - 1, &out);
    if (switches)
        put_devices(&doc, "nvswitches", "LS10", first_switch, first_switch + switches - 1, &out);
    CHECK(ph_buf_add_str(&out, "]") == PH_OK);
    return out;
}

TEST(whole_machines_are_accepted)
{
    const struct ph_bytes none = {0};
    struct ph_buf mpt PH_OWNED(ph_buf_clear) =
        make_set(GO "test_mpt_data.json", "BLACKWELL", 8, 0, 0);
    struct ph_buf pcie PH_OWNED(ph_buf_clear) =
        make_set(GO "test_ppcie_data.json", "HOPPER", 8, 0, 4);
    struct ph_buf part PH_OWNED(ph_buf_clear) =
        make_set(GO "test_ppcie_data.json", "HOPPER", 8, 1, 3);
    struct ph_buf gpus PH_OWNED(ph_buf_clear) =
        make_set(GO "test_ppcie_data.json", "HOPPER", 8, 0, 0);

    be_lenient();
    policy.nvidia.allow_unattested_switches = false;
    policy.nvidia.min_devices = 8;
    CHECK(judge(ph_buf_view(&mpt), none) == PH_OK);
    CHECK(verdict.claims.nvidia.device_cnt == 8);
    policy.nvidia.min_devices = 12;
    CHECK(judge(ph_buf_view(&pcie), none) == PH_OK);
    CHECK(verdict.claims.nvidia.device_cnt == 12);
    CHECK(verdict.claims.nvidia.device[11].arch == PH_NVIDIA_LS10);
    policy.nvidia.min_devices = 0;
    CHECK(judge(ph_buf_view(&part), none) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_POLICY_NV_SWITCHES);
    CHECK(judge(ph_buf_view(&gpus), none) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_POLICY_NV_SWITCHES);
    policy.nvidia.allow_unattested_switches = true;
    CHECK(judge(ph_buf_view(&gpus), none) == PH_OK);
}

TEST(devices_of_two_conversations_or_twice_the_same_are_refused)
{
    const struct ph_bytes none = {0};
    struct ph_buf set PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_buf one PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" SDK "evidence_hopper_590_12.json");
    struct ph_buf other PH_OWNED(ph_buf_clear) =
        make_set(GO "test_ppcie_data.json", "HOPPER", 1, 0, 0);

    be_lenient();
    one.len = (size_t)((uint8_t *)memrchr(one.ptr, ']', one.len) - one.ptr);
    CHECK(ph_buf_add(&set, ph_buf_view(&one)) == PH_OK && ph_buf_add_str(&set, ",") == PH_OK);
    CHECK(ph_buf_add(&set, (struct ph_bytes){other.ptr + 1, other.len - 1}) == PH_OK);
    CHECK(judge(ph_buf_view(&set), none) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_NV_SAME_NONCE);
    set.len = 0;
    CHECK(ph_buf_add(&set, ph_buf_view(&one)) == PH_OK && ph_buf_add_str(&set, ",") == PH_OK);
    CHECK(ph_buf_add(&set,
                     (struct ph_bytes){(uint8_t *)memchr(one.ptr, '{', one.len),
                                       one.len - (size_t)((uint8_t *)memchr(one.ptr, '{', one.len) -
                                                          one.ptr)}) == PH_OK);
    CHECK(ph_buf_add_str(&set, "]") == PH_OK);
    CHECK(judge(ph_buf_view(&set), none) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_NV_DUPLICATE);
}

TEST(every_change_of_a_real_report_is_refused)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) =
        ph_test_vector_unhex(ph_test_vector("nvidia/" SDK "hopperAttestationReport.txt"));
    struct ph_buf chain PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" SDK "hopperCertChain.txt");
    struct ph_nvidia_args args = {.nonce_unchecked = true};
    be_lenient();
    for (size_t i = 0; i < report.len; i += 47) {
        report.ptr[i] ^= 1;
        CHECK(judge_with(args, ph_buf_view(&report), ph_buf_view(&chain)) != PH_OK);
        report.ptr[i] ^= 1;
    }
    CHECK(judge_with(args, ph_buf_view(&report), ph_buf_view(&chain)) == PH_OK);
}

/* The one real report whose manifests are published has no published chain: its signature cannot be
 * judged here, its measurements can. */
TEST(measurements_of_a_real_report_are_those_of_its_real_manifests)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" GO "test_raw_gpu_attestation_report.dat");
    struct ph_buf chain PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" SDK "hopperCertChain.txt");
    struct ph_buf driver PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" GO "rim/NV_GPU_DRIVER_GH100_550.90.07.xml");
    struct ph_buf vbios PH_OWNED(ph_buf_clear) =
        ph_test_vector("nvidia/" GO "rim/NV_GPU_VBIOS_1010_0200_882_96009F0001.xml");
    const struct ph_bytes rims[] = {ph_buf_view(&vbios), ph_buf_view(&driver)};
    struct ph_nvidia_args args = {.rims = rims, .rim_cnt = 2};

    be_lenient();
    policy.nvidia.rim_not_required = false;
    CHECK(judge_with(args, ph_buf_view(&report), ph_buf_view(&chain)) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_NV_SIGNATURE && verdict.status == PH_TCB_UNKNOWN);
    static const enum ph_check pass[] = {PH_CHECK_NV_RIM_PRESENT,    PH_CHECK_NV_RIM_CHAIN,
                                         PH_CHECK_NV_RIM_ROOT,       PH_CHECK_NV_RIM_SIGNATURE,
                                         PH_CHECK_NV_RIM_NOT_AFTER,  PH_CHECK_NV_CONFLICT,
                                         PH_CHECK_NV_RIM_NOT_BEFORE, PH_CHECK_NV_MEASUREMENTS};
    for (size_t i = 0; i < PH_LEN(pass); i++)
        CHECK(trace.check[pass[i]].result == PH_TRACE_PASS);
    /* Block 2 is index 1, which the driver's manifest lists. */
    report.ptr[45 + 55 + 7] ^= 1;
    CHECK(judge_with(args, ph_buf_view(&report), ph_buf_view(&chain)) == PH_ERR_UNTRUSTED);
    CHECK(trace.check[PH_CHECK_NV_MEASUREMENTS].result == PH_TRACE_FAIL);
}

PH_TEST_MAIN(CASE(whole_machines_are_accepted),
             CASE(devices_of_two_conversations_or_twice_the_same_are_refused),
             CASE(every_change_of_a_real_report_is_refused),
             CASE(measurements_of_a_real_report_are_those_of_its_real_manifests),
             CASE(each_report_is_judged_as_its_makers_say))
