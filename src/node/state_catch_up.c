#include "node/state_catch_up.h"

#include "base/own.h"

enum ph_err ph_state_catch_up(struct ph_keyd_client *keyd, const struct ph_phat_id *phat,
                              struct ph_commit_writer *log, bool but_newest,
                              char why[static PH_COMMIT_LOG_WHY])
{
    struct ph_buf record PH_OWNED(ph_buf_clear) =
        PH_BUF(ph_state_record_len(PH_STATE_COMMIT_PAGES));
    uint64_t first, last, next;

    ph_commit_writer_range(log, &first, &last);
    const enum ph_err err = ph_keyd_client_state_known(keyd, phat, &next, why);
    if (err == PH_ERR_NOT_FOUND)
        return PH_OK;
    PH_TRY(err);
    next++;
    if (first > next) {
        PH_TRY(ph_commit_read(log, first, &record, why));
        PH_TRY(
            ph_keyd_client_state_skip(keyd, (struct ph_bytes){record.ptr, PH_STATE_HEAD_LEN}, why));
        next = first + 1;
    }
    for (; next < last + !but_newest; next++) {
        PH_TRY(ph_commit_read(log, next, &record, why));
        PH_TRY(ph_keyd_client_state_advance(keyd, (struct ph_bytes){record.ptr, PH_STATE_HEAD_LEN},
                                            why));
    }
    return PH_OK;
}
