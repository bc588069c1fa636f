#ifndef PH_ATTEST_DSTACK_BLOB_PRIV_H
#define PH_ATTEST_DSTACK_BLOB_PRIV_H

/* What both encodings have in common. */

#include "attest/dstack_blob.h"
#include "codec/jput.h"

/* A document that is being read. */
struct ph_dstack_reading {
    struct ph_reader r;
    struct ph_dstack_blob blob;
    struct ph_jput log;
    uint32_t registers; /* bit i: there was an event of RTMRi */
};

struct ph_dstack_event {
    uint32_t imr, type;
    struct ph_bytes digest, name, payload;
    uint32_t version; /* 0 or 1: the first */
};

void ph_dstack_add_event(struct ph_dstack_reading *d, const struct ph_dstack_event *event);

PH_CHECKED enum ph_err ph_dstack_scale(struct ph_dstack_reading *d);
PH_CHECKED enum ph_err ph_dstack_msgpack(struct ph_dstack_reading *d);

#endif
