#ifndef PH_ATTEST_SYNTH_SYNTH_CHAIN_CASES_H
#define PH_ATTEST_SYNTH_SYNTH_CHAIN_CASES_H

/* Worlds that the verifier in contracts/ is tested with beside this one: each kind of quote, every
 * check broken alone, and random TCBs from a fixed seed. */

#include "attest/synth/synth_world.h"

enum { CHAIN_RANDOM_CASES = 160 };

/* The n-th case: its name, and the world. False: there are no more. */
bool chain_case(size_t n, char name[static 64], struct world *w);

#endif
