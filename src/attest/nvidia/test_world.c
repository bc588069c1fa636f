#include "attest/nvidia/test_world.h"

#include "base/own.h"
#include "base/test.h"

enum { LEAF, DEVICE, FACTORY, IDENTITY, ROOT };

static const uint8_t nobody[48] = {0x4e, 0x6f, 0x62, [47] = 7};

static void add_rim(struct nv_world *w, const char *product, const char *edition,
                    const char *version)
{
    const size_t i = w->rim_cnt++;
    CHECK(i < NV_RIMS);
    ph_rim_synth_init(&w->rim[i]);
    (void)snprintf(w->meta[i], sizeof(w->meta[i]),
                   "\n<ns0:Entity name=\"Synthetic\" role=\"softwareCreator tagCreator\"/>"
                   "\n<ns0:Meta colloquialVersion=\"%s\" edition=\"%s\" product=\"%s\"/>\n",
                   version, edition, product);
    w->rim[i].meta = w->meta[i];
    w->payload[i] = PH_BUF(1 << 16);
    CHECK(ph_buf_add_str(&w->payload[i], PH_RIM_SYNTH_PAYLOAD) == PH_OK);
}

void nv_world_list(struct nv_world *w, size_t rim, unsigned index, uint8_t byte)
{
    uint8_t value[1][48];
    memset(value, byte, sizeof(value));
    CHECK(ph_rim_synth_put_resource(&w->payload[rim], index, true, (const uint8_t(*)[48])value,
                                    1) == PH_OK);
}

static void add_rims(struct nv_world *w, enum ph_nvidia_arch arch)
{
    const size_t first = w->rim_cnt;
    for (size_t i = 0; i + 1 < w->dev_cnt; i++) {
        if (w->dev[i].arch == arch)
            return;
    }
    if (arch == PH_NVIDIA_LS10) {
        add_rim(w, "LS10", "SWITCH", "96.10.55.00.01");
        nv_world_list(w, first, 0, 0);
        nv_world_list(w, first, 30, 30);
        return;
    }
    const char *product = arch == PH_NVIDIA_HOPPER ? "GH100" : "GB100";
    add_rim(w, product, "GPU", "550.90.07");
    add_rim(w, product, "GPU", "96.00.9F.00.01");
    nv_world_list(w, first, 1, 1);
    nv_world_list(w, first, 63, 63);
    nv_world_list(w, first + 1, 2, 2);
}

void nv_world_add(struct nv_world *w, enum ph_nvidia_arch arch)
{
    CHECK(w->dev_cnt < NV_DEVICES);
    ph_synth_nv_device_init(&w->dev[w->dev_cnt], arch, (uint8_t)w->dev_cnt);
    w->dev_cnt++;
    add_rims(w, arch);
}

void nv_world_init(struct nv_world *w, enum ph_nvidia_arch arch)
{
    memset(w, 0, sizeof(*w));
    w->now_s = NV_NOW;
    w->trust_device_root = w->trust_rim_root = true;
    w->policy.statuses = 1u << PH_TCB_UP_TO_DATE;
    w->policy.any_measurement = true;
    memset(w->nonce, 0x42, sizeof(w->nonce));
    for (size_t i = 0; i < NV_OCSP; i++)
        ph_synth_ocsp_init(&w->ocsp[i], NV_NOW);
    nv_world_add(w, arch);
}

void nv_world_clear(struct nv_world *w)
{
    for (size_t i = 0; i < NV_RIMS; i++)
        ph_buf_clear(&w->payload[i]);
}

/* Make one response, on certificate `cert` of `issuer`. */
static void make_ocsp(const struct nv_world *w, size_t i, struct ph_bytes cert,
                      struct ph_bytes issuer, const struct ph_synth_p384_cert *by,
                      struct nv_made *made)
{
    struct ph_synth_ocsp o = w->ocsp[i];
    struct ph_buf *out = &made->ocsp[made->ocsp_cnt];
    if (w->ocsp_drop[i])
        return;
    o.cert = cert;
    o.issuer = issuer;
    o.issuer_cn = by->subject;
    o.issuer_secret = by->secret;
    struct ph_buf above PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    if (w->ocsp_oversteps && i == 0) {
        CHECK(ph_synth_nv_cert(&w->dev[0], IDENTITY, &above) == PH_OK);
        o.also_cert = issuer;
        o.also_issuer = ph_buf_view(&above);
    }
    *out = PH_BUF(1 << 16);
    CHECK(ph_synth_ocsp_make(&o, out) == PH_OK);
    made->ocsps[made->ocsp_cnt++] = ph_buf_view(out);
}

