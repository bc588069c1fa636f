#include "attest/tcb_status.h"

static const char *const names[PH_TCB_STATUS_CNT] = {
#define T(id, name) [PH_TCB_##id] = name,
    PH_TCB_STATUSES(T)
#undef T
};

const char *ph_tcb_status_name(enum ph_tcb_status status)
{
    return status < PH_TCB_STATUS_CNT ? names[status] : names[PH_TCB_UNKNOWN];
}

enum ph_err ph_tcb_status_parse(struct ph_bytes name, enum ph_tcb_status *out)
{
    for (int s = PH_TCB_UP_TO_DATE; s <= PH_TCB_REVOKED; s++) {
        if (ph_bytes_is(name, names[s])) {
            *out = (enum ph_tcb_status)s;
            return PH_OK;
        }
    }
    return PH_ERR_NOT_FOUND;
}
