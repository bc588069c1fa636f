#ifndef PH_ATTEST_CLAIMS_JSON_PRIV_H
#define PH_ATTEST_CLAIMS_JSON_PRIV_H

#include "attest/verdict.h"
#include "codec/jput.h"

/* What was proved, member by member: the "claims" of a verdict. */
void ph_claims_json(const struct ph_claims *claims, struct ph_jput *out, const char *key);

#endif
