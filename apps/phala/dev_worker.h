#ifndef PH_CLI_DEV_WORKER_H
#define PH_CLI_DEV_WORKER_H

/* The worker behind phala dev: phalad with the TEE simulator, on loopback, for one owner only,
 * with a data folder of its own that goes when it ends. */

#include "api.h"

struct ph_dev_worker {
    pid_t pid;             /* -1: none */
    struct ph_path folder; /* temporary: data and log */
    struct ph_api api;
};

struct ph_dev_settings {
    uint16_t port;                      /* of the phat's own address */
    const struct ph_target *target;     /* the phat that answers there */
    const struct ph_eth_address *owner; /* who alone may deploy */
    const char *const *private_hosts;   /* HOST:PORT it may reach on this machine or network */
    size_t private_host_cnt;
    const char *extra_ca; /* PEM file for its outgoing calls; NULL */
};

/* Start it and wait until it serves. What failed has been told. */
int ph_dev_worker_start(const struct ph_cli *cli, const struct ph_dev_settings *settings,
                        struct ph_dev_worker *out);
/* Print the end of its log: after it died. */
void ph_dev_worker_show_log(const struct ph_dev_worker *worker);
void ph_dev_worker_stop(struct ph_dev_worker *worker);

#endif
