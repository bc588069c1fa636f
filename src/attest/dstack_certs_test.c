/* Certificates that a SEV-SNP guest of dstack's sends beside its report: used in every form and
 * order in which they come, and nothing else is taken for one. */

#include "attest/amd/snp_spec.h"
#include "attest/amd/snp_world.h"
#include "attest/dstack_doc.h"
#include "attest/evidence.h"
#include "attest/test_dstack.h"
#include "base/own.h"
#include "codec/base64.h"

enum { VEK, ASK, ARK, CERTS };
static struct snp_world world;
static struct snp_evidence evidence; /* the report, with a table behind it */
static struct ph_buf cert[CERTS], pem[CERTS];
static struct ph_json_why why;

static struct ph_bytes report(void)
{
    return (struct ph_bytes){evidence.report.ptr, PH_SNP_REPORT_LEN};
}

static struct ph_bytes table(void)
{
    return (struct ph_bytes){evidence.report.ptr + PH_SNP_REPORT_LEN,
                             evidence.report.len - PH_SNP_REPORT_LEN};
}

static void start(bool vlek)
{
    snp_evidence_clear(&evidence);
    snp_world_init(&world, PH_SNP_MILAN, 3, vlek);
    world.in_table = true;
    snp_world_make(&world, &evidence);
    for (size_t i = 0; i < CERTS; i++) {
        ph_buf_clear(&cert[i]);
        ph_buf_clear(&pem[i]);
        cert[i] = pem[i] = PH_BUF(8192);
    }
    CHECK(ph_synth_snp_vek(&world.s, &cert[VEK]) == PH_OK);
    CHECK(ph_synth_snp_ask(&world.s, &cert[ASK]) == PH_OK);
    CHECK(ph_synth_snp_ark(&world.s, &cert[ARK]) == PH_OK);
    for (size_t i = 0; i < CERTS; i++)
        CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&cert[i]), &pem[i]) == PH_OK);
}

static void finish(void)
{
    snp_evidence_clear(&evidence);
    evidence = (struct snp_evidence){0};
    for (size_t i = 0; i < CERTS; i++) {
        ph_buf_clear(&cert[i]);
        ph_buf_clear(&pem[i]);
    }
}

/* Msgpack: bytes as the writer's library puts them, an array of numbers. */
static void pack_numbers(struct ph_buf *b, struct ph_bytes v)
{
    const uint8_t head[] = {0xdd, 0, (uint8_t)(v.len >> 16), (uint8_t)(v.len >> 8), (uint8_t)v.len};

    CHECK(ph_buf_add(b, PH_BYTES_OF(head)) == PH_OK);
    for (size_t i = 0; i < v.len; i++) {
        const uint8_t two[] = {0xcc, v.ptr[i]};
        const size_t skip = v.ptr[i] < 0x80 ? 1 : 0;
        CHECK(ph_buf_add(b, (struct ph_bytes){two + skip, 2 - skip}) == PH_OK);
    }
}

static void pack_text(struct ph_buf *b, const char *text)
{
    const size_t len = strlen(text);
    const uint8_t head[] = {0xd9, (uint8_t)len}, shortest = (uint8_t)(0xa0 | len);

    CHECK(ph_buf_add(b, len < 32 ? (struct ph_bytes){&shortest, 1} : PH_BYTES_OF(head)) == PH_OK);
    CHECK(ph_buf_add_str(b, text) == PH_OK);
}

static void pack_raw(struct ph_buf *b, uint8_t byte)
{
    CHECK(ph_buf_add(b, (struct ph_bytes){&byte, 1}) == PH_OK);
}

static void pack_snp(struct ph_buf *b, const struct ph_bytes *certs, size_t cnt)
{
    pack_raw(b, 0x83);
    pack_text(b, "version");
    pack_raw(b, 1);
    pack_text(b, "platform");
    pack_raw(b, 0x82);
    pack_text(b, "kind");
    pack_text(b, "sev-snp");
    pack_text(b, "data");
    pack_raw(b, 0x83);
    pack_text(b, "report");
    pack_numbers(b, report());
    pack_text(b, "cert_chain");
    pack_raw(b, (uint8_t)(0x90 | cnt));
    for (size_t i = 0; i < cnt; i++)
        pack_numbers(b, certs[i]);
    pack_text(b, "mr_config");
    pack_text(b, world.mr_config);
    pack_text(b, "stack");
    pack_raw(b, 0x80);
}

