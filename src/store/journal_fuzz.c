/* Any bytes as a journal's file: records are whole and inside, and what was read reads the same
 * again when what is torn off is cut away. */

#include "store/journal.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct ph_bytes whole_file;

static enum ph_err take(void *ctx, struct ph_bytes record)
{
    size_t *cnt = ctx;

    assert(record.len > 0 && record.ptr > whole_file.ptr &&
           record.ptr + record.len <= whole_file.ptr + whole_file.len);
    ++*cnt;
    return PH_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t whole = 0, again = 0, cnt = 0, cnt_again = 0;

    whole_file = (struct ph_bytes){data, len};
    if (ph_journal_scan(whole_file, take, &cnt, &whole) != PH_OK)
        return 0;
    assert(whole <= len);
    assert(ph_journal_scan((struct ph_bytes){data, whole}, take, &cnt_again, &again) == PH_OK);
    assert(again == whole && cnt == cnt_again);
    return 0;
}
