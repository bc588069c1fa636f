#ifndef PH_PHALA_KEYD_MARKS_FILE_H
#define PH_PHALA_KEYD_MARKS_FILE_H

/* The file beside the state file, STATE.marks, that holds what storage is held against (marks.h)
 * over restarts: one page after another, each after its length, u32be. phalad writes it, a few
 * seconds after changes; so it is older than what was known, never wrong.
 *
 * Tests: mark_roles_test.c, tests/integration/marks.test.mjs.
 */

#include "roles.h"

/* Of marks_head. */
uint8_t marks_file_sealed_by(const struct provider *provider);
/* The key of the file, bound to the sealing key and to the cluster's identity, which no rotation
 * changes, into the scratch memory, which the caller wipes. */
PH_CHECKED enum ph_err marks_file_key(struct keyring_secrets *secrets);

/**
 * After the state file was read: take what the file holds.
 *
 * @path  of the state file; may be NULL where nothing is kept
 * @why   written when refused
 *
 * A state file that names no generation stands for one from before there was a file of marks, or
 * for the moment before it is first named: what cannot be opened then is left aside.
 *
 * Returns PH_ERR_NOT_FOUND    there is none, but the state file names a generation
 *         PH_ERR_UNTRUSTED    altered, of another worker, pages missing, or of an earlier
 *                             generation than the state file names
 *         PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM, PH_ERR_IO
 */
PH_CHECKED enum ph_err marks_file_load(struct keyd *keyd, const char *path,
                                       char why[static PROVIDER_WHY_LEN]);
/* The same of the file's bytes. */
PH_CHECKED enum ph_err marks_file_open(struct keyd *keyd, struct ph_bytes raw,
                                       char why[static PROVIDER_WHY_LEN]);

#endif
