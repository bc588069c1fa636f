/* TCB info and QE identity. */

#include "attest/synth/synth_priv.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"

#include <inttypes.h>

static enum ph_err put_hex(struct ph_buf *buf, const char *key, struct ph_bytes bytes)
{
    char text[2 * 64 + 1];
    ph_hex_encode(bytes, text);
    return ph_buf_addf(buf, "\"%s\":\"%s\",", key, text);
}

static enum ph_err put_window(const struct ph_synth *s, struct ph_buf *buf)
{
    char issue[21], next[21];
    ph_time_format_rfc3339(s->issue_s, issue);
    ph_time_format_rfc3339(s->next_update_s, next);
    return ph_buf_addf(buf, "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",", issue, next);
}

static enum ph_err put_status(struct ph_buf *buf, const char *status, const char *date,
                              const char *advisories)
{
    PH_TRY(ph_buf_addf(buf, "\"tcbDate\":\"%s\",\"tcbStatus\":\"%s\"", date, status));
    if (advisories)
        PH_TRY(ph_buf_addf(buf, ",\"advisoryIDs\":%s", advisories));
    return ph_buf_add_str(buf, "}");
}

static enum ph_err put_isv_levels(struct ph_buf *buf, const struct ph_synth_isv_level *level,
                                  size_t cnt)
{
    PH_TRY(ph_buf_add_str(buf, "\"tcbLevels\":["));
    for (size_t i = 0; i < cnt; i++) {
        PH_TRY(ph_buf_addf(buf, "%s{\"tcb\":{\"isvsvn\":%u},", i ? "," : "", level[i].isvsvn));
        PH_TRY(put_status(buf, level[i].status, level[i].date, level[i].advisories));
    }
    return ph_buf_add_str(buf, "]");
}

static enum ph_err put_components(struct ph_buf *buf, const char *key, const uint8_t svn[static 16])
{
    PH_TRY(ph_buf_addf(buf, "\"%s\":[", key));
    for (size_t i = 0; i < 16; i++)
        PH_TRY(ph_buf_addf(buf, "%s{\"svn\":%u}", i ? "," : "", svn[i]));
    return ph_buf_add_str(buf, "]");
}

static enum ph_err put_module(const struct ph_synth *s, struct ph_buf *buf)
{
    PH_TRY(put_hex(buf, "mrsigner", PH_BYTES_OF(s->module_mrsigner)));
    PH_TRY(put_hex(buf, "attributes", PH_BYTES_OF(s->module_attributes)));
    return ph_buf_add_str(buf, "\"attributesMask\":\"FFFFFFFFFFFFFFFF\"");
}

static enum ph_err put_modules(const struct ph_synth *s, struct ph_buf *buf)
{
    PH_TRY(ph_buf_add_str(buf, "\"tdxModule\":{"));
    PH_TRY(put_module(s, buf));
    PH_TRY(ph_buf_add_str(buf, "},"));
    if (!s->module_identities)
        return PH_OK;
    PH_TRY(ph_buf_addf(buf, "\"tdxModuleIdentities\":[{\"id\":\"TDX_%02X\",",
                       s->module_version ? s->module_version : 1));
    PH_TRY(put_module(s, buf));
    PH_TRY(ph_buf_add_str(buf, ","));
    PH_TRY(put_isv_levels(buf, s->module_level, s->module_level_cnt));
    return ph_buf_add_str(buf, "}],");
}

/* Versions 1 and 2 name each component. */
static enum ph_err put_old_components(struct ph_buf *buf, const uint8_t svn[static 16])
{
    for (unsigned i = 0; i < 16; i++)
        PH_TRY(ph_buf_addf(buf, "%s\"sgxtcbcomp%02usvn\":%u", i ? "," : "", i + 1, svn[i]));
    return PH_OK;
}

static enum ph_err put_levels(const struct ph_synth *s, struct ph_buf *buf)
{
    PH_TRY(ph_buf_add_str(buf, "\"tcbLevels\":["));
    for (size_t i = 0; i < s->level_cnt; i++) {
        const struct ph_synth_level *l = &s->level[i];
        PH_TRY(ph_buf_addf(buf, "%s{\"tcb\":{", i ? "," : ""));
        if (s->info_version < 3)
            PH_TRY(put_old_components(buf, l->sgx));
        else
            PH_TRY(put_components(buf, "sgxtcbcomponents", l->sgx));
        PH_TRY(ph_buf_addf(buf, ",\"pcesvn\":%u", l->pcesvn));
        if (s->tdx) {
            PH_TRY(ph_buf_add_str(buf, ","));
            PH_TRY(put_components(buf, "tdxtcbcomponents", l->tdx));
        }
        PH_TRY(ph_buf_add_str(buf, "},"));
        PH_TRY(put_status(buf, l->status, l->date, l->advisories));
    }
    return ph_buf_add_str(buf, "]");
}

/* {"<key>":<body>,"signature":"<hex>"} */
static enum ph_err put_signed(const struct ph_synth *s, const char *key, struct ph_bytes body,
                              enum ph_synth_fault fault, struct ph_buf *out)
{
    const uint8_t *secret = s->faults & PH_SYNTH_PCK_IS_SIGNER ? s->keys.pck : s->keys.tcb_signer;
    uint8_t sig[64];
    char hex[129];

