/* Reading must not crash, and canonicalising twice must change nothing: of the document, of the
 * document without its second element, and of that element. */

#include "attest/nvidia/xml.h"
#include "base/own.h"

#include <stdlib.h>

static void add(void *ctx, struct ph_bytes piece)
{
    if (ph_buf_add(ctx, piece) != PH_OK)
        abort();
}

static void check_stable(const struct ph_buf *form)
{
    struct ph_buf again PH_OWNED(ph_buf_clear) = PH_BUF(1 << 24);
    if (ph_xml_c14n_without(ph_buf_view(form), SIZE_MAX, (struct ph_xml_sink){add, &again}) !=
            PH_OK ||
        !ph_bytes_equal(ph_buf_view(form), ph_buf_view(&again)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes doc = {data, len};
    struct ph_buf form PH_OWNED(ph_buf_clear) = PH_BUF(1 << 24);
    const struct ph_xml_sink sink = {add, &form};
    struct ph_xml x;
    size_t second = SIZE_MAX;

    if (ph_xml_c14n_without(doc, SIZE_MAX, sink) != PH_OK || ph_xml_open(&x, doc) != PH_OK)
        return 0;
    check_stable(&form);
    do {
        if (ph_xml_next(&x) != PH_OK)
            abort(); /* it was read once already */
        if (x.token == PH_XML_START && x.depth == 2 && second == SIZE_MAX)
            second = x.at;
    } while (x.token != PH_XML_DONE);
    if (second == SIZE_MAX)
        return 0;
    form.len = 0;
    if (ph_xml_c14n_without(doc, second, sink) != PH_OK)
        abort();
    check_stable(&form);
    form.len = 0;
    if (ph_xml_c14n_element(doc, second, sink) != PH_OK)
        abort();
    check_stable(&form);
    return 0;
}
