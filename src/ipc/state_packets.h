#ifndef PH_IPC_STATE_PACKETS_H
#define PH_IPC_STATE_PACKETS_H

/* Packets between an instance and phalad about the instance's state: SOCK_SEQPACKET, one packet per
 * send. The instance waits for the answer of a read; a commit is answered whenever it is durable,
 * also between a read and its answer.
 *
 *   0  1  kind      2  2  zero
 *   1  1  a         4  4  n, u32le       8  .  data
 *
 * Layer: ipc. Tests: state_packets_test.c, state_packets_fuzz.c.
 */

#include "base/bytes.h"

enum ph_state_packet_kind {
    /* instance to phalad */
    PH_STATE_READ_PAGE = 1, /* n: page number */
    PH_STATE_READ_NODE,     /* a: level, n: place in it */
    PH_STATE_COMMIT,        /* n: bytes of the record, sent in PIECEs */
    PH_STATE_PIECE,         /* data: next bytes of the record, not empty */
    PH_STATE_REPLACE,       /* n: bytes of a record whose pages come first, in PIECEs, then its head
                               and page table */
    /* to the instance */
    PH_STATE_KEY = 16,  /* from phala-keyd, one for each epoch that is needed, ascending. data: 32
                           bytes, n: the epoch, a: how many more follow */
    PH_STATE_DATA,      /* data: 4,096 bytes of the page or node asked for */
    PH_STATE_ABSENT,    /* it was never written */
    PH_STATE_FAILED,    /* it cannot be read now */
    PH_STATE_COMMITTED, /* the last record is durable, and phala-keyd has its head */
    PH_STATE_LOST,      /* it never will be: data is a sentence; the instance ends */
};

enum {
    PH_STATE_PACKET_HEAD = 8,
    PH_STATE_PACKET_DATA = 32 * 1024, /* of one packet */
    PH_STATE_PACKET_MAX = PH_STATE_PACKET_HEAD + PH_STATE_PACKET_DATA,
};

struct ph_state_packet {
    enum ph_state_packet_kind kind;
    uint8_t a;
    uint32_t n;
    struct ph_bytes data;
};

void ph_state_packet_head(enum ph_state_packet_kind kind, uint8_t a, uint32_t n,
                          uint8_t out[static PH_STATE_PACKET_HEAD]);
/* PH_ERR_MALFORMED: kind, sizes, or bytes that must be zero are not. */
PH_CHECKED enum ph_err ph_state_packet_parse(struct ph_bytes raw, struct ph_state_packet *out);

#endif
