#ifndef PH_RUNTIME_RUN_KEEPER_H
#define PH_RUNTIME_RUN_KEEPER_H

/* For tests of phats with state: storage in memory, and a thread that serves it over an instance's
 * state channel as phalad's does. */

#include "state/state.h"

#include <stdatomic.h>

enum { PH_KEEPER_PAGES = 8192 };

/* Empty the storage. */
void ph_keeper_fresh(void);
/* The newest record's. */
struct ph_state_tip ph_keeper_tip(void);
/* Send the key and serve; `channel` is borrowed. */
void ph_keeper_start(int channel);
void ph_keeper_stop(void);
/* Records that came, ever. */
int ph_keeper_records(void);

/* What it does wrong, as a test wants it: records are not confirmed; pages come altered; it says
 * LOST and leaves. */
extern atomic_int ph_keeper_hold, ph_keeper_lie, ph_keeper_lose;

#endif
