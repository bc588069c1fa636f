/* The JSON form of a signed act. Part of key_act.h. */

#include "base/hex.h"
#include "codec/jput.h"
#include "codec/jread.h"
#include "keys/key_act.h"

#include <stdio.h>

static const char format[] = "phala-key-act-v1";
static const char *const keys[] = {"format", "cluster", "act", "expires", "signatures", NULL};

enum ph_err ph_key_act_to_json(const struct ph_key_act_signed *act, struct ph_buf *out)
{
    char hex[2 + 2 * PH_KEY_ACT_LEN_MAX + 1] = "0x";
    struct ph_jput j = {.out = out};

    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "format", format);
    ph_hex_encode(PH_BYTES_OF(act->cluster.b), hex + 2);
    ph_jput_str(&j, "cluster", hex);
    ph_jput_hex(&j, "act", (struct ph_bytes){act->raw, act->raw_len});
    ph_jput_int(&j, "expires", (int64_t)act->expires);
    ph_jput_array(&j, "signatures");
    for (uint32_t i = 0; i < act->sig_cnt; i++) {
        ph_hex_encode(PH_BYTES_OF(act->sig[i]), hex + 2);
        ph_jput_str(&j, NULL, hex);
    }
    ph_jput_close(&j);
    ph_jput_close(&j);
    return ph_jput_end(&j);
}

static enum ph_err read_signatures(const struct ph_jdoc *doc, struct ph_key_act_signed *act,
                                   struct ph_json_why *why)
{
    uint32_t list = 0;

    PH_TRY(ph_jread_array(doc, 0, "", "signatures", PH_KEY_OWNERS_MAX, &list, why));
    for (uint32_t t = ph_jscan_first(list); list != 0 && ph_jread_in(doc, list, t);
         t = doc->toks[t].next) {
        struct ph_bytes text;
        if (ph_jscan_str(doc, t, &text) != PH_OK ||
            ph_hex_decode(text, act->sig[act->sig_cnt], 65) != PH_OK)
            return ph_jread_bad(why, "", "signatures", "expected 65 bytes in hexadecimal each");
        act->sig_cnt++;
    }
    return PH_OK;
}

static enum ph_err read_members(const struct ph_jdoc *doc, struct ph_key_act_signed *act,
                                struct ph_json_why *why)
{
    struct ph_bytes text = {0};
    struct ph_key_act parsed;
    bool present = false;

    PH_TRY(ph_jread_all_keys(doc, 0, "", keys, why));
    PH_TRY(ph_jread_str(doc, 0, "", "format", 1, 64, &text, why));
    if (!ph_bytes_is(text, format))
        return ph_jread_bad(why, "", "format", "expected \"phala-key-act-v1\"");
    PH_TRY(ph_jread_hex_0x(doc, 0, "", "cluster", act->cluster.b, sizeof(act->cluster.b), &present,
                           why));
    PH_TRY(ph_jread_int(doc, 0, "", "expires", 1, UINT32_MAX, &act->expires, why));
    PH_TRY(ph_jread_str(doc, 0, "", "act", 2, 2 * (size_t)PH_KEY_ACT_LEN_MAX, &text, why));
    act->raw_len = text.len / 2;
    if (ph_hex_decode(text, act->raw, act->raw_len) != PH_OK ||
        ph_key_act_decode((struct ph_bytes){act->raw, act->raw_len}, &parsed) != PH_OK)
        return ph_jread_bad(why, "", "act", "expected an act on keys in hexadecimal");
    return read_signatures(doc, act, why);
}

enum ph_err ph_key_act_from_json(struct ph_bytes text, struct ph_key_act_signed *out,
                                 char why[static PH_KEY_ACT_WHY])
{
    struct ph_jtok toks[32];
    struct ph_jdoc doc;
    struct ph_key_act_signed got = {0};
    struct ph_json_why where = {""};

    enum ph_err err = ph_jread_open(text, PH_KEY_ACT_JSON_MAX, toks, PH_LEN(toks), &doc, &where);
    if (err == PH_OK)
        err = read_members(&doc, &got, &where);
    if (err != PH_OK) {
        (void)snprintf(why, PH_KEY_ACT_WHY, "%.150s", where.text);
        return err;
    }
    *out = got;
    return PH_OK;
}