static void make_ocsps(const struct nv_world *w, struct nv_made *made)
{
    for (size_t d = 0; d < w->dev_cnt; d++) {
        for (size_t c = DEVICE; c < ROOT; c++) {
            struct ph_buf cert PH_OWNED(ph_buf_clear) = PH_BUF(8192);
            struct ph_buf issuer PH_OWNED(ph_buf_clear) = PH_BUF(8192);
            CHECK(ph_synth_nv_cert(&w->dev[d], c, &cert) == PH_OK);
            CHECK(ph_synth_nv_cert(&w->dev[d], c + 1, &issuer) == PH_OK);
            make_ocsp(w, 3 * d + c - DEVICE, ph_buf_view(&cert), ph_buf_view(&issuer),
                      &w->dev[d].cert[c + 1], made);
        }
    }
    for (size_t c = 0; w->rim_cnt > 0 && c < 3; c++) {
        struct ph_buf cert PH_OWNED(ph_buf_clear) = PH_BUF(8192);
        struct ph_buf issuer PH_OWNED(ph_buf_clear) = PH_BUF(8192);
        CHECK(ph_synth_p384_cert_make(&w->rim[0].cert[c], &cert) == PH_OK);
        CHECK(ph_synth_p384_cert_make(&w->rim[0].cert[c + 1], &issuer) == PH_OK);
        make_ocsp(w, NV_OCSP_RIM + c, ph_buf_view(&cert), ph_buf_view(&issuer),
                  &w->rim[0].cert[c + 1], made);
    }
}

static void make_rims(const struct nv_world *w, struct nv_made *made)
{
    for (size_t i = 0; i < w->rim_cnt; i++) {
        struct ph_buf payload PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
        struct ph_rim_synth s = w->rim[i];
        CHECK(ph_buf_add(&payload, ph_buf_view(&w->payload[i])) == PH_OK);
        CHECK(ph_buf_add(&payload, PH_BYTES_LIT("\n</ns0:Payload>\0")) == PH_OK);
        s.payload = (const char *)payload.ptr;
        made->rim[i] = PH_BUF(PH_RIM_SYNTH_MAX);
        CHECK(ph_rim_synth_make(&s, &made->rim[i]) == PH_OK);
        made->rims[made->rim_cnt++] = ph_buf_view(&made->rim[i]);
    }
}

void nv_world_make(const struct nv_world *w, struct nv_made *made)
{
    memset(made, 0, sizeof(*made));
    made->evidence = PH_BUF(1 << 20);
    if (w->evidence_text) {
        CHECK(ph_buf_add_str(&made->evidence, w->evidence_text) == PH_OK);
    } else {
        for (size_t i = 0; i < w->dev_cnt; i++) {
            CHECK(ph_buf_add_str(&made->evidence, i == 0 ? "[" : ",") == PH_OK);
            CHECK(ph_synth_nv_item(&w->dev[i], &made->evidence) == PH_OK);
        }
        CHECK(ph_buf_add_str(&made->evidence, "]") == PH_OK);
    }
    make_rims(w, made);
    make_ocsps(w, made);
    if (w->trust_device_root) {
        struct ph_root_pin *pin = &made->roots.pin[made->roots.pin_cnt++];
        pin->maker = PH_ROOT_NVIDIA_DEVICE;
        CHECK(ph_synth_nv_root(pin->spki_sha256) == PH_OK);
    }
    if (w->trust_rim_root) {
        struct ph_root_pin *pin = &made->roots.pin[made->roots.pin_cnt++];
        pin->maker = PH_ROOT_NVIDIA_RIM;
        CHECK(ph_rim_synth_root(pin->spki_sha256) == PH_OK);
    }
}

void nv_made_clear(struct nv_made *made)
{
    ph_buf_clear(&made->evidence);
    for (size_t i = 0; i < NV_RIMS; i++)
        ph_buf_clear(&made->rim[i]);
    for (size_t i = 0; i < NV_OCSP; i++)
        ph_buf_clear(&made->ocsp[i]);
}

enum ph_err nv_made_judge(const struct nv_world *w, const struct nv_made *made,
                          struct ph_verdict *out)
{
    const struct ph_nvidia_args args = {
        .evidence = ph_buf_view(&made->evidence),
        .rims = made->rims,
        .rim_cnt = made->rim_cnt,
        .ocsp = made->ocsps,
        .ocsp_cnt = made->ocsp_cnt,
        .nonce = w->nonce,
        .nonce_unchecked = w->nonce_unchecked,
        .roots = &made->roots,
        .policy = &w->policy,
        .now_s = w->now_s,
        .cache = w->cache,
        .trace = w->trace,
    };
    return ph_nvidia_verify(&args, out);
}

