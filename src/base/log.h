#ifndef PH_BASE_LOG_H
#define PH_BASE_LOG_H

/* Structured logs of a process: one JSON object a line, on standard error. Libraries never log; the
 * code under node/ and apps/ that stops an error from travelling does, once. Never pass a secret.
 *
 * Layer: base. Tests: base_test.c.
 */

enum ph_log_level { PH_LOG_DEBUG, PH_LOG_INFO, PH_LOG_WARN, PH_LOG_ERROR };

/* Process name in each line (static storage), and the least level written. Once, at start. */
void ph_log_setup(const char *process, enum ph_log_level least);

/**
 * Write {"time":…,"level":…,"process":…,"msg":msg, key: value…}.
 *
 * @...  pairs (const char *key, const char *value), ended by NULL. Values are escaped; anything
 * that is not printable UTF-8 becomes \u escapes. Lines over 8 KiB are cut.
 */
void ph_log(enum ph_log_level level, const char *msg, ...) __attribute__((sentinel));

/* Escape `len` bytes into a JSON string body (no quotes), at most cap-1 bytes, always
 * NUL-terminated. */
void ph_log_escape(const char *text, unsigned long len, char *out, unsigned long cap);

#endif
