/* The transaction manager's journal and its doors; what it does with a chain is tested with anvil:
 * tests/integration/chain_client.test.mjs. */

#include "chain/txman.h"

#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>

enum { CHAIN = 31337, RECORDS_MAX = 64 };

static uint8_t secret[32] = {[31] = 9};
static struct ph_buf records[RECORDS_MAX];
static size_t record_cnt, sync_cnt, post_cnt;
static enum ph_err sign_says;
static char body[1 << 16];
static uint64_t tickets[64];

static enum ph_err sign(void *ctx, struct ph_bytes unsigned_tx, uint8_t sig[static PH_ETH_SIG_LEN])
{
    struct ph_hash32 digest;

    (void)ctx;
    PH_TRY(sign_says);
    ph_tx_digest(unsigned_tx, &digest);
    return ph_eth_sign(secret, &digest, sig);
}

static enum ph_err append(void *ctx, struct ph_bytes record)
{
    (void)ctx;
    CHECK(record_cnt < RECORDS_MAX);
    records[record_cnt] = PH_BUF(PH_TXMAN_RECORD_MAX);
    return ph_buf_add(&records[record_cnt++], record);
}

static enum ph_err make_durable(void *ctx)
{
    (void)ctx;
    sync_cnt++;
    return PH_OK;
}

static enum ph_err post(void *ctx, size_t endpoint, uint64_t ticket, struct ph_bytes text)
{
    (void)ctx;
    (void)endpoint;
    CHECK(text.len < sizeof(body) && post_cnt < PH_LEN(tickets));
    memcpy(body, text.ptr, text.len);
    body[text.len] = '\0';
    tickets[post_cnt++] = ticket;
    return PH_OK;
}

static struct ph_rpc *rpc;

static struct ph_txman *open_it(void)
{
    struct ph_txman_config config = {.endpoint_cnt = 1,
                                     .quorum = 1,
                                     .chain_id = CHAIN,
                                     .max_fee_cap = 1000,
                                     .min_priority = 1,
                                     .in_flight_max = 2,
                                     .bump_blocks = 3,
                                     .resend_ms = 1000,
                                     .sign = sign,
                                     .append = append,
                                     .sync = make_durable};
    struct ph_txman *m = NULL;

    CHECK(ph_rpc_new(&(struct ph_rpc_config){1, 1, {post, NULL}}, &rpc) == PH_OK);
    config.rpc = rpc;
    CHECK(ph_eth_address(secret, &config.sender) == PH_OK);
    CHECK(ph_txman_new(&config, &m) == PH_OK);
    return m;
}

static void close_it(struct ph_txman *m)
{
    ph_rpc_free(rpc);
    ph_txman_free(m);
}

static void drop_records(void)
{
    for (size_t i = 0; i < record_cnt; i++)
        ph_buf_clear(&records[i]);
    record_cnt = sync_cnt = post_cnt = 0;
    sign_says = PH_OK;
}

static struct ph_hash32 key(uint8_t n)
{
    return (struct ph_hash32){.b = {n}};
}

static enum ph_err submit(struct ph_txman *m, uint8_t n)
{
    struct ph_txman_order order = {
        .key = key(n), .gas = 100000, .data = PH_BYTES_LIT("\x01\x02\x03\x04")};

    order.to.b[0] = n;
    return ph_txman_submit(m, &order);
}

/* The nonce of the sender, as the node's answer to the questions of a round. */
static void answer_round(const char *nonce)
{
    char text[512];
    unsigned long long id = 0;
    const char *at = strstr(body, "\"id\":");

    CHECK(at);
    id = strtoull(at + 5, NULL, 10);
    const int n = snprintf(text, sizeof(text),
                           "[{\"id\":%llu,\"result\":\"%s\"},{\"id\":%llu,\"result\":\"0x5\"}]", id,
                           nonce, id + 1);
    CHECK(n > 0 && (size_t)n < sizeof(text));
    ph_rpc_answered(rpc, tickets[post_cnt - 1], 0, ph_bytes_str(text));
}

/* Up to where transactions have left. */
static void run_round(struct ph_txman *m, const char *nonce)
{
    const struct ph_follow_head head = {.number = 10, .base_fee = 7, .hash = {{1}}};

    ph_txman_head(m, &head);
    ph_txman_step(m, 1000);
    ph_rpc_flush(rpc, 1000);
    answer_round(nonce);
    ph_txman_step(m, 1000);
    ph_rpc_flush(rpc, 1000);
}

static enum ph_txman_state state_of(const struct ph_txman *m, uint8_t n,
                                    struct ph_txman_outcome *out)
{
    const struct ph_hash32 k = key(n);

    CHECK(ph_txman_get(m, &k, out) == PH_OK);
    return out->state;
}

TEST(nothing_is_sent_before_the_journal_is_durable)
{
    struct ph_txman *m = open_it();
    struct ph_txman_outcome got;

    CHECK(submit(m, 1) == PH_OK && record_cnt == 1);
    ph_txman_step(m, 0);
    CHECK(state_of(m, 1, &got) == PH_TXMAN_QUEUED); /* no head, no nonce */
    run_round(m, "0x7");
    CHECK(state_of(m, 1, &got) == PH_TXMAN_SENT && got.nonce == 7);
    CHECK(record_cnt == 2 && sync_cnt == 1);
    CHECK(strstr(body, "eth_sendRawTransaction"));
    close_it(m);
    drop_records();
}

