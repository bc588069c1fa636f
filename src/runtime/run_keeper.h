#ifndef PH_RUNTIME_RUN_KEEPER_H
#define PH_RUNTIME_RUN_KEEPER_H

/* For tests of phats with state: storage in memory, and a thread that serves it over an instance's
 * state channel as phalad's does. */

#include "runtime/run_fixture.h"
#include "state/state.h"

#include <stdatomic.h>

enum { PH_KEEPER_PAGES = 8192 };

/* Empty the storage. */
void ph_keeper_fresh(void);
/* The newest record's. */
struct ph_state_tip ph_keeper_tip(void);
/* Send the key and serve; `channel` is borrowed. */
void ph_keeper_start(int channel);
/* Start, and give the instance the state with a STATE frame. */
void ph_keeper_open(struct ph_rig_instance *inst, uint32_t max_pages);
void ph_keeper_stop(void);
/* Records that came, ever. */
int ph_keeper_records(void);
/* Until so many came. */
void ph_keeper_wait(int cnt);

/* What it does wrong, as a test wants it: records are not confirmed; pages come altered; it says
 * LOST and leaves. */
extern atomic_int ph_keeper_hold, ph_keeper_lie, ph_keeper_lose;

#endif
