/* DER: walks every element without recursion; each must lie inside its parent, and writing its
 * contents again must give the same bytes. */

#include "codec/der.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_element(const struct ph_der *e)
{
    struct ph_buf buf = PH_BUF(e->whole.len);
    struct ph_bytes view;
    uint64_t n;
    int64_t s;
    bool b;

    assert(ph_der_put(&buf, e->tag, e->value) == PH_OK);
    assert(ph_bytes_equal(ph_buf_view(&buf), e->whole));
    buf.len = 0;
    if (ph_der_uint(e, &view) == PH_OK && e->tag == PH_DER_INTEGER && view.len <= PH_DER_UINT_MAX) {
        assert(ph_der_put_uint(&buf, view) == PH_OK);
        assert(ph_bytes_equal(ph_buf_view(&buf), e->whole));
    }
    (void)!ph_der_u64(e, &n);
    (void)!ph_der_bool(e, &b);
    (void)!ph_der_bits(e, &view);
    (void)!ph_der_time(e, &s);
    ph_buf_clear(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_reader stack[16] = {{{data, len}}};
    size_t depth = 1;
    uint8_t sig[96];
    struct ph_der e;

    for (size_t n = 32; n <= 48; n += 16) {
        struct ph_buf buf = PH_BUF(len + 16);
        if (ph_der_ecdsa_sig((struct ph_bytes){data, len}, n, sig) == PH_OK) {
            assert(ph_der_put_ecdsa_sig(&buf, sig, n) == PH_OK);
            assert(ph_bytes_equal(ph_buf_view(&buf), (struct ph_bytes){data, len}));
        }
        ph_buf_clear(&buf);
    }
    while (depth > 0) {
        struct ph_reader *r = &stack[depth - 1];
        const struct ph_bytes before = r->rest;
        if (ph_der_next(r, &e) != PH_OK) {
            assert(r->rest.len == before.len);
            depth--;
            continue;
        }
        assert(e.whole.ptr == before.ptr && e.whole.len + r->rest.len == before.len);
        check_element(&e);
        if ((e.tag & 0x20) != 0 && depth < 16)
            stack[depth++].rest = e.value;
    }
    return 0;
}
