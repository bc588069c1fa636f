/* Any text as a phat's question: what is taken becomes JSON of JSON-RPC's form, about final blocks.
 */

#include "chain/query.h"

#include <assert.h>

enum { FINAL = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_jtok toks[1024];
    struct ph_json_why why = {""};
    struct ph_query q;
    struct ph_jdoc doc;

    if (ph_query_parse((struct ph_bytes){data, len}, FINAL, &q, &why) != PH_OK)
        return 0;
    assert(q.to_block <= FINAL && q.from_block <= q.to_block);
    assert(ph_jscan(ph_buf_view(&q.params), toks, 1024, &doc) == PH_OK);
    assert(doc.toks[0].type == PH_JARRAY);
    ph_query_clear(&q);
    return 0;
}
