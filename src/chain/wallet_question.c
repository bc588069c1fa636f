#include "chain/wallet_question.h"

#include "base/hex.h"
#include "codec/jread.h"

enum { TOKS = 64, GAS_MIN = 21000, GAS_MAX = 1 << 24 };

struct form {
    const struct ph_jdoc *doc;
    struct ph_wallet_wanted *w;
    struct ph_json_why *why;
};

void ph_wallet_wanted_clear(struct ph_wallet_wanted *w)
{
    ph_buf_clear(&w->data);
}

static enum ph_err read_data(struct form *f)
{
    struct ph_bytes text = {0};
    uint8_t *at;

    PH_TRY(ph_jread_str(f->doc, 0, "", "data", 2, 2 + 2 * PH_WALLET_DATA_MAX, &text, f->why));
    if (text.len == 0)
        return PH_OK;
    const size_t len = (text.len - 2) / 2;
    PH_TRY(ph_buf_reserve(&f->w->data, len + 1, &at));
    if (memcmp(text.ptr, "0x", 2) != 0 || text.len % 2 != 0 ||
        (len > 0 && ph_hex_decode((struct ph_bytes){text.ptr + 2, text.len - 2}, at, len) != PH_OK))
        return ph_jread_bad(f->why, "", "data", "is no bytes 0x…");
    f->w->data.len = len;
    return PH_OK;
}

static enum ph_err read_send(struct form *f)
{
    static const char *const keys[] = {"ask", "to", "data", "value", "gas", "key", NULL};
    struct ph_wallet_wanted *w = f->w;
    struct ph_bytes value = {0};
    bool present = false;

    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(ph_jread_hex_0x(f->doc, 0, "", "to", w->to.b, sizeof(w->to.b), &present, f->why));
    if (!present)
        return ph_jread_bad(f->why, "", "to", "is missing");
    PH_TRY(ph_jread_str(f->doc, 0, "", "value", 1, 78, &value, f->why));
    if (value.len > 0 && ph_u256_parse_decimal(value, &w->value) != PH_OK)
        return ph_jread_bad(f->why, "", "value", "is no amount of wei");
    PH_TRY(ph_jread_int(f->doc, 0, "", "gas", GAS_MIN, GAS_MAX, &w->gas, f->why));
    PH_TRY(ph_jread_str(f->doc, 0, "", "key", 1, PH_WALLET_KEY_MAX, &w->key, f->why));
    return read_data(f);
}

static enum ph_err read_hash(struct form *f)
{
    bool present = false;

    PH_TRY(ph_jread_hex_0x(f->doc, 0, "", "hash", f->w->hash.b, sizeof(f->w->hash.b), &present,
                           f->why));
    return present ? PH_OK : ph_jread_bad(f->why, "", "hash", "is missing");
}

static enum ph_err read_receipt(struct form *f)
{
    static const char *const keys[] = {"ask", "hash", NULL};

    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    return read_hash(f);
}

static enum ph_err read_wait(struct form *f)
{
    static const char *const keys[] = {"ask", "hash", "final", NULL};

    PH_TRY(ph_jread_only_keys(f->doc, 0, "", keys, f->why));
    PH_TRY(ph_jread_bool(f->doc, 0, "", "final", &f->w->final, f->why));
    return read_hash(f);
}

static enum ph_err read_bare(struct form *f)
{
    static const char *const keys[] = {"ask", NULL};

    return ph_jread_only_keys(f->doc, 0, "", keys, f->why);
}

static enum ph_err read_it(struct form *f)
{
    static const struct {
        const char *name;
        enum ph_wallet_wish wish;
        enum ph_err (*read)(struct form *f);
    } asks[] = {{"address", PH_WALLET_ADDRESS, read_bare},
                {"balance", PH_WALLET_BALANCE, read_bare},
                {"send", PH_WALLET_SEND, read_send},
                {"receipt", PH_WALLET_RECEIPT, read_receipt},
                {"wait", PH_WALLET_WAIT, read_wait}};
    struct ph_bytes ask = {0};

    PH_TRY(ph_jread_str(f->doc, 0, "", "ask", 1, 16, &ask, f->why));
    for (size_t i = 0; i < PH_LEN(asks); i++)
        if (ph_bytes_is(ask, asks[i].name)) {
            f->w->wish = asks[i].wish;
            return asks[i].read(f);
        }
    return ph_jread_bad(f->why, "", "ask", "is none of address, balance, send, receipt, wait");
}

enum ph_err ph_wallet_question_parse(struct ph_bytes text, struct ph_wallet_wanted *out,
                                     struct ph_json_why *why)
{
    struct ph_wallet_wanted w = {.final = true, .data = PH_BUF(PH_WALLET_DATA_MAX + 1)};
    struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;
    struct form f = {&doc, &w, why};

    PH_TRY(ph_jread_open(text, PH_WALLET_QUESTION_MAX, toks, TOKS, &doc, why));
    if (doc.toks[0].type != PH_JOBJECT)
        return ph_jread_bad(why, "", "question", "is no object");
    const enum ph_err err = read_it(&f);
    if (err != PH_OK) {
        ph_wallet_wanted_clear(&w);
        return err;
    }
    *out = w;
    return PH_OK;
}
