#ifndef PH_CLI_SECRET_ARGS_H
#define PH_CLI_SECRET_ARGS_H

/* Secrets as they are given to deploy and secrets: NAME=@FILE, or NAME=- for standard input or a
 * prompt. Values never stand on the command line, where other processes can read them. */

#include "api.h"

#include "attest/policy.h"
#include "keys/ohttp.h"
#include "keys/secrets.h"

/* Options of the commands that send secrets: --policy, --unverified-worker-insecure. */
extern const struct ph_opt ph_opts_secrets[];

/* The secrets of one phat, as the JSON document that is sealed to the worker. Wiped on clear. */
struct ph_secret_doc {
    struct ph_buf text;
    size_t cnt;
    struct ph_secrets_for bundles; /* that get them */
};

/* Read them all. @specs  cnt strings NAME=@FILE or NAME=-. */
int ph_secret_doc_read(const struct ph_cli *cli, const char *const *specs, size_t cnt,
                       struct ph_secret_doc *out);
void ph_secret_doc_clear(struct ph_secret_doc *doc);

/**
 * May this worker have secrets? The key that they are sealed to comes from /v1/info; this asks for
 * fresh evidence, judges it by the policy that the user names, and demands that it binds that key.
 * With --unverified-worker-insecure nothing is asked, and a warning is printed.
 */
int ph_worker_check(const struct ph_cli *cli, const struct ph_api *api);

/* The policy that --policy names; without one, told. */
int ph_policy_load(const struct ph_cli *cli, struct ph_policy *out);
/* Evidence (a bundle) of the worker at `url` over this report data, judged now by a policy, which
 * must name measurements unless the evidence is the simulator's. */
int ph_worker_judge(const struct ph_cli *cli, const char *url, const struct ph_policy *policy,
                    struct ph_bytes evidence, const uint8_t report_data[static 64]);

/* The key configuration of the worker's private calls, from evidence that was judged likewise;
 * there is no going on without. */
int ph_worker_ohttp_keys(const struct ph_cli *cli, const struct ph_api *api,
                         uint8_t out[static PH_OHTTP_KEYS_LEN]);

/* Seal to the worker's key and send. They replace all secrets the phat has. */
int ph_secrets_send(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_owner *owner, const struct ph_target *target,
                    const struct ph_secret_doc *doc, uint64_t sequence);

#endif