static enum ph_err judge_doc(struct ph_bytes doc, struct ph_verdict *v)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;

    why.text[0] = '\0';
    PH_TRY(ph_dstack_doc_open(doc, &bundle, &why));
    const struct ph_evidence_args args = {.evidence = ph_evidence_view(bundle),
                                          .roots = &evidence.roots,
                                          .policy = &world.policy,
                                          .report_data = world.expected,
                                          .now_s = world.now_s};
    return ph_evidence_verify(&args, v);
}

/* Judge the report with these beside it, in both encodings: they say the same. */
static enum ph_err judge(const struct ph_bytes *certs, size_t cnt, struct ph_verdict *v)
{
    struct ph_buf scale PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_buf pack PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_verdict other;

    memset(v, 0, sizeof(*v));
    scale_snp(&scale, report(), certs, cnt, world.mr_config);
    pack_snp(&pack, certs, cnt);
    const enum ph_err err = judge_doc(ph_buf_view(&scale), v);
    memset(&other, 0, sizeof(other));
    CHECK(judge_doc(ph_buf_view(&pack), &other) == err && other.accepted == v->accepted);
    CHECK((other.reason != NULL) == (v->reason != NULL));
    CHECK(!v->reason || strcmp(other.reason, v->reason) == 0);
    return err;
}

static bool refused(enum ph_err err, const struct ph_verdict *v, const char *reason)
{
    if (err == PH_ERR_UNTRUSTED && strcmp(v->reason, reason) != 0)
        print_message("# %s\n", v->reason);
    return err == PH_ERR_UNTRUSTED && !v->accepted && strcmp(v->reason, reason) == 0;
}

TEST(certificates_are_used_in_any_form_and_order)
{
    struct ph_verdict v;

    for (int vlek = 0; vlek < 2; vlek++) {
        start(vlek);
        const struct ph_bytes der[] = {ph_buf_view(&cert[ASK]), ph_buf_view(&cert[VEK]),
                                       ph_buf_view(&cert[ARK])};
        const struct ph_bytes text[] = {ph_buf_view(&pem[ARK]), ph_buf_view(&pem[ASK]),
                                        ph_buf_view(&cert[VEK])};
        CHECK(judge(der, 3, &v) == PH_OK && v.accepted && v.claims.tee == PH_TEE_SNP);
        CHECK(judge(text, 3, &v) == PH_OK && v.accepted);
    }
    start(false);
    const struct ph_bytes aux[] = {table()};
    CHECK(judge(aux, 1, &v) == PH_OK && v.accepted && v.claims.snp.has_config);
    finish();
}

TEST(without_an_authority_of_its_own_a_key_needs_amds)
{
    struct ph_verdict v;

    start(false);
    const struct ph_bytes certs[] = {ph_buf_view(&cert[ASK]), ph_buf_view(&cert[VEK])};
    const struct ph_bytes ark[] = {ph_buf_view(&cert[ARK]), ph_buf_view(&cert[VEK])};
    CHECK(refused(judge(certs, 2, &v), &v, "vek-links"));
    CHECK(refused(judge(certs + 1, 1, &v), &v, "vek-links"));
    CHECK(refused(judge(ark, 2, &v), &v, "vek-links"));
    CHECK(refused(judge(certs, 1, &v), &v, "vek-missing"));
    CHECK(refused(judge(NULL, 0, &v), &v, "vek-missing"));
    const struct ph_bytes empty[] = {PH_BYTES_LIT("")}; /* what a kernel without a table gives */
    CHECK(refused(judge(empty, 1, &v), &v, "vek-missing"));
    finish();
}

