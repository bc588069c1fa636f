/* Code that only the TEE reads: part of deployer.h. */

#include "deployer.h"

#include "base/own.h"
#include "codec/tar.h"
#include "crypto/aead.h"
#include "keys/code_key.h"

#include <stdlib.h>

static struct ph_bytes manifest_of(const struct ph_tar *tar)
{
    for (size_t i = 0; i < tar->file_cnt; i++)
        if (strcmp(tar->files[i].path, "phat.json") == 0)
            return tar->files[i].data;
    return (struct ph_bytes){NULL, 0};
}

static enum ph_err encrypt(const struct ph_api *api, const struct ph_bundle *bundle,
                           struct ph_code_input *in, struct ph_buf *out)
{
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    char why[128];

    if (tar == NULL)
        return PH_ERR_NOMEM;
    PH_TRY(ph_tar_parse(ph_buf_view(&bundle->tar), tar, why));
    if (ph_code_is_in(tar))
        return PH_ERR_CONFLICT;
    in->bundle = ph_buf_view(&bundle->tar);
    in->manifest = manifest_of(tar);
    ph_random(in->key, sizeof(in->key));
    PH_TRY(ph_code_key_wrap(api->caller_x25519, &in->phat, &in->bundle_hash, in->epoch, in->key,
                            in->wrapped));
    return ph_code_seal(in, out);
}

int ph_deploy_encrypt(const struct ph_cli *cli, const struct ph_api *api,
                      const struct ph_owner *owner, const char *name,
                      const struct ph_bundle *bundle, struct ph_buf *out)
{
    struct ph_code_input in = {.bundle_hash = bundle->hash, .epoch = api->epoch};

    if (api->epoch == 0)
        return ph_fail(cli, "bad-answer", api->url.value, "use a worker of this release",
                       "/v1/info names no key epoch to encrypt to");
    ph_phat_id_derive(&owner->address, name, &in.phat);
    const enum ph_err err = encrypt(api, bundle, &in, out);
    ph_wipe(in.key, sizeof(in.key));
    if (err == PH_ERR_CONFLICT)
        return ph_fail(cli, "bad-assets", PH_CODE_FILE, "name the asset otherwise",
                       "a bundle's file cannot have this name");
    if (err != PH_OK)
        return ph_fail(cli, "bundle-too-big", NULL, "deploy less", "cannot encrypt the bundle: %s",
                       ph_err_name(err));
    return PH_EXIT_OK;
}
