/* phala keys restore: a holder's share goes to a new worker's phala-keyd, and to nobody else. */

#include "api.h"
#include "cmd_keys.h"
#include "restore_offer.h"
#include "secret_args.h"

#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "keys/escrow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int read_backup(const struct ph_cli *cli, const char *file, struct ph_buf *raw,
                       struct ph_escrow *out)
{
    if (ph_file_read(file, raw) != PH_OK)
        return ph_fail(cli, "io", file, NULL, "cannot read the backup: %s", strerror(errno));
    const enum ph_err err = ph_escrow_parse(ph_buf_view(raw), out);
    if (err == PH_ERR_UNTRUSTED)
        return ph_fail(cli, "bad-backup", file, NULL,
                       "the backup is altered: the cluster that it names did not sign it");
    if (err != PH_OK)
        return ph_fail(cli, "bad-backup", file, NULL, "this is no backup of a cluster's keys");
    return PH_EXIT_OK;
}

/* Who waits there, proved by fresh evidence that binds the key it wants shares sealed to. */
static int ask_offer(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_escrow *backup, struct ph_restore_offer *offer)
{
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    uint8_t nonce[32], report_data[64];
    char hex[65], path[128], why[128] = "";

    if (policy == NULL)
        return ph_fail(cli, "io", NULL, NULL, "out of memory");
    int rc = ph_policy_load(cli, policy);
    if (rc != PH_EXIT_OK)
        return rc;
    ph_random(nonce, sizeof(nonce));
    ph_hex_encode(PH_BYTES_OF(nonce), hex);
    (void)snprintf(path, sizeof(path), "/v1/restore?nonce=%s", hex);
    rc = ph_api_do(cli, api, &(struct ph_api_call){.method = "GET", .path = path}, &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer.status != 200)
        return ph_api_refused(cli, api, &answer);
    if (ph_restore_offer_parse(ph_buf_view(&answer.body), offer, why) != PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "what the worker says about itself cannot be read: %s", why);
    if (memcmp(offer->nonce, nonce, sizeof(nonce)) != 0)
        return ph_fail(cli, "unverified-worker", api->url.value, NULL,
                       "the evidence is not fresh: it answers another nonce");
    if (memcmp(offer->cluster.b, backup->cluster.b, sizeof(backup->cluster.b)) != 0)
        return ph_fail(cli, "wrong-cluster", api->url.value, NULL,
                       "the worker waits for the keys of another cluster than the backup's");
    ph_escrow_report_data(offer->key, nonce, &offer->signer, &offer->cluster, report_data);
    rc = ph_worker_judge(cli, api->url.value, policy, offer->evidence, report_data);
    offer->evidence = (struct ph_bytes){0};
    return rc;
}

static int seal_share(const struct ph_cli *cli, const struct ph_escrow *backup,
                      const uint8_t holder[static 32], const uint8_t key[static 32],
                      uint8_t out[static PH_ESCROW_SEALED_LEN])
{
    struct ph_shamir_share share;
    enum ph_err err = ph_escrow_open_share(backup, holder, &share);
    if (err == PH_ERR_NOT_FOUND)
        return ph_fail(cli, "no-share", NULL, "use the keystore that phala keys holder was given",
                       "the backup has no share for this keystore");
    if (err != PH_OK)
        return ph_fail(cli, "bad-backup", NULL, NULL, "the share in the backup does not open");
    err = ph_escrow_return(backup, &share, key, out);
    ph_wipe(&share, sizeof(share));
    return err == PH_OK ? PH_EXIT_OK
                        : ph_fail(cli, "bad-answer", NULL, NULL,
                                  "nothing can be sealed to the worker's key");
}

static int send_share(const struct ph_cli *cli, const struct ph_api *api, struct ph_bytes backup,
                      const uint8_t sealed[static PH_ESCROW_SEALED_LEN], json_t **answer)
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(2 + PH_ESCROW_MAX + PH_ESCROW_SEALED_LEN);
    const uint8_t len[2] = {(uint8_t)(backup.len >> 8), (uint8_t)backup.len};
    if (ph_buf_add(&body, PH_BYTES_OF(len)) != PH_OK || ph_buf_add(&body, backup) != PH_OK ||
        ph_buf_add(&body, (struct ph_bytes){sealed, PH_ESCROW_SEALED_LEN}) != PH_OK)
        return ph_fail(cli, "io", NULL, NULL, "out of memory");
    const struct ph_api_call call = {.method = "POST",
                                     .path = "/v1/restore",
                                     .content_type = "application/octet-stream",
                                     .body = ph_buf_view(&body)};
    return ph_api_json(cli, api, &call, answer);
}

int ph_keys_restore(const struct ph_cli *cli, const char *file)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    json_t *answer PH_OWNED(ph_json_freep) = NULL;
    struct ph_restore_offer offer;
    struct ph_escrow backup;
    struct ph_api api;
    uint8_t holder[32], public[32], sealed[PH_ESCROW_SEALED_LEN];

    int rc = read_backup(cli, file, &raw, &backup);
    if (rc == PH_EXIT_OK)
        rc = ph_api_settle(cli, &api);
    if (rc == PH_EXIT_OK)
        rc = ask_offer(cli, &api, &backup, &offer);
    if (rc == PH_EXIT_OK)
        rc = ph_holder_unlock(cli, holder, public);
    if (rc == PH_EXIT_OK)
        rc = seal_share(cli, &backup, holder, offer.key, sealed);
    ph_wipe(holder, sizeof(holder));
    if (rc == PH_EXIT_OK)
        rc = send_share(cli, &api, ph_buf_view(&raw), sealed, &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    const json_int_t have = json_integer_value(json_object_get(answer, "have"));
    const json_int_t needed = json_integer_value(json_object_get(answer, "needed"));
    const struct ph_address_text cluster = ph_address_text(&backup.cluster);
    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:s,s:i,s:I,s:I,s:b}", "ok", 1, "cluster", cluster.s,
                                       "epoch", (int)backup.epoch, "have", have, "needed", needed,
                                       "restored", have == needed));
    printf("share %d of %d given for cluster %s, epoch %u\n", (int)have, (int)needed, cluster.s,
           backup.epoch);
    if (have == needed)
        printf("the keys are restored\n");
    return PH_EXIT_OK;
}
