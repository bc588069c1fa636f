#ifndef PHALA_PRINTABLE_H
#define PHALA_PRINTABLE_H

/* Text of workers, phats and files on its way to a terminal.
 *
 * Tests: printable_test.c, log_lines_test.c.
 */

#include <stddef.h>
#include <stdint.h>

/* Replace each of these by one '?', in place: control characters but tab and line feed (C0, DEL,
 * C1), line and paragraph separators, characters that turn the direction of text, and bytes that
 * are no UTF-8. Yields the new length, which is not greater. */
size_t ph_printable(uint8_t *text, size_t len);
/* The same for a string. */
void ph_printable_str(char *text);

#endif
