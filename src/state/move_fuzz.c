#include "state/move.h"

#include <assert.h>

/* What parses has one form; tokens and first pages of anything are judged without harm. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes raw = {data, len};
    static const uint8_t key[32];
    struct ph_export_head head;
    struct ph_import_head import;
    uint8_t again[PH_IMPORT_HEAD_LEN], out[32];
    char why[128];

    if (ph_export_head_parse(raw, &head) == PH_OK) {
        ph_export_head_encode(&head, again);
        assert(memcmp(again, data, len) == 0);
        (void)ph_export_piece_len(head.page_cnt, ph_export_piece_cnt(head.page_cnt));
    }
    if (ph_import_head_parse(raw, &import) == PH_OK) {
        ph_import_head_encode(&import, again);
        assert(memcmp(again, data, len) == 0);
    }
    if (ph_move_token_open(key, PH_MOVE_EXPORT, raw, raw, out) == PH_OK)
        return 0;
    const enum ph_err err = ph_import_check_database(raw, 1, why);
    assert(err == PH_OK || err == PH_ERR_MALFORMED);
    return 0;
}