enum ph_err nv_world_judge(const struct nv_world *w, struct ph_verdict *out)
{
    static struct nv_made made;
    nv_world_make(w, &made);
    const enum ph_err err = nv_made_judge(w, &made, out);
    nv_made_clear(&made);
    return err;
}

/* Begin again with a device of another kind. */
static void restart(struct nv_world *w, enum ph_nvidia_arch arch)
{
    struct ph_trace *trace = w->trace;
    nv_world_clear(w);
    nv_world_init(w, arch);
    w->trace = trace;
}

static void break_format(struct nv_world *w, enum ph_check check)
{
    struct ph_synth_nv_report *r = &w->dev[0].report;

    if (check == PH_CHECK_NV_EVIDENCE)
        w->evidence_text = "{\"evidence_list\":7}";
    else if (check == PH_CHECK_NV_DEVICE_CNT)
        w->evidence_text = "[]";
    else if (check == PH_CHECK_NV_REQUEST)
        r->version = 0x13;
    else if (check == PH_CHECK_NV_RESPONSE)
        r->response_slot = 1;
    else if (check == PH_CHECK_NV_BLOCKS)
        r->block_cnt = 0;
    else if (check == PH_CHECK_NV_LENGTH)
        r->trailing = 1;
    else if (check == PH_CHECK_NV_FIELDS)
        ph_synth_nv_field(r, 30, "?", 1);
}

static void break_chain(struct nv_world *w, enum ph_check check)
{
    struct ph_synth_nv_device *d = &w->dev[0];

    if (check == PH_CHECK_NV_CHAIN_FORMAT)
        d->cert_cnt = 4;
    else if (check == PH_CHECK_NV_CHAIN_PROFILE)
        d->cert[FACTORY].key_usage = 0x80;
    else if (check == PH_CHECK_NV_CHAIN_LINKS)
        d->cert[LEAF].no_aki = true;
    else if (check == PH_CHECK_NV_CHAIN_SIGNATURE)
        d->cert[FACTORY].signer_secret = nobody;
    else if (check == PH_CHECK_NV_CHAIN_NOT_BEFORE)
        d->cert[LEAF].not_before_s = NV_NOW + 1;
    else if (check == PH_CHECK_NV_CHAIN_NOT_AFTER)
        d->cert[LEAF].not_after_s = NV_NOW;
    else if (check == PH_CHECK_NV_ARCH)
        d->stated_arch = "BLACKWELL";
    else if (check == PH_CHECK_NV_ROOT)
        w->trust_device_root = false;
}

static void break_ocsp(struct nv_world *w, enum ph_check check)
{
    struct ph_synth_ocsp *o = &w->ocsp[1];

    if (check == PH_CHECK_NV_OCSP_FORMAT)
        o->response_status = 1;
    else if (check == PH_CHECK_NV_OCSP_PRESENT)
        w->ocsp_drop[1] = true;
    else if (check == PH_CHECK_NV_OCSP_RESPONDER)
        o->purpose = NULL;
    else if (check == PH_CHECK_NV_OCSP_SIGNATURE)
        o->signer_secret = nobody;
    else if (check == PH_CHECK_NV_OCSP_ISSUED)
        o->this_update_s = NV_NOW + 1;
    else if (check == PH_CHECK_NV_OCSP_FRESH)
        o->next_update_s = NV_NOW;
    else if (check == PH_CHECK_NV_OCSP_GOOD)
        o->status = 1;
}

