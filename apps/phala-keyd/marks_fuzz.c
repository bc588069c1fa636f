/* A page in the clear, and its head: what is taken comes out again byte for byte. */
#include "marks.h"

#include "base/own.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct heads heads PH_OWNED(heads_clear) = {0};
    struct floors floors PH_OWNED(floors_clear) = {0};
    struct ph_buf again PH_OWNED(ph_buf_clear) = PH_BUF(MARKS_PLAIN_MAX);
    const struct mark_place start = {{0}};
    const struct ph_bytes raw = {data, len};
    struct mark_place next, end;
    struct marks_head head;
    struct ph_bytes sealed;
    char why[MARKS_WHY_LEN];
    bool more;

    if (marks_head_parse(raw, &head, &sealed) == PH_OK && sealed.len >= len)
        abort();
    const enum ph_err err = marks_merge(&heads, &floors, &start, raw, &next, why);
    if (err != PH_OK && heads.cnt + floors.cnt > 0 && err != PH_ERR_LIMIT)
        abort();
    if (err != PH_OK || heads.cnt + floors.cnt >= MARKS_PER_PAGE)
        return 0;
    if (marks_encode(&heads, &floors, &start, &again, &end, &more) != PH_OK || more ||
        !ph_bytes_equal(ph_buf_view(&again), raw) || memcmp(end.b, next.b, sizeof(end.b)) != 0)
        abort();
    return 0;
}
