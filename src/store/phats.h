#ifndef PH_STORE_PHATS_H
#define PH_STORE_PHATS_H

/* Deployed phats on disk, one file each, and their sealed secrets. A record carries the owner's
 * signed request, and is judged again when read: storage is not trusted.
 *
 *   <phat id>.phat      "PHP1" | request 148 | signature 65 | time ms u64le | ustar bundle (empty:
 * deleted, the sequence number stays so that old requests cannot be replayed) <phat id>.secrets
 * "PHS1" | request 148 | signature 65 | time ms u64le | sealed bytes
 *
 * Layer: store. Tests: store_test.c, phats_fuzz.c.
 */

#include "base/bytes.h"
#include "base/ids.h"
#include "keys/eip712.h"

enum { PH_BUNDLE_MAX = 16 * 1024 * 1024, PH_SEALED_MAX = 128 * 1024 };

struct ph_phat_record {
    struct ph_owner_request request;
    uint8_t sig[65];
    struct ph_eth_address owner; /* recovered from sig */
    uint64_t time_ms;
    struct ph_buf data; /* owned: bundle or sealed secrets */
};
void ph_phat_record_clear(struct ph_phat_record *record);

enum ph_phat_file { PH_PHAT_BUNDLE, PH_PHAT_SECRETS };
enum { PH_PHAT_RECORD_MAX = PH_BUNDLE_MAX + 4 + PH_OWNER_REQUEST_LEN + 65 + 8 };

/* The bytes of a file, appended. PH_ERR_NOMEM, PH_ERR_LIMIT. */
PH_CHECKED enum ph_err ph_phat_record_encode(enum ph_phat_file file,
                                             const struct ph_phat_record *record,
                                             struct ph_buf *out);
/* Judge such bytes, wherever they come from: on PH_OK the signer owns the phat of this id, and the
 * caller clears *out. PH_ERR_MALFORMED, PH_ERR_UNTRUSTED, PH_ERR_LIMIT, PH_ERR_NOMEM. What is
 * signed (action, worker, content) is the caller's to look at. */
PH_CHECKED enum ph_err ph_phat_record_parse(struct ph_bytes raw, enum ph_phat_file file,
                                            const struct ph_phat_id *id,
                                            struct ph_phat_record *out);

/* Durable when it returns PH_OK. `owner` is not stored. */
PH_CHECKED enum ph_err ph_phat_store(int dir_fd, enum ph_phat_file file,
                                     const struct ph_phat_id *id,
                                     const struct ph_phat_record *record);
/* PH_ERR_NOT_FOUND; PH_ERR_MALFORMED; PH_ERR_UNTRUSTED: the signature, or the id, does not belong
 * to this content. */
PH_CHECKED enum ph_err ph_phat_load(int dir_fd, enum ph_phat_file file, const struct ph_phat_id *id,
                                    struct ph_phat_record *out);
PH_CHECKED enum ph_err ph_phat_remove_secrets(int dir_fd, const struct ph_phat_id *id);
/* Ids of all bundle records in the directory, at most `cap`; unknown file names are skipped. */
PH_CHECKED enum ph_err ph_phat_list(int dir_fd, struct ph_phat_id *out, size_t cap, size_t *cnt);

#endif
