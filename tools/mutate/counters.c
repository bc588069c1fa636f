// Linked into the library under test while it is measured: its counters are its own.
void __gcov_dump(void);
void __gcov_reset(void);

/** Writes the counters under GCOV_PREFIX, added to what is there, and begins again at 0. */
void mutate_dump(void);
void mutate_dump(void)
{
    __gcov_dump();
    __gcov_reset();
}