static void break_report(struct nv_world *w, enum ph_check check)
{
    struct ph_synth_nv_device *d = &w->dev[0];
    static const uint8_t other_pdi[8] = {1};

    if (check == PH_CHECK_NV_SIGNATURE) {
        d->report_secret = nobody;
    } else if (check == PH_CHECK_NV_FWID) {
        memset(d->fwid, 0xf2, sizeof(d->fwid));
    } else if (check == PH_CHECK_NV_PDI) {
        restart(w, PH_NVIDIA_LS10);
        ph_synth_nv_field(&w->dev[0].report, 22, other_pdi, 8);
    } else if (check == PH_CHECK_NV_VERSIONS) {
        ph_synth_nv_field(&d->report, 3, NULL, 0);
        w->policy.nvidia.rim_not_required = true;
    } else if (check == PH_CHECK_NV_STATED_NONCE) {
        d->stated_nonce = "0000000000000000000000000000000000000000000000000000000000000000";
    } else if (check == PH_CHECK_NV_SAME_NONCE) {
        nv_world_add(w, PH_NVIDIA_HOPPER);
        w->dev[1].report.nonce[31] ^= 1;
    } else if (check == PH_CHECK_NV_DUPLICATE) {
        nv_world_add(w, PH_NVIDIA_HOPPER);
        ph_synth_nv_device_init(&w->dev[1], PH_NVIDIA_HOPPER, 0);
    } else if (check == PH_CHECK_NV_MIX) {
        nv_world_add(w, PH_NVIDIA_BLACKWELL);
    }
}

static void break_rim(struct nv_world *w, enum ph_check check)
{
    struct ph_rim_synth *s = &w->rim[0];

    if (check == PH_CHECK_NV_RIM_FORMAT)
        s->no_signature = true;
    else if (check == PH_CHECK_NV_RIM_PRESENT)
        w->rim_cnt = 1;
    else if (check == PH_CHECK_NV_RIM_CHAIN)
        s->cert[1].key_usage = 0x80;
    else if (check == PH_CHECK_NV_RIM_ROOT)
        w->trust_rim_root = false;
    else if (check == PH_CHECK_NV_RIM_SIGNATURE)
        s->signer = nobody;
    else if (check == PH_CHECK_NV_RIM_NOT_BEFORE)
        s->cert[0].not_before_s = NV_NOW + 1;
    else if (check == PH_CHECK_NV_RIM_NOT_AFTER)
        s->cert[0].not_after_s = NV_NOW - 1;
    else if (check == PH_CHECK_NV_CONFLICT)
        nv_world_list(w, 1, 63, 63);
    else if (check == PH_CHECK_NV_MEASUREMENTS) {
        w->dev[0].report.digest[63][47] ^= 1;
        w->policy.statuses |= 1u << PH_TCB_OUT_OF_DATE; /* does not help */
    }
}

static void break_policy(struct nv_world *w, enum ph_check check)
{
    static const uint8_t enabled[] = {0xaa}, pdi[8] = {1, 2, 3, 4, 5, 6, 7, 8};

    if (check == PH_CHECK_REPORT_DATA) {
        w->nonce[0] ^= 1;
    } else if (check == PH_CHECK_POLICY_STATUS) {
        w->policy.statuses = 1u << PH_TCB_OUT_OF_DATE;
    } else if (check == PH_CHECK_POLICY_TCB_DATE) {
        w->policy.min_tcb_date_s = 1; /* devices have none */
    } else if (check == PH_CHECK_POLICY_DEBUG) {
        restart(w, PH_NVIDIA_BLACKWELL);
        w->dev[0].tcb_flags |= 0x10;
    } else if (check == PH_CHECK_POLICY_NV_COUNT) {
        w->policy.nvidia.min_devices = 2;
    } else if (check == PH_CHECK_POLICY_NV_ID) {
        w->policy.nvidia.device_id_cnt = 1;
    } else if (check == PH_CHECK_POLICY_NV_SWITCHES) {
        ph_synth_nv_field(&w->dev[0].report, 21, enabled, 1);
        ph_synth_nv_field(&w->dev[0].report, 22, pdi, sizeof(pdi));
    } else if (check == PH_CHECK_POLICY_MEASUREMENT) {
        w->policy.any_measurement = false;
    }
}

void nv_world_break(struct nv_world *w, enum ph_check check)
{
    break_format(w, check);
    break_chain(w, check);
    break_ocsp(w, check);
    break_report(w, check);
    break_rim(w, check);
    break_policy(w, check);
}

bool nv_world_refused(const struct nv_world *w, enum ph_check check, struct ph_verdict *out)
{
    const enum ph_err err = nv_world_judge(w, out);
    if (err != PH_OK && !out->accepted && out->check == check)
        return true;
    print_message("# wanted %s: %s, %s\n", ph_check_reason(check), out->reason, ph_err_name(err));
    return false;
}

bool nv_world_accepted(const struct nv_world *w, struct ph_verdict *out)
{
    const enum ph_err err = nv_world_judge(w, out);
    if (err != PH_OK || !out->accepted)
        print_message("# %s, %s\n", out->reason, ph_err_name(err));
    return err == PH_OK && out->accepted && out->check == PH_CHECK_CNT;
}
