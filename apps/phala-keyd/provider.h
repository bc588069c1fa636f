#ifndef PH_PHALA_KEYD_PROVIDER_H
#define PH_PHALA_KEYD_PROVIDER_H

/* Where the keys come from: the state file, opened with a sealing key that the TEE (or, in
 * development, a key file) gives. docs/keys.md says what each provider protects from. */

#include "keyring.h"

#include "base/bytes.h"

#include <stdbool.h>

enum { PROVIDER_WHY_LEN = 256, PROVIDER_STATE_MAX = KEYRING_BYTES_MAX + PH_SEALED_OVERHEAD };

/* Parsed --seal. */
struct provider {
    enum { PROVIDER_NONE, PROVIDER_SIMULATOR_INSECURE, PROVIDER_SNP } kind;
    const char *key_file; /* simulator; borrowed from the command line */
};

/* How a worker without a state begins. */
enum provider_begin {
    PROVIDER_FOUND, /* as the first of a new cluster */
    PROVIDER_WAIT,  /* it waits to be given the keys of one: nothing is made or stored */
};

/* "none", "snp" or "simulator:FILE". PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err provider_parse(const char *text, struct provider *out);

/**
 * Fill in seed and cluster keys: from the state file, or, when there is none, made and stored
 * before this returns.
 *
 * @state  path of the state file; NULL only with PROVIDER_NONE
 * @owners of the keys of a cluster that is founded
 * @why    written when refused
 *
 * Returns PH_ERR_UNTRUSTED    sealed by another key, or altered
 *         PH_ERR_UNSUPPORTED  sealed by another kind of provider
 *         PH_ERR_MALFORMED    a file that is no state (or no sealing key)
 *         PH_ERR_NOT_FOUND    there is a state but no sealing key
 *         PH_ERR_IO
 */
PH_CHECKED enum ph_err provider_load(const struct provider *provider, const char *state,
                                     enum provider_begin begin, const struct ph_key_owners *owners,
                                     struct keyring *ring, char why[static PROVIDER_WHY_LEN]);
/* The state file's content with these keys, at most PROVIDER_STATE_MAX bytes; nothing with
 * PROVIDER_NONE. Appended. */
PH_CHECKED enum ph_err provider_state(const struct provider *provider, const struct keyring *ring,
                                      const struct ph_cluster_keys *keys, struct ph_buf *out);

/* Flags for KEYD_INFO_IS. */
uint8_t provider_flags(const struct provider *provider);

#endif
