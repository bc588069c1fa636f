/* The scanner: tokens nest, follow each other, and each one's raw bytes scan again to the same
 * tokens. What it accepts, jansson accepts too. */

#include "codec/jscan.h"
#include "codec/json.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { TOKS = 512 };

static void check_token(const struct ph_jdoc *doc, uint32_t i)
{
    static struct ph_jtok again[TOKS];
    const struct ph_jtok *t = &doc->toks[i];
    struct ph_jdoc inner;

    assert(t->start < t->end && t->end <= doc->text.len && t->next > i && t->next <= doc->tok_cnt);
    assert(ph_jscan(ph_jscan_raw(doc, i), again, TOKS, &inner) == PH_OK);
    assert(inner.tok_cnt == t->next - i && again[0].type == t->type && again[0].cnt == t->cnt);
    uint32_t cnt = 0;
    if (t->type == PH_JARRAY || t->type == PH_JOBJECT) {
        for (uint32_t j = ph_jscan_first(i); j < t->next; j = doc->toks[j].next, cnt++)
            assert(doc->toks[j].start > t->start && doc->toks[j].end < t->end);
    }
    assert(cnt == t->cnt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_jtok toks[TOKS];
    struct ph_jdoc doc;
    struct ph_bytes s;
    uint8_t hex[8];
    uint64_t n;

    if (ph_jscan((struct ph_bytes){data, len}, toks, TOKS, &doc) != PH_OK)
        return 0;
    for (uint32_t i = 0; i < doc.tok_cnt && i < 64; i++) {
        check_token(&doc, i);
        (void)!ph_jscan_str(&doc, i, &s);
        (void)!ph_jscan_u64(&doc, i, &n);
        (void)!ph_jscan_hex(&doc, i, hex, sizeof(hex));
        (void)ph_jscan_get(&doc, i, "tcbInfo");
    }
    if (toks[0].type == PH_JOBJECT || toks[0].type == PH_JARRAY) {
        struct ph_json_why why;
        json_t *other = NULL;
        /* jansson refuses U+0000, which is the one thing it has less of. */
        if (ph_json_load(doc.text, len, &other, &why) != PH_OK)
            assert(memmem(data, len, "\\u0000", 6) != NULL);
        json_decref(other);
    }
    return 0;
}
