#ifndef PH_STORE_TEST_FAULT_IO_H
#define PH_STORE_TEST_FAULT_IO_H

/* Test support: a disk that loses power. Linked into a test with -Wl,--wrap, it counts the calls
 * that change files and, at the one asked for, ends the run with longjmp. What was not synced by
 * then is undone at random: whole writes, their tails in steps of 512 bytes, new names, renames,
 * removals.
 *
 * One directory, one thread, files of at most FAULT_FILE_MAX bytes.
 *
 * Layer: store (tests only).
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

extern jmp_buf fault_crash;

/* From now on the disk of `dir_fd` is watched; the run ends at the crash_at-th change (0: never).
 * `full_at`: that change and those after it fail with ENOSPC, where a real disk could (0: never).
 */
void fault_begin(int dir_fd, uint64_t seed, unsigned crash_at, unsigned full_at);
/* Changes counted so far. */
unsigned fault_count(void);
/* The power is gone: undo what was not synced, stop watching. */
void fault_power_off(void);
/* Stop watching; everything stays. */
void fault_end(void);

#endif
