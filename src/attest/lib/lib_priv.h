#ifndef PH_ATTEST_LIB_LIB_PRIV_H
#define PH_ATTEST_LIB_LIB_PRIV_H

/* What stands behind the opaque types of phala_attest.h. Verdicts, policies and collateral
 * are the module's own structs under another name. */

#include "attest/batch.h"
#include "attest/evidence.h"
#include "attest/lib/phala_attest.h"
#include "codec/jput.h"

#include <assert.h>

enum { PH_LIB_JSON_MAX = 16 << 20 };

/* Evidence as it came, and parts that were added to it. */
struct phala_attest_evidence {
    struct ph_evidence_bundle *bundle;
    struct ph_evidence view; /* into bundle and added */
    struct ph_lib_part {
        struct ph_lib_part *next;
        uint8_t bytes[];
    } * added;
};

enum phala_attest_error ph_lib_error(enum ph_err err);
/* Hand over a text: *out is malloc'ed and NUL-terminated. */
PH_CHECKED enum phala_attest_error ph_lib_text(enum ph_err err, const struct ph_buf *text,
                                               char **out);
/* A copy of what the caller gave, as long as their struct was: members that they do not know are
 * zero. False: something mandatory is missing. */
bool ph_lib_request(const struct phala_attest_request *given, struct phala_attest_request *out);
static inline void ph_lib_why(struct phala_attest_why *out, const struct ph_json_why *why)
{
    static_assert(sizeof(out->text) == sizeof(why->text), "one is the other");
    if (out)
        memcpy(out->text, why->text, sizeof(out->text));
}

static inline const struct ph_verdict *ph_lib_verdict(const struct phala_attest_verdict *v)
{
    return (const struct ph_verdict *)(const void *)v;
}

#endif
