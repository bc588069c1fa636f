#ifndef PH_CLI_FILES_H
#define PH_CLI_FILES_H

/* Files as the CLI reads and writes them: whole, bounded, atomically, and the places where the
 * installed (or freshly built) parts lie. Failures leave errno for the message.
 *
 * Tests: bundle_test.c.
 */

#include "base/bytes.h"

enum { PH_PATH_MAX = 4096 };

/* A file path in the caller's storage. */
struct ph_path {
    char s[PH_PATH_MAX];
};

/* Formats a path. PH_ERR_LIMIT: it does not fit. */
PH_CHECKED enum ph_err ph_path_set(struct ph_path *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Append a regular file's (or, for "-", standard input's) bytes to `out`.
 * PH_ERR_NOT_FOUND, PH_ERR_LIMIT: over out's limit, PH_ERR_IO, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_file_read(const char *path, struct ph_buf *out);
/* Replace a file's content in one step: written beside it, synced, renamed. `mode` as in open(2).
 */
PH_CHECKED enum ph_err ph_file_write(const char *path, struct ph_bytes data, unsigned mode);
/* The same for a file that must not exist yet: PH_ERR_CONFLICT if it does. */
PH_CHECKED enum ph_err ph_file_write_new(const char *path, struct ph_bytes data, unsigned mode);
/* mkdir -p; new directories get mode 0700 when `only_owner`, else 0777 less the umask. */
PH_CHECKED enum ph_err ph_dir_make(const char *path);
PH_CHECKED enum ph_err ph_dir_make_private(const char *path);
/* rm -rf of a directory this process made. Does not follow links. */
void ph_dir_remove(const char *path);

/* "$XDG_CONFIG_HOME/phala" or "~/.config/phala". PH_ERR_NOT_FOUND: neither variable is set. */
PH_CHECKED enum ph_err ph_config_dir(struct ph_path *out);

/* Where the parts lie: beside the executable's build tree, or under the installation prefix. */
PH_CHECKED enum ph_err ph_template_dir(struct ph_path *out);
/* A file of the checkout that the executable was built in, or that the working directory is in;
 * `name` below its root. PH_ERR_NOT_FOUND. */
PH_CHECKED enum ph_err ph_checkout_find(const char *name, struct ph_path *out);
/* A daemon's executable by name ("phalad"). PH_ERR_NOT_FOUND. */
PH_CHECKED enum ph_err ph_program_find(const char *name, struct ph_path *out);
/* The native esbuild: PHALA_ESBUILD, then node_modules of `project_dir` and the directories above
 * it, then the installed copy. PH_ERR_NOT_FOUND. */
PH_CHECKED enum ph_err ph_esbuild_find(const char *project_dir, struct ph_path *out);

#endif
