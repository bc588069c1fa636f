#include "attest/amd/snp_world.h"

#include "attest/amd/snp_report.h"
#include "attest/eventlog/dstack_config.h"
#include "attest/synth/synth_rsa.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

static struct ph_synth_snp_keys keys;

static const enum ph_root_maker makers[] = {PH_ROOT_AMD_MILAN, PH_ROOT_AMD_MILAN, PH_ROOT_AMD_GENOA,
                                            PH_ROOT_AMD_TURIN};

void snp_world_init(struct snp_world *w, enum ph_snp_product product, uint32_t version,
                    bool is_vlek)
{
    if (!keys.ark)
        CHECK(ph_synth_snp_keys_new(&keys) == PH_OK);
    *w = (struct snp_world){.now_s = SNP_WORLD_NOW, .trust_root = true};
    ph_synth_snp_defaults(&w->s, &keys, product, version, is_vlek, w->now_s);
    memcpy(w->expected, w->s.report.report_data, sizeof(w->expected));
    w->policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    w->policy.snp.guest_cnt = 1;
    struct ph_policy_snp_guest *g = &w->policy.snp.guest[0];
    memcpy(g->measurement, w->s.report.measurement, 48);
    w->mr_config = "{\"compose_hash\":\"00000000000000000000000000000000000000000000000000000000"
                   "00000000\",\"key_provider\":\"tpm\"}";
    ph_dstack_config_hash(ph_bytes_str(w->mr_config), w->s.report.host_data);
}

static void put(struct ph_buf *out, struct ph_bytes der, bool pem)
{
    CHECK((pem ? ph_pem_encode("CERTIFICATE", der, out) : ph_buf_add(out, der)) == PH_OK);
}

/* VEK, ASK, ARK, CRL. The last ones made are kept: signing takes long, and most worlds differ in
 * their report only. */
static void make_der(const struct ph_synth_snp *s, struct ph_buf der[static 4])
{
    static struct ph_synth_snp last;
    static struct ph_buf kept[4];
    struct ph_synth_snp now = *s;

    memset(&now.report, 0, sizeof(now.report));
    const struct ph_bytes want = {(const uint8_t *)&now, sizeof(now)};
    if (!ph_bytes_equal(want, (struct ph_bytes){(const uint8_t *)&last, sizeof(last)})) {
        for (size_t i = 0; i < 4; i++) {
            ph_buf_clear(&kept[i]);
            kept[i] = PH_BUF(8192);
        }
        CHECK(ph_synth_snp_vek(s, &kept[0]) == PH_OK);
        CHECK(ph_synth_snp_ask(s, &kept[1]) == PH_OK);
        CHECK(ph_synth_snp_ark(s, &kept[2]) == PH_OK);
        CHECK(ph_synth_snp_crl(s, &kept[3]) == PH_OK);
        memcpy(&last, &now, sizeof(last));
    }
    for (size_t i = 0; i < 4; i++)
        CHECK(ph_buf_add(&der[i], ph_buf_view(&kept[i])) == PH_OK);
}

static void make_certs(const struct snp_world *w, struct snp_evidence *e)
{
    struct ph_buf der[4] = {PH_BUF(8192), PH_BUF(8192), PH_BUF(8192), PH_BUF(8192)};

    make_der(&w->s, der);
    CHECK(ph_buf_add(&e->crl, ph_buf_view(&der[3])) == PH_OK);
    if (w->bad_vek)
        der[0].len--;
    if (w->bad_crl)
        e->crl.len--;
    if (w->in_table) {
        const struct ph_bytes none = {0}, vek = ph_buf_view(&der[0]);
        const struct ph_bytes certs[5] = {w->s.is_vlek ? none : vek, w->s.is_vlek ? vek : none,
                                          ph_buf_view(&der[1]), ph_buf_view(&der[2]),
                                          ph_buf_view(&e->crl)};
        CHECK(ph_synth_snp_table(certs, &e->report) == PH_OK);
    } else {
        put(&e->vek, ph_buf_view(&der[0]), w->as_pem);
        put(&e->chain, ph_buf_view(&der[1]), w->as_pem);
        put(&e->chain, ph_buf_view(&der[2]), w->as_pem);
    }
    for (size_t i = 0; i < 4; i++)
        ph_buf_clear(&der[i]);
}

void snp_world_make(const struct snp_world *w, struct snp_evidence *e)
{
    *e = (struct snp_evidence){.report = PH_BUF(65536),
                               .vek = PH_BUF(65536),
                               .chain = PH_BUF(65536),
                               .crl = PH_BUF(65536)};
    CHECK(ph_synth_snp_report(&w->s, &e->report) == PH_OK);
    for (size_t i = 0; i < w->patch_cnt; i++)
        e->report.ptr[w->patch[i].at] ^= w->patch[i].flip;
    make_certs(w, e);
    for (size_t i = 0; i < w->padding; i++)
        CHECK(ph_buf_add(&e->report, PH_BYTES_LIT("\xa5")) == PH_OK);
    if (w->cut > 0)
        e->report.len = w->cut;
    e->roots = ph_attest_roots_production();
    if (w->trust_root) {
        struct ph_root_pin *pin = &e->roots.pin[e->roots.pin_cnt++];
        pin->maker = makers[w->s.product];
        CHECK(ph_synth_rsa_pin(keys.ark, pin->spki_sha256) == PH_OK);
    }
}

void snp_evidence_clear(struct snp_evidence *e)
{
    ph_buf_clear(&e->report);
    ph_buf_clear(&e->vek);
    ph_buf_clear(&e->chain);
    ph_buf_clear(&e->crl);
}

struct ph_snp_args snp_world_args(const struct snp_world *w, const struct snp_evidence *e)
{
    struct ph_snp_args a = {.report = ph_buf_view(&e->report),
                            .vek = ph_buf_view(&e->vek),
                            .chain_pem = ph_buf_view(&e->chain),
                            .roots = &e->roots,
                            .policy = &w->policy,
                            .report_data = w->expected,
                            .now_s = w->now_s,
                            .cache = w->cache,
                            .trace = w->trace};
    a.mr_config = ph_bytes_str(w->mr_config ? w->mr_config : "");
    if (w->drop_vek)
        a.vek.len = 0;
    if (!w->drop_crl && !w->in_table)
        a.crl = ph_buf_view(&e->crl);
    return a;
}

enum ph_err snp_world_judge(const struct snp_world *w, struct ph_verdict *out)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);

    snp_world_make(w, &e);
    const struct ph_snp_args a = snp_world_args(w, &e);
    return ph_snp_verify(&a, out);
}
