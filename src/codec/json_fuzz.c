/* Documents: what loads is written, loads again, and its canonical form is a fixed point. */

#include "codec/json.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const allowed[] = {"name", "limits", NULL};
    struct ph_json_why why;
    struct ph_buf text = PH_BUF(1 << 20), again = PH_BUF(1 << 20);
    json_t *doc = NULL, *back = NULL;
    int64_t n = 0;
    const char *s;

    if (ph_json_load((struct ph_bytes){data, len}, 1 << 16, &doc, &why) != PH_OK) {
        assert(strlen(why.text) > 0);
        return 0;
    }
    (void)!ph_json_only_keys(doc, "", allowed, &why);
    (void)!ph_json_int(doc, "x", "limits", 0, 100, &n, &why);
    (void)!ph_json_str(doc, "x", "name", 1, 10, &s, &why);
    assert(ph_json_dump(doc, &text) == PH_OK);
    assert(ph_json_load(ph_buf_view(&text), text.len, &back, &why) == PH_OK);
    json_decref(back);
    text.len = 0;
    if (ph_json_canonical(doc, &text) == PH_OK) {
        assert(ph_json_load(ph_buf_view(&text), text.len, &back, &why) == PH_OK);
        assert(ph_json_canonical(back, &again) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&text), ph_buf_view(&again)));
        json_decref(back);
    }
    json_decref(doc);
    ph_buf_clear(&text);
    ph_buf_clear(&again);
    return 0;
}
