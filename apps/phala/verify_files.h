#ifndef PH_CLI_VERIFY_FILES_H
#define PH_CLI_VERIFY_FILES_H

/* What `phala verify` is given: a receipt, or a kept call (call_record.h) that holds a receipt with
 * everything around it; and single files that stand in for the parts. All of it is untrusted.
 *
 * Tests: verify_test.c.
 */

#include "codec/json.h"
#include "keys/receipt.h"
#include "tee/attestation_doc.h"

enum {
    PH_VERIFY_FILE_MAX = 192 << 20, /* a kept call with a long answer, in base64 */
    PH_VERIFY_BODY_MAX = 128 << 20,
    PH_VERIFY_WHY_LEN = 512,
};

/* Paths and values of the command line; NULL: not given. */
struct ph_verify_opts {
    const char *file;
    const char *evidence, *policy, *at;
    const char *request, *method, *target, *request_type;
    const char *response, *response_type, *response_encoding, *location;
    const char *bundle_hash, *phat, *nonce, *signer, *fresher_than;
    bool accept_simulator_insecure, explain, json;
};

/* A request or an answer, as the caller has it. `has` false: not given. Strings are "" for a header
 * that was absent. */
struct ph_verify_message {
    bool has;
    const char *method, *target;                            /* request */
    uint16_t status;                                        /* response */
    const char *content_type, *content_encoding, *location; /* content_type: both */
    struct ph_buf body;
};

struct ph_verify_input {
    struct ph_receipt receipt;
    struct ph_buf receipt_text;
    struct ph_verify_message request, response;
    bool has_attestation;
    struct ph_attestation_doc attestation; /* a view into attestation_text */
    struct ph_buf attestation_text;
    /* Expected by the caller. */
    bool has_phat, has_nonce, has_bundle_hash, has_signer;
    struct ph_phat_id phat;
    struct ph_hash32 nonce, bundle_hash;
    struct ph_eth_address signer;
    json_t *record; /* owns the strings of a kept call; NULL for a bare receipt */
};

/* Zero-initialised by the caller. `why`: which file or option, what is wrong. PH_ERR_MALFORMED,
 * PH_ERR_LIMIT, PH_ERR_IO, PH_ERR_NOMEM */
PH_CHECKED enum ph_err ph_verify_input_load(const struct ph_verify_opts *opts,
                                            struct ph_verify_input *out,
                                            char why[static PH_VERIFY_WHY_LEN]);
void ph_verify_input_clear(struct ph_verify_input *input);

#endif
