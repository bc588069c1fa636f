#include "attest/intel/tcb_docs_priv.h"

static enum ph_err read_id(struct ph_doc *doc, uint32_t body, enum ph_enclave_id *out)
{
    static const char *const ids[] = {
        [PH_ENCLAVE_QE] = "QE",
        [PH_ENCLAVE_TD_QE] = "TD_QE",
        [PH_ENCLAVE_QVE] = "QVE",
        [PH_ENCLAVE_QAE] = "QAE",
    };
    struct ph_bytes id;

    PH_TRY(ph_doc_str(doc, body, "id", &id));
    for (size_t i = 0; i < PH_LEN(ids); i++) {
        if (ph_bytes_is(id, ids[i])) {
            *out = (enum ph_enclave_id)i;
            return PH_OK;
        }
    }
    return ph_doc_bad(doc, "id", "not QE, TD_QE, QVE or QAE");
}

static enum ph_err read_measures(struct ph_doc *doc, uint32_t body, struct ph_enclave_identity *out)
{
    uint64_t v;
    PH_TRY(ph_doc_hex(doc, body, "miscselect", out->miscselect, sizeof(out->miscselect)));
    PH_TRY(ph_doc_hex(doc, body, "miscselectMask", out->miscselect_mask,
                      sizeof(out->miscselect_mask)));
    PH_TRY(ph_doc_hex(doc, body, "attributes", out->attributes, sizeof(out->attributes)));
    PH_TRY(ph_doc_hex(doc, body, "attributesMask", out->attributes_mask,
                      sizeof(out->attributes_mask)));
    PH_TRY(ph_doc_hex(doc, body, "mrsigner", out->mrsigner, sizeof(out->mrsigner)));
    PH_TRY(ph_doc_int(doc, body, "isvprodid", UINT16_MAX, &v));
    out->isvprodid = (uint16_t)v;
    return PH_OK;
}

/* Version 1, "qeIdentity": one SVN, no levels, no id. */
static enum ph_err read_v1(struct ph_doc *doc, uint32_t body, struct ph_enclave_identity *out)
{
    uint64_t v;
    PH_TRY(ph_doc_int(doc, body, "version", 1, &v));
    if (v != 1)
        return ph_doc_bad(doc, "version", "out of range");
    out->version = 1;
    PH_TRY(ph_doc_window(doc, body, &out->issue_s, &out->next_update_s));
    PH_TRY(read_measures(doc, body, out));
    PH_TRY(ph_doc_int(doc, body, "isvsvn", UINT16_MAX, &v));
    out->levels.level[0] =
        (struct ph_isv_level){.isvsvn = (uint16_t)v, .status = PH_TCB_UP_TO_DATE};
    out->levels.cnt = 1;
    return PH_OK;
}

static enum ph_err read_body(struct ph_doc *doc, uint32_t body, struct ph_enclave_identity *out)
{
    uint64_t v;
    PH_TRY(ph_doc_int(doc, body, "version", 3, &v));
    if (v < 2)
        return ph_doc_bad(doc, "version", "out of range");
    out->version = (uint32_t)v;
    PH_TRY(read_id(doc, body, &out->id));
    PH_TRY(ph_doc_window(doc, body, &out->issue_s, &out->next_update_s));
    PH_TRY(ph_doc_int(doc, body, "tcbEvaluationDataNumber", UINT32_MAX, &v));
    out->evaluation_number = (uint32_t)v;
    PH_TRY(read_measures(doc, body, out));
    return ph_doc_isv_levels(doc, body, &out->advisories, &out->levels);
}

enum ph_err ph_enclave_identity_parse(struct ph_bytes text, struct ph_enclave_identity *out,
                                      struct ph_json_why *why)
{
    struct ph_doc doc;
    uint32_t body;

    memset(out, 0, sizeof(*out));
    enum ph_err err = ph_doc_open(&doc, text, "enclaveIdentity", &body, out->digest, out->sig, why);
    if (err == PH_OK) {
        err = read_body(&doc, body, out);
    } else if (doc.json.tok_cnt > 0 && ph_jscan_get(&doc.json, 0, "enclaveIdentity") == 0 &&
               ph_jscan_get(&doc.json, 0, "qeIdentity") != 0) {
        ph_doc_close(&doc);
        err = ph_doc_open(&doc, text, "qeIdentity", &body, out->digest, out->sig, why);
        if (err == PH_OK)
            err = read_v1(&doc, body, out);
    }
    ph_doc_close(&doc);
    return err;
}
