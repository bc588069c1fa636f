#include "restore_offer.h"

#include "base/own.h"
#include "codec/jread.h"
#include "keys/key_act.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKENS_MAX = 4096 };

static const char *const keys[] = {"format", "signer", "cluster",  "key", "nonce",
                                   "have",   "needed", "evidence", NULL};

static enum ph_err read_members(const struct ph_jdoc *doc, struct ph_restore_offer *out,
                                struct ph_json_why *why)
{
    struct ph_bytes format = {0};
    uint32_t evidence = 0;
    bool there;

    PH_TRY(ph_jread_all_keys(doc, 0, "", keys, why));
    PH_TRY(ph_jread_str(doc, 0, "", "format", 1, 64, &format, why));
    if (!ph_bytes_is(format, "phala-restore-v1"))
        return ph_jread_bad(why, "", "format", "expected \"phala-restore-v1\"");
    PH_TRY(ph_jread_hex_0x(doc, 0, "", "signer", out->signer.b, 20, &there, why));
    PH_TRY(ph_jread_hex_0x(doc, 0, "", "cluster", out->cluster.b, 20, &there, why));
    PH_TRY(ph_jread_hex(doc, 0, "", "key", out->key, 32, &there, why));
    PH_TRY(ph_jread_hex(doc, 0, "", "nonce", out->nonce, 32, &there, why));
    PH_TRY(ph_jread_int(doc, 0, "", "have", 0, PH_KEY_HOLDERS_MAX, &out->have, why));
    PH_TRY(ph_jread_int(doc, 0, "", "needed", 0, PH_KEY_HOLDERS_MAX, &out->needed, why));
    PH_TRY(ph_jread_object(doc, 0, "", "evidence", &evidence, why));
    out->evidence = ph_jscan_raw(doc, evidence);
    return PH_OK;
}

enum ph_err ph_restore_offer_parse(struct ph_bytes text, struct ph_restore_offer *out,
                                   char why[static 128])
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = calloc(TOKENS_MAX, sizeof(*toks));
    struct ph_restore_offer got = {0};
    struct ph_json_why where = {""};
    struct ph_jdoc doc;

    if (!toks)
        return PH_ERR_NOMEM;
    enum ph_err err = ph_jread_open(text, PH_RESTORE_OFFER_MAX, toks, TOKENS_MAX, &doc, &where);
    if (err == PH_OK)
        err = read_members(&doc, &got, &where);
    if (err == PH_OK)
        *out = got;
    else
        (void)snprintf(why, 128, "%.120s", where.text);
    return err;
}