    PH_TRY(ph_synth_sign(s, fault, secret, body, sig));
    ph_hex_encode(PH_BYTES_OF(sig), hex);
    PH_TRY(ph_buf_addf(out, "{\"%s\":", key));
    PH_TRY(ph_buf_add(out, body));
    return ph_buf_addf(out, ",\"signature\":\"%s\"}", hex);
}

static enum ph_err make_info(const struct ph_synth *s, struct ph_buf *out)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(128 * 1024);
    const char *id = s->info_id ? s->info_id : s->tdx ? "TDX" : "SGX";

    PH_TRY(ph_buf_addf(&buf, "{\"id\":\"%s\",\"version\":%" PRIu32 ",", id, s->info_version));
    PH_TRY(put_window(s, &buf));
    PH_TRY(put_hex(&buf, "fmspc", PH_BYTES_OF(s->info_fmspc)));
    PH_TRY(put_hex(&buf, "pceId", PH_BYTES_OF(s->info_pceid)));
    PH_TRY(ph_buf_addf(&buf, "\"tcbType\":0,\"tcbEvaluationDataNumber\":%" PRIu32 ",",
                       s->evaluation_number));
    if (s->tdx)
        PH_TRY(put_modules(s, &buf));
    PH_TRY(put_levels(s, &buf));
    PH_TRY(ph_buf_add_str(&buf, "}"));
    return put_signed(s, "tcbInfo", ph_buf_view(&buf), PH_SYNTH_BAD_INFO_SIG, out);
}

static enum ph_err make_qe(const struct ph_synth *s, struct ph_buf *out)
{
    struct ph_buf buf PH_OWNED(ph_buf_clear) = PH_BUF(128 * 1024);
    const char *id = s->qe_id ? s->qe_id : s->tdx ? "TD_QE" : "QE";

    PH_TRY(ph_buf_addf(&buf, "{\"id\":\"%s\",\"version\":%" PRIu32 ",", id, s->qe_version));
    PH_TRY(put_window(s, &buf));
    PH_TRY(ph_buf_addf(&buf, "\"tcbEvaluationDataNumber\":%" PRIu32 ",", s->qe_evaluation_number));
    PH_TRY(ph_buf_add_str(&buf, "\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
                                "\"attributes\":\"11000000000000000000000000000000\","
                                "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","));
    PH_TRY(put_hex(&buf, "mrsigner", PH_BYTES_OF(s->qe_mrsigner)));
    PH_TRY(ph_buf_addf(&buf, "\"isvprodid\":%u,", s->qe_isvprodid));
    PH_TRY(put_isv_levels(&buf, s->qe_level, s->qe_level_cnt));
    PH_TRY(ph_buf_add_str(&buf, "}"));
    return put_signed(s, "enclaveIdentity", ph_buf_view(&buf), PH_SYNTH_BAD_QE_ID_SIG, out);
}

enum ph_err ph_synth_make_documents(const struct ph_synth *s, struct ph_synth_pki *pki)
{
    PH_TRY(make_info(s, &pki->part[PH_SYNTH_INFO]));
    return make_qe(s, &pki->part[PH_SYNTH_QE]);
}
