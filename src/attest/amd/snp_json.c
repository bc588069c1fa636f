/* ph_snp_json: what a report says, field by field, unproved. ph_snp_claims_json: what was proved.
 */

#include "attest/amd/snp.h"
#include "attest/amd/snp_report.h"

#include "attest/eventlog/dstack_config.h"

#include <stdio.h>

struct bit_name {
    uint64_t bit;
    const char *name;
};
#define B(name, bit) {1u << (bit), #name},
static const struct bit_name policy_bits[] = {PH_SNP_POLICY_BITS(B)};
static const struct bit_name platform_bits[] = {PH_SNP_PLATFORM_BITS(B)};
#undef B

static void put_bits(struct ph_jput *out, const char *key, uint64_t v, const struct bit_name *bits,
                     size_t cnt)
{
    ph_jput_array(out, key);
    for (size_t i = 0; i < cnt; i++) {
        if (v & bits[i].bit)
            ph_jput_str(out, NULL, bits[i].name);
    }
    ph_jput_close(out);
}

static void put_field(struct ph_jput *out, const char *part, const char *name, size_t offset,
                      struct ph_bytes value, const char *meaning)
{
    ph_jput_object(out, NULL);
    ph_jput_str(out, "part", part);
    ph_jput_str(out, "name", name);
    ph_jput_int(out, "offset", (int64_t)offset);
    ph_jput_int(out, "length", (int64_t)value.len);
    ph_jput_hex(out, "value", (struct ph_bytes){value.ptr, value.len < 128 ? value.len : 128});
    ph_jput_str(out, "meaning", meaning);
    ph_jput_close(out);
}

static void put_fields(struct ph_jput *out, struct ph_bytes whole)
{
    ph_jput_array(out, "fields");
#define F(name, off, len, meaning)                                                                 \
    put_field(out, (off) < PH_SNP_SIGNED_LEN ? "body" : "signature", #name, (off),                 \
              (struct ph_bytes){whole.ptr + (off), (len)}, meaning);
    PH_SNP_REPORT(F)
#undef F
    ph_jput_close(out);
}

static void put_certificates(struct ph_jput *out, const struct ph_snp_evidence *e)
{
    ph_jput_array(out, "certificates");
    for (enum ph_snp_table_cert c = 0; c < PH_SNP_TABLE_CNT; c++) {
        if (e->cert[c].len == 0)
            continue;
        ph_jput_object(out, NULL);
        ph_jput_str(out, "name", ph_snp_table_name(c));
        ph_jput_hex(out, "guid", (struct ph_bytes){ph_snp_table_guid(c), 16});
        ph_jput_int(out, "offset", (int64_t)(e->cert[c].ptr - e->whole.ptr));
        ph_jput_int(out, "length", (int64_t)e->cert[c].len);
        ph_jput_close(out);
    }
    ph_jput_close(out);
}

enum ph_err ph_snp_json(struct ph_bytes report, struct ph_jput *out, const char *key,
                        enum ph_check *reterr)
{
    struct ph_snp_evidence e;

    PH_TRY(ph_snp_report_parse(report, &e, reterr));
    const enum ph_snp_product product =
        ph_snp_product_of_cpu(e.report.cpuid_family[0], e.report.cpuid_model[0]);
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", "amd-snp-report");
    ph_jput_int(out, "version", e.version);
    ph_jput_str(out, "tee", ph_tee_kind_name(PH_TEE_SNP));
    if (product == PH_SNP_UNKNOWN)
        ph_jput_null(out, "product");
    else
        ph_jput_str(out, "product", ph_snp_product_name(product));
    ph_jput_str(out, "signing_key", e.key == PH_SNP_KEY_VLEK ? "VLEK" : "VCEK");
    put_bits(out, "guest_policy", ph_snp_u64(e.report.policy), policy_bits, PH_LEN(policy_bits));
    put_bits(out, "platform", ph_snp_u64(e.report.platform_info), platform_bits,
             PH_LEN(platform_bits));
    put_fields(out, e.whole);
    put_certificates(out, &e);
    ph_jput_int(out, "trailing_bytes", (int64_t)e.trailing.len);
    ph_jput_close(out);
    return out->err;
}

static void put_tcb(struct ph_jput *out, const char *key, const struct ph_snp_claims *c,
                    const struct ph_snp_tcb *tcb)
{
    ph_jput_object(out, key);
    if (c->product == PH_SNP_TURIN)
        ph_jput_int(out, "fmc", tcb->fmc);
    ph_jput_int(out, "bootloader", tcb->bootloader);
    ph_jput_int(out, "tee", tcb->tee);
    ph_jput_int(out, "snp", tcb->snp);
    ph_jput_int(out, "microcode", tcb->microcode);
    ph_jput_close(out);
}

static void put_firmware(struct ph_jput *out, const char *key, const struct ph_snp_firmware *f)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%u.%u.%u", f->major, f->minor, f->build);
    ph_jput_str(out, key, text);
}

static void put_u64(struct ph_jput *out, const char *key, uint64_t v)
{
    uint8_t be[8];
    ph_put_u64be(be, v);
    ph_jput_hex(out, key, PH_BYTES_OF(be));
}

void ph_snp_claims_json(const struct ph_snp_claims *c, struct ph_jput *out)
{
    ph_jput_str(out, "product", ph_snp_product_name(c->product));
    ph_jput_str(out, "signing_key", c->is_vlek ? "VLEK" : "VCEK");
    if (c->is_vlek)
        ph_jput_str(out, "csp_id", c->csp_id);
    else
        ph_jput_null(out, "csp_id");
    ph_jput_int(out, "guest_svn", c->guest_svn);
    ph_jput_int(out, "vmpl", c->vmpl);
    put_u64(out, "policy", c->policy);
    put_bits(out, "guest_policy", c->policy, policy_bits, PH_LEN(policy_bits));
    put_u64(out, "platform_info", c->platform_info);
    put_bits(out, "platform", c->platform_info, platform_bits, PH_LEN(platform_bits));
    ph_jput_hex(out, "measurement", PH_BYTES_OF(c->measurement));
    ph_jput_hex(out, "host_data", PH_BYTES_OF(c->host_data));
    ph_jput_hex(out, "family_id", PH_BYTES_OF(c->family_id));
    ph_jput_hex(out, "image_id", PH_BYTES_OF(c->image_id));
    ph_jput_hex(out, "id_key_digest", PH_BYTES_OF(c->id_key_digest));
    ph_jput_hex(out, "author_key_digest", PH_BYTES_OF(c->author_key_digest));
    ph_jput_hex(out, "report_id", PH_BYTES_OF(c->report_id));
    ph_jput_hex(out, "report_id_ma", PH_BYTES_OF(c->report_id_ma));
    ph_jput_hex(out, "chip_id", PH_BYTES_OF(c->chip_id));
    put_tcb(out, "reported_tcb", c, &c->reported);
    put_tcb(out, "committed_tcb", c, &c->committed);
    put_tcb(out, "current_tcb", c, &c->current);
    put_tcb(out, "launch_tcb", c, &c->launch);
    put_firmware(out, "current_firmware", &c->current_firmware);
    put_firmware(out, "committed_firmware", &c->committed_firmware);
    put_u64(out, "launch_mit_vector", c->launch_mit_vector);
    put_u64(out, "current_mit_vector", c->current_mit_vector);
    ph_jput_bool(out, "revocation_checked", c->revocation_checked);
    if (c->has_config)
        ph_dstack_config_json(&c->config, out, "config");
    else
        ph_jput_null(out, "config");
}
