/* Whether a worker may be trusted with secrets: its evidence, judged before anything is sealed to
 * the key it names. Part of secret_args.h. */

#include "secret_args.h"

#include "attest/intel/verify.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/aead.h"
#include "keys/report_data.h"
#include "tee/attestation_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define TODO_POLICY "name a policy with --policy FILE; docs/cli.md shows one"

int ph_policy_load(const struct ph_cli *cli, struct ph_policy *out)
{
    const char *file = ph_opts_get(&cli->opts, "policy");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_POLICY_JSON_MAX);
    struct ph_json_why why;
    if (file == NULL)
        return ph_fail(cli, "unverified-worker", NULL, TODO_POLICY,
                       "what is secret is sent only to a worker whose evidence meets your policy");
    if (ph_file_read(file, &text) != PH_OK)
        return ph_fail(cli, "bad-policy", file, NULL, "cannot read the policy: %s",
                       strerror(errno));
    if (ph_policy_parse(ph_buf_view(&text), out, &why) != PH_OK)
        return ph_fail(cli, "bad-policy", file, NULL, "the policy is refused: %s", why.text);
    return PH_EXIT_OK;
}

/* The document must be about the very keys that /v1/info named, and answer our nonce. */
static int check_identity(const struct ph_cli *cli, const struct ph_api *api,
                          const struct ph_attestation_doc *doc, const uint8_t nonce[static 32])
{
    if (memcmp(doc->nonce, nonce, 32) != 0)
        return ph_fail(cli, "unverified-worker", api->url.value, NULL,
                       "the evidence is not fresh: it answers another nonce");
    if (memcmp(doc->identity.caller_x25519, api->caller_x25519, 32) != 0 ||
        memcmp(doc->identity.signer.b, api->signer.b, 20) != 0 ||
        memcmp(doc->identity.cluster.b, api->cluster.b, 20) != 0)
        return ph_fail(cli, "unverified-worker", api->url.value, NULL,
                       "the evidence is about other keys than the worker names");
    return PH_EXIT_OK;
}

int ph_worker_judge(const struct ph_cli *cli, const char *url, const struct ph_policy *policy,
                    struct ph_bytes evidence, const uint8_t report_data[static 64])
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_json_why why;
    if (ph_evidence_parse(evidence, &bundle, &why) != PH_OK ||
        ph_collateral_parse(&ph_evidence_view(bundle)->collateral, &collateral, &why) != PH_OK)
        return ph_fail(cli, "unverified-worker", url, NULL, "the evidence cannot be read: %s",
                       why.text);
    struct ph_verdict *verdict PH_OWNED(ph_freep) = calloc(1, sizeof(*verdict));
    if (verdict == NULL)
        return ph_fail(cli, "io", NULL, NULL, "out of memory");
    struct ph_attest_roots roots = ph_attest_roots_production();
    enum ph_err err = ph_quote_verify(ph_evidence_view(bundle)->quote, collateral, &roots, policy,
                                      report_data, ph_clock_wall_ms() / 1000, verdict);
    if (err != PH_OK || !verdict->accepted)
        return ph_fail(cli, "unverified-worker", url, NULL, "the worker's evidence is refused: %s",
                       verdict->sentence);
    if (!verdict->measurements_demanded && !verdict->insecure_simulator)
        return ph_fail(cli, "unverified-worker", ph_opts_get(&cli->opts, "policy"),
                       "list the measurements of the worker images you trust",
                       "the policy accepts any code: secrets could go to anyone's");
    if (verdict->insecure_simulator)
        fprintf(stderr, "phala %s: INSECURE-SIMULATOR: this worker proves nothing about hardware\n",
                cli->cmd->name);
    return PH_EXIT_OK;
}

/* Fresh evidence about the keys that this worker names, which meets the policy that the user names.
 * `answer` holds what `doc` points into. */
static int demand(const struct ph_cli *cli, const struct ph_api *api, struct ph_http_answer *answer,
                  struct ph_attestation_doc *doc)
{
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    uint8_t nonce[32], report_data[PH_REPORT_DATA_LEN];
    char hex[65], path[128], why[128];

    if (policy == NULL)
        return ph_fail(cli, "io", NULL, NULL, "out of memory");
    int rc = ph_policy_load(cli, policy);
    if (rc != PH_EXIT_OK)
        return rc;
    ph_random(nonce, sizeof(nonce));
    ph_hex_encode(PH_BYTES_OF(nonce), hex);
    (void)snprintf(path, sizeof(path), "/v1/attestation?nonce=%s", hex);
    rc = ph_api_do(cli, api, &(struct ph_api_call){.method = "GET", .path = path}, answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer->status != 200)
        return ph_api_refused(cli, api, answer);
    if (ph_attestation_doc_parse(ph_buf_view(&answer->body), doc, why) != PH_OK)
        return ph_fail(cli, "unverified-worker", api->url.value, NULL,
                       "the attestation document cannot be read: %s", why);
    rc = check_identity(cli, api, doc, nonce);
    if (rc != PH_EXIT_OK)
        return rc;
    ph_worker_report_data(&doc->identity, doc->nonce, report_data);
    return ph_worker_judge(cli, api->url.value, policy, doc->evidence, report_data);
}

int ph_worker_check(const struct ph_cli *cli, const struct ph_api *api)
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    struct ph_attestation_doc doc;

    if (ph_opts_has(&cli->opts, "unverified-worker-insecure")) {
        fprintf(stderr, "phala %s: INSECURE: the worker's evidence is not checked\n",
                cli->cmd->name);
        return PH_EXIT_OK;
    }
    return demand(cli, api, &answer, &doc);
}

int ph_worker_ohttp_keys(const struct ph_cli *cli, const struct ph_api *api,
                         uint8_t out[static PH_OHTTP_KEYS_LEN])
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    struct ph_attestation_doc doc = {0};

    const int rc = demand(cli, api, &answer, &doc);
    if (rc != PH_EXIT_OK)
        return rc;
    if (!doc.identity.has_ohttp)
        return ph_fail(cli, "no-private-calls", api->url.value, NULL,
                       "the worker takes no private calls: its evidence binds no key for them");
    memcpy(out, doc.identity.ohttp_keys, PH_OHTTP_KEYS_LEN);
    return PH_EXIT_OK;
}
