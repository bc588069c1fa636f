#ifndef PH_RUNTIME_STATE_CLIENT_H
#define PH_RUNTIME_STATE_CLIENT_H

/* An instance's end of its state channel: the key, pages and nodes, records on their way. Blocking,
 * but for ph_state_client_take.
 *
 * Once phalad says that a record is lost, closes the channel or breaks its rules, `lost` stays set
 * with a sentence, and nothing works any more.
 *
 * Layer: runtime. Packets: ipc/state_packets.h. Tests: state_client_test.c, run_state_test.c.
 */

#include "ipc/state_packets.h"
#include "state/state.h"

enum { PH_STATE_CLIENT_WHY = 256 };

struct ph_state_client {
    int fd;         /* borrowed; to be polled for reading */
    bool committed; /* the record sent last is durable: set when told, cleared by the caller */
    bool lost;
    char why[PH_STATE_CLIENT_WHY];
    uint8_t raw[PH_STATE_PACKET_MAX];
};

void ph_state_client_init(struct ph_state_client *client, int fd);
/* Wait for the state keys, which the caller wipes. PH_ERR_CLOSED: lost. */
PH_CHECKED enum ph_err ph_state_client_keys(struct ph_state_client *client,
                                            struct ph_state_keys *out);
/* Pages and nodes by way of the channel. PH_ERR_IO also when it is lost. */
struct ph_state_source ph_state_client_source(struct ph_state_client *client);
/* Send a record, which ph_state_commit made. PH_ERR_CLOSED: lost. */
PH_CHECKED enum ph_err ph_state_client_send(struct ph_state_client *client, struct ph_bytes record);
/* A record for ph_state_replace: its length first, then, in pieces of any length, its sealed pages,
 * and behind them its head and page table. PH_ERR_CLOSED: lost. */
PH_CHECKED enum ph_err ph_state_client_replace(struct ph_state_client *client, size_t record_len);
PH_CHECKED enum ph_err ph_state_client_pieces(struct ph_state_client *client,
                                              struct ph_bytes pieces);
/* Take what has come, without waiting: see `committed`. PH_ERR_CLOSED: lost. */
PH_CHECKED enum ph_err ph_state_client_take(struct ph_state_client *client);

#endif
