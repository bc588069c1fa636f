#ifndef PH_RUNTIME_TEXT_PAGES_H
#define PH_RUNTIME_TEXT_PAGES_H

/* The engine's library in huge pages that a fork passes on.
 *
 * A fork does not copy the page table of a mapped file: each instance would fault its way through
 * some 150 pieces of the 30 MiB library, for a tenth of its start. It does copy that of anonymous
 * memory, and one entry of it covers 2 MiB where the kernel gives huge pages.
 *
 * Layer: runtime. Source: Linux Documentation/admin-guide/mm/transhuge.rst; mm/memory.c,
 * vma_needs_copy(). Tests: text_pages_test.c.
 */

#include <stdbool.h>
#include <stdint.h>

/**
 * Replace code and constants of the library that holds `address` by a copy of the same bytes, at
 * the same addresses, with the same protection: never writable and executable at once. Single
 * thread, before any fork; the library's code must not be running.
 *
 * True: all of it. False: `address` lies in no library, the host gives no huge pages, or it refuses
 * executable memory without a file; what was not replaced is mapped as it was.
 */
bool ph_text_pages_copy(uintptr_t address);

#endif
