#include "base/err.h"

const char *ph_err_name(enum ph_err err)
{
    switch (err) {
    case PH_OK:
        return "ok";
    case PH_ERR_MALFORMED:
        return "malformed";
    case PH_ERR_UNSUPPORTED:
        return "unsupported";
    case PH_ERR_UNTRUSTED:
        return "untrusted";
    case PH_ERR_LIMIT:
        return "limit";
    case PH_ERR_NOT_FOUND:
        return "not-found";
    case PH_ERR_CONFLICT:
        return "conflict";
    case PH_ERR_NOMEM:
        return "no-memory";
    case PH_ERR_IO:
        return "io";
    case PH_ERR_CLOSED:
        return "closed";
    case PH_ERR_AGAIN:
        return "again";
    }
    return "unknown";
}
