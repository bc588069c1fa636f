#include "node/chain_evidence.h"

#include "attest/intel/pki.h"
#include "attest/intel/quote.h"
#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { QUOTE_MAX = 64 * 1024, PCK_CHAIN_TYPE = 5 };

void ph_chain_evidence_clear(struct ph_chain_evidence *e)
{
    ph_buf_clear(&e->quote);
    ph_buf_clear(&e->pck);
}

static enum ph_err refuse(char why[static PH_CHAIN_EVIDENCE_WHY_LEN], enum ph_err err,
                          const char *what)
{
    (void)snprintf(why, PH_CHAIN_EVIDENCE_WHY_LEN, "%s", what);
    return err;
}

enum ph_err ph_chain_evidence_of(struct ph_bytes quote, struct ph_chain_evidence *out,
                                 char why[static PH_CHAIN_EVIDENCE_WHY_LEN])
{
    struct ph_buf cut PH_OWNED(ph_buf_clear) = PH_BUF(QUOTE_MAX);
    struct ph_buf pck PH_OWNED(ph_buf_clear) = PH_BUF(PH_X509_MAX);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_intel_quote parts;
    enum ph_check check;

    if (ph_intel_quote_parse(quote, &parts, &check) != PH_OK)
        return refuse(why, PH_ERR_UNSUPPORTED,
                      "this machine's evidence is not Intel's: its kind is registered with a "
                      "committee's certificate");
    if (parts.cert_type != PCK_CHAIN_TYPE)
        return refuse(why, PH_ERR_UNSUPPORTED,
                      "the quote has no certificates in it: set the host up to put its PCK chain "
                      "into quotes");
    const enum ph_err err = ph_chain_parse_pck(parts.cert_data, NULL, &chain);
    if (err != PH_OK)
        return refuse(why, err, "the quote's certificates are no PCK chain");
    const struct ph_bytes head = {quote.ptr,
                                  (size_t)(parts.qe_auth.ptr + parts.qe_auth.len - quote.ptr)};
    PH_TRY(ph_buf_add(&cut, head));
    PH_TRY(ph_buf_add(&pck, chain->leaf.whole));
    ph_keccak256(chain->ca.whole, out->ca_id.b);
    out->quote = cut;
    out->pck = pck;
    cut = pck = (struct ph_buf){0};
    return PH_OK;
}