/* Nothing is trusted for being there. */
TEST(certificates_of_another_chip_prove_nothing)
{
    struct ph_verdict v;

    start(false);
    struct snp_world other = world;
    struct ph_buf vek PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    other.s.vek_secret[47] ^= 1;
    CHECK(ph_synth_snp_vek(&other.s, &vek) == PH_OK);
    const struct ph_bytes certs[] = {ph_buf_view(&vek), ph_buf_view(&cert[ASK]),
                                     ph_buf_view(&cert[ARK])};
    CHECK(refused(judge(certs, 3, &v), &v, "report-signature"));
    evidence.roots = (struct ph_attest_roots){0};
    const struct ph_bytes own[] = {ph_buf_view(&cert[VEK]), ph_buf_view(&cert[ASK]),
                                   ph_buf_view(&cert[ARK])};
    CHECK(refused(judge(own, 3, &v), &v, "ark-unknown"));
    finish();
}

TEST(what_is_no_certificate_is_refused)
{
    struct ph_buf two PH_OWNED(ph_buf_clear) = PH_BUF(16384),
                      bad PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_verdict v;

    start(false);
    CHECK(ph_buf_add(&two, ph_buf_view(&pem[VEK])) == PH_OK);
    CHECK(ph_buf_add(&two, ph_buf_view(&pem[ASK])) == PH_OK);
    CHECK(ph_buf_add(&bad, ph_buf_view(&cert[VEK])) == PH_OK);
    bad.len--;
    const struct ph_bytes vek = ph_buf_view(&cert[VEK]), ask = ph_buf_view(&cert[ASK]);
    const struct {
        struct ph_bytes certs[2];
        size_t cnt;
    } wrong[] = {
        {{vek, vek}, 2},
        {{ask, ask}, 2},
        {{vek, PH_BYTES_LIT("")}, 2},
        {{vek, PH_BYTES_LIT("VCEK")}, 2},
        {{vek, table()}, 2},
        {{PH_BYTES_LIT("-----BEGIN CERTIFICATE-----\n")}, 1},
        {{PH_BYTES_LIT("-----BEGIN ")}, 1},
        {{PH_BYTES_LIT("0")}, 1},
        {{ph_buf_view(&two)}, 1},
        {{ph_buf_view(&bad)}, 1},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        CHECK(judge(wrong[i].certs, wrong[i].cnt, &v) == PH_ERR_MALFORMED);
        CHECK(strstr(why.text, "what comes with its report"));
    }
    const struct ph_bytes cut[] = {{table().ptr, 24}}, word[] = {PH_BYTES_LIT("-----BEGIN")};
    CHECK(judge(cut, 1, &v) == PH_ERR_MALFORMED && strcmp(v.reason, "report-cert-table") == 0);
    CHECK(judge(word, 1, &v) == PH_ERR_MALFORMED && strcmp(v.reason, "report-cert-table") == 0);
    finish();
}

TEST(there_is_a_limit_to_what_comes_along)
{
    static uint8_t zeros[PH_SNP_EXTENDED_MAX];
    struct ph_bytes many[PH_DSTACK_CERTS_MAX + 1];
    struct ph_verdict v;

    start(false);
    for (size_t i = 0; i < PH_LEN(many); i++)
        many[i] = ph_buf_view(&cert[VEK]);
    CHECK(judge(many, PH_DSTACK_CERTS_MAX, &v) == PH_ERR_MALFORMED); /* the same one, again */
    CHECK(judge(many, PH_DSTACK_CERTS_MAX + 1, &v) == PH_ERR_LIMIT);
    struct ph_bytes padded[] = {{zeros, sizeof(zeros) - PH_SNP_REPORT_LEN}};
    CHECK(refused(judge(padded, 1, &v), &v, "vek-missing"));
    padded[0].len++;
    CHECK(judge(padded, 1, &v) == PH_ERR_LIMIT);
    finish();
}

PH_TEST_MAIN(CASE(certificates_are_used_in_any_form_and_order),
             CASE(without_an_authority_of_its_own_a_key_needs_amds),
             CASE(certificates_of_another_chip_prove_nothing),
             CASE(what_is_no_certificate_is_refused), CASE(there_is_a_limit_to_what_comes_along))
