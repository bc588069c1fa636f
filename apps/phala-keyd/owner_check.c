#include "owner_check.h"

#include <stdio.h>

static enum ph_err because(enum ph_err err, const char *text, char why[static CLUSTER_WHY_LEN])
{
    (void)snprintf(why, CLUSTER_WHY_LEN, "owner request: %s", text);
    return err;
}

enum ph_err keyd_owner_of(const struct keyring *ring, struct ph_bytes raw,
                          const struct ph_bytes65 *sig, const char *action,
                          struct ph_owner_request *req, struct ph_phat_id *phat,
                          char why[static CLUSTER_WHY_LEN])
{
    struct ph_eth_address owner;

    if (ph_owner_request_decode(raw, req) != PH_OK)
        return because(PH_ERR_MALFORMED, "not in the form that was signed", why);
    if (strcmp(req->action, action) != 0)
        return because(PH_ERR_UNTRUSTED, "signed for another action", why);
    if (memcmp(req->cluster.b, ring->cluster.b, sizeof(req->cluster.b)) != 0)
        return because(PH_ERR_UNTRUSTED, "signed for another cluster", why);
    if (ph_owner_request_recover(req, sig->b, &owner) != PH_OK)
        return because(PH_ERR_UNTRUSTED, "no valid signature", why);
    ph_phat_id_derive(&owner, req->name, phat);
    return PH_OK;
}
