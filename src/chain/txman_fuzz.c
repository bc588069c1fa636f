/* Any bytes as records of the journal, a u16le length before each: what is taken can be dumped, and
 * what was dumped is taken again. */

#include "chain/txman.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static enum ph_err nothing(void *ctx, struct ph_bytes record)
{
    (void)ctx;
    (void)record;
    return PH_OK;
}

static enum ph_err take_again(void *ctx, struct ph_bytes record)
{
    return ph_txman_restore(ctx, record);
}

static struct ph_txman *open_it(void)
{
    const struct ph_txman_config config = {.chain_id = 31337,
                                           .max_fee_cap = 1,
                                           .in_flight_max = 1,
                                           .bump_blocks = 1,
                                           .resend_ms = 1,
                                           .append = nothing};
    struct ph_txman *m = NULL;

    assert(ph_txman_new(&config, &m) == PH_OK);
    return m;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_reader r = {{data, len}};
    struct ph_txman *m = open_it(), *again = open_it();
    struct ph_bytes record;
    uint16_t n;

    while (ph_read_u16le(&r, &n) && ph_read_view(&r, n, &record))
        (void)!ph_txman_restore(m, record);
    assert(ph_txman_dump(m, take_again, again) == PH_OK);
    for (int state = PH_TXMAN_QUEUED; state <= PH_TXMAN_REFUSED; state++)
        assert(ph_txman_count(m, (enum ph_txman_state)state) ==
               ph_txman_count(again, (enum ph_txman_state)state));
    ph_txman_free(m);
    ph_txman_free(again);
    return 0;
}