TEST(a_key_has_one_transaction_and_only_so_many_are_in_flight)
{
    struct ph_txman *m = open_it();
    struct ph_txman_outcome got;

    CHECK(submit(m, 1) == PH_OK && submit(m, 1) == PH_ERR_CONFLICT);
    CHECK(submit(m, 2) == PH_OK && submit(m, 3) == PH_OK);
    run_round(m, "0x0");
    CHECK(state_of(m, 2, &got) == PH_TXMAN_SENT && got.nonce == 1);
    CHECK(state_of(m, 3, &got) == PH_TXMAN_QUEUED);
    close_it(m);
    drop_records();
}

TEST(what_the_signer_refuses_takes_no_nonce)
{
    struct ph_txman *m = open_it();
    struct ph_txman_outcome got;
    const struct ph_hash32 first = key(1);

    sign_says = PH_ERR_UNTRUSTED;
    CHECK(submit(m, 1) == PH_OK);
    run_round(m, "0x0");
    CHECK(state_of(m, 1, &got) == PH_TXMAN_REFUSED);
    sign_says = PH_ERR_CLOSED; /* not now: it waits */
    CHECK(submit(m, 2) == PH_OK);
    ph_txman_step(m, 2000);
    CHECK(state_of(m, 2, &got) == PH_TXMAN_QUEUED);
    sign_says = PH_OK;
    ph_txman_step(m, 3000);
    CHECK(state_of(m, 2, &got) == PH_TXMAN_SENT && got.nonce == 0);
    ph_txman_forget(m, &first);
    CHECK(ph_txman_get(m, &first, &got) == PH_ERR_NOT_FOUND);
    close_it(m);
    drop_records();
}

TEST(a_journal_brings_everything_back)
{
    struct ph_txman *m = open_it();
    struct ph_txman_outcome was, is;

    CHECK(submit(m, 1) == PH_OK && submit(m, 2) == PH_OK && submit(m, 3) == PH_OK);
    run_round(m, "0x0");
    CHECK(state_of(m, 2, &was) == PH_TXMAN_SENT);
    close_it(m);

    const size_t cnt = record_cnt;
    m = open_it();
    for (size_t i = 0; i < cnt; i++)
        CHECK(ph_txman_restore(m, ph_buf_view(&records[i])) == PH_OK);
    CHECK(state_of(m, 2, &is) == PH_TXMAN_SENT && is.nonce == was.nonce &&
          memcmp(is.tx_hash.b, was.tx_hash.b, 32) == 0);
    CHECK(state_of(m, 3, &is) == PH_TXMAN_QUEUED && submit(m, 1) == PH_ERR_CONFLICT);
    /* A dump says the same. */
    CHECK(ph_txman_dump(m, append, NULL) == PH_OK && record_cnt == 2 * cnt);
    close_it(m);
    m = open_it();
    for (size_t i = cnt; i < 2 * cnt; i++)
        CHECK(ph_txman_restore(m, ph_buf_view(&records[i])) == PH_OK);
    CHECK(state_of(m, 2, &is) == PH_TXMAN_SENT && is.nonce == was.nonce);
    close_it(m);
    drop_records();
}

TEST(altered_records_are_refused)
{
    struct ph_txman *m = open_it();
    size_t refused = 0;

    CHECK(submit(m, 1) == PH_OK);
    run_round(m, "0x0");
    close_it(m);
    /* The order and what was signed for it: no bit of the second may differ. */
    for (size_t i = 0; i < records[1].len; i++) {
        m = open_it();
        CHECK(ph_txman_restore(m, ph_buf_view(&records[0])) == PH_OK);
        records[1].ptr[i] ^= 1;
        const enum ph_err err = ph_txman_restore(m, ph_buf_view(&records[1]));
        records[1].ptr[i] ^= 1;
        refused += err == PH_ERR_MALFORMED;
        close_it(m);
    }
    /* All but the two fees, one byte each here, which are notes for the next attempt. */
    CHECK(refused >= records[1].len - 4);
    m = open_it();
    CHECK(ph_txman_restore(m, ph_buf_view(&records[1])) == PH_ERR_MALFORMED); /* of no order */
    CHECK(ph_txman_restore(m, PH_BYTES_LIT("\xc0")) == PH_ERR_MALFORMED);
    CHECK(ph_txman_restore(m, PH_BYTES_LIT("")) == PH_ERR_MALFORMED);
    close_it(m);
    drop_records();
}

TEST(limits_that_are_missing_are_refused)
{
    struct ph_txman *m = NULL;
    const struct ph_txman_config none = {.max_fee_cap = 1, .in_flight_max = 1, .bump_blocks = 1};

    CHECK(ph_txman_new(&none, &m) == PH_ERR_MALFORMED && !m);
}

PH_TEST_MAIN(CASE(nothing_is_sent_before_the_journal_is_durable),
             CASE(a_key_has_one_transaction_and_only_so_many_are_in_flight),
             CASE(what_the_signer_refuses_takes_no_nonce), CASE(a_journal_brings_everything_back),
             CASE(altered_records_are_refused), CASE(limits_that_are_missing_are_refused))
