#ifndef PH_BASE_ERR_H
#define PH_BASE_ERR_H

/* Error classes and the must-check convention used by every module.
 *
 * Layer: base. Tests: base_test.c.
 */

/* Why an operation failed, in classes a caller can act on. Zero is success. */
enum ph_err {
    PH_OK = 0,
    PH_ERR_MALFORMED,   /* input breaks its format */
    PH_ERR_UNSUPPORTED, /* well-formed, but a version or algorithm we do not accept */
    PH_ERR_UNTRUSTED,   /* well-formed, but evidence, signature or policy says no */
    PH_ERR_LIMIT,       /* input or use exceeds a limit */
    PH_ERR_NOT_FOUND,   /* the named thing does not exist */
    PH_ERR_CONFLICT,    /* the state changed under the caller: replay, race, duplicate */
    PH_ERR_NOMEM,
    PH_ERR_IO,     /* the operating system or a peer failed; errno may say more */
    PH_ERR_CLOSED, /* the peer closed an orderly channel */
    PH_ERR_AGAIN,  /* nothing now; wait for readiness and call again */
};

/* Name of an error class, for logs and JSON: "malformed", "untrusted", … Static storage. */
const char *ph_err_name(enum ph_err err);

/* On every function that can fail. (gcc 12 takes this on functions only, not on the enum.) */
#define PH_CHECKED __attribute__((warn_unused_result))

/* The one macro that hides control flow: pass a failure on, unchanged. */
#define PH_TRY(expr)                                                                               \
    do {                                                                                           \
        enum ph_err ph_try_err_ = (expr);                                                          \
        if (ph_try_err_ != PH_OK)                                                                  \
            return ph_try_err_;                                                                    \
    } while (0)

#endif
