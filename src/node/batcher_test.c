/* The batcher with the real phala-keyd, store and loop. PHALA_KEYD names the executable. */
#include "node/batcher.h"

#include "base/own.h"
#include "base/test.h"
#include "store/receipts.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/phala-batcher-test-XXXXXX";

struct world {
    struct ph_loop *loop;
    struct ph_keyd_client *keyd;
    struct ph_receipt_store *store;
    struct ph_batcher *batcher;
    struct ph_metrics metrics;
    struct ph_watch watch;
    struct ph_timer poll;
    uint64_t wanted; /* receipts at which the loop ends */
    int turns;
    const char *fatal;
};

static void on_fatal(void *ctx, const char *why)
{
    struct world *w = ctx;
    w->fatal = why;
    ph_loop_stop(w->loop);
}

static void keyd_ready(void *ctx, uint32_t events)
{
    struct world *w = ctx;
    (void)events;
    ph_batcher_poll(w->batcher);
}

static void world_open(struct world *w)
{
    const struct ph_keyd_config config = {
        .path = getenv("PHALA_KEYD"), .state = "", .seal = "none"};
    const struct ph_receipt_keep keep = ph_receipt_keep_default();
    char why[PH_KEYD_WHY_LEN] = "";

    *w = (struct world){0};
    CHECK(config.path);
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fd >= 0 && ph_loop_new(&w->loop) == PH_OK);
    CHECK(ph_keyd_client_start(&config, &w->keyd, why) == PH_OK);
    CHECK(ph_receipt_store_open(fd, &keep, &w->store) == PH_OK);
    CHECK(ph_batcher_new(w->loop, w->keyd, w->store, &w->metrics, on_fatal, w, &w->batcher) ==
          PH_OK);
    CHECK(ph_watch_add(w->loop, &w->watch, ph_keyd_client_fd(w->keyd), EPOLLIN, keyd_ready, w) ==
          PH_OK);
}

static void world_close(struct world *w)
{
    ph_timer_cancel(w->loop, &w->poll);
    ph_watch_del(w->loop, &w->watch);
    ph_batcher_free(w->batcher);
    ph_receipt_store_close(w->store);
    ph_keyd_client_free(w->keyd);
    ph_loop_free(w->loop);
}

static void look(void *ctx)
{
    struct world *w = ctx;

    if (w->metrics.receipts >= w->wanted || ++w->turns > 6000) {
        ph_loop_stop(w->loop);
        return;
    }
    CHECK(ph_timer_arm(w->loop, &w->poll, 5, look, w) == PH_OK);
}

/* Run until so many receipts are signed and stored. */
static void run_until(struct world *w, uint64_t receipts)
{
    w->wanted = receipts;
    look(w);
    ph_loop_run(w->loop);
    CHECK(!w->fatal && w->metrics.receipts == receipts);
}

/* Leaf number i: every third one of another phat, so that fronts of leaves alternate. */
static struct ph_receipt_place add(struct world *w, uint32_t i)
{
    struct ph_receipt_leaf leaf;
    struct ph_receipt_place place;
    const struct ph_phat_id phat = {{(uint8_t)(i % 3)}};
    const struct ph_hash32 bundle = {{7}}, h = {{(uint8_t)i, (uint8_t)(i >> 8)}};

    ph_receipt_leaf_make(&leaf, PH_OUTCOME_ANSWERED, 200, &phat, &bundle, &h, &h, &h, i,
                         &(struct ph_receipt_state){0});
    CHECK(ph_batcher_add(w->batcher, &leaf, &place) == PH_OK);
    return place;
}

/* The receipt of leaf i, signed by this worker. */
static void check(const struct world *w, const struct ph_receipt *r, uint32_t i)
{
    struct ph_receipt_fields f;
    struct ph_eth_address signer;

    ph_receipt_leaf_view(&r->leaf, &f);
    CHECK(f.time_ms == i && f.phat.b[0] == i % 3);
    CHECK(ph_receipt_check(r, &signer) == PH_OK);
    CHECK(memcmp(&signer, &ph_keyd_client_info(w->keyd)->signer, sizeof(signer)) == 0);
}

TEST(every_leaf_has_a_receipt_by_its_id)
{
    enum { LEAVES = 2 * PH_RECEIPT_BATCH_MAX + 300 }; /* two full batches and a part */
    static struct ph_receipt_place place[LEAVES];
    struct ph_receipt r;
    struct world w;
    char id[24];

    world_open(&w);
    for (uint32_t i = 0; i < LEAVES; i++)
        place[i] = add(&w, i);
    CHECK(place[0].batch + 2 == place[LEAVES - 1].batch && place[LEAVES - 1].index == 299);
    ph_receipt_id_print(&place[5], id);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_ERR_AGAIN);
    run_until(&w, LEAVES);
    CHECK(w.metrics.receipt_batches == 3);
    for (uint32_t i = 0; i < LEAVES; i += i % 5 == 0 ? 1 : 37) {
        ph_receipt_id_print(&place[i], id);
        CHECK(strlen(id) == PH_RECEIPT_ID_LEN);
        CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_OK);
        check(&w, &r, i);
    }
    place[0].index = PH_RECEIPT_BATCH_MAX;
    ph_receipt_id_print(&place[0], id);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_ERR_NOT_FOUND);
    CHECK(ph_batcher_find(w.batcher, PH_BYTES_LIT("0123"), &r) == PH_ERR_MALFORMED);
    CHECK(ph_batcher_find(w.batcher, PH_BYTES_LIT("000000000000000g-000"), &r) == PH_ERR_MALFORMED);
    world_close(&w);
}

struct waiting {
    struct ph_receipt_waiter waiter;
    const struct world *world;
    uint32_t leaf;
    int told;
};

static void told(void *ctx, const struct ph_receipt *receipt)
{
    struct waiting *x = ctx;
    x->told++;
    check(x->world, receipt, x->leaf);
}

TEST(who_waits_is_told_once_and_who_forgets_is_not)
{
    enum { LEAVES = 90 };
    struct waiting x[LEAVES];
    struct world w;

    world_open(&w);
    for (uint32_t i = 0; i < LEAVES; i++) {
        const struct ph_receipt_place place = add(&w, i);
        x[i] = (struct waiting){.world = &w, .leaf = i};
        ph_batcher_wait(w.batcher, &place, &x[i].waiter, told, &x[i]);
    }
    for (uint32_t i = 0; i < LEAVES; i += 4)
        ph_batcher_forget(w.batcher, &x[i].waiter);
    run_until(&w, LEAVES);
    for (uint32_t i = 0; i < LEAVES; i++)
        CHECK(x[i].told == (i % 4 != 0));
    world_close(&w);
}

TEST(an_alias_leads_to_the_receipt_of_its_leaf)
{
    struct ph_receipt r;
    struct world w;
    char id[24], other[24];

    world_open(&w);
    const uint64_t alias = ph_batcher_alias(w.batcher), unused = ph_batcher_alias(w.batcher);
    ph_receipt_alias_print(alias, id);
    ph_receipt_alias_print(unused, other);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_ERR_NOT_FOUND);
    (void)add(&w, 0);
    const struct ph_receipt_place place = add(&w, 1);
    ph_batcher_bind_alias(w.batcher, alias, &place);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_ERR_AGAIN);
    run_until(&w, 2);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(id), &r) == PH_OK);
    check(&w, &r, 1);
    CHECK(ph_batcher_find(w.batcher, ph_bytes_str(other), &r) == PH_ERR_NOT_FOUND);
    world_close(&w);
}

TEST(draining_closes_the_open_batch_at_once)
{
    struct world w;

    world_open(&w);
    CHECK(ph_batcher_drain(w.batcher));
    (void)add(&w, 0);
    CHECK(!ph_batcher_drain(w.batcher));
    run_until(&w, 1);
    CHECK(ph_batcher_drain(w.batcher));
    world_close(&w);
}

TEST(without_phala_keyd_the_worker_is_told_to_stop)
{
    struct world w;

    world_open(&w);
    CHECK(kill(ph_keyd_client_pid(w.keyd), SIGKILL) == 0);
    (void)add(&w, 0);
    w.wanted = 1;
    look(&w);
    ph_loop_run(w.loop);
    CHECK(w.fatal && w.metrics.receipts == 0);
    world_close(&w);
}

TEST(a_phala_keyd_that_stops_answering_is_fatal_before_memory_runs_out)
{
    struct world w;
    uint32_t i = 0;

    world_open(&w);
    CHECK(kill(ph_keyd_client_pid(w.keyd), SIGSTOP) == 0);
    while (!w.fatal && i < 400u * PH_RECEIPT_BATCH_MAX)
        (void)add(&w, i++);
    CHECK(w.fatal && strstr(w.fatal, "too many batches"));
    CHECK(i > 256u * PH_RECEIPT_BATCH_MAX && i < 260u * PH_RECEIPT_BATCH_MAX);
    CHECK(kill(ph_keyd_client_pid(w.keyd), SIGCONT) == 0);
    world_close(&w);
}

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **unused)
{
    char command[96];

    (void)unused;
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(every_leaf_has_a_receipt_by_its_id),
        CASE(who_waits_is_told_once_and_who_forgets_is_not),
        CASE(an_alias_leads_to_the_receipt_of_its_leaf),
        CASE(draining_closes_the_open_batch_at_once),
        CASE(without_phala_keyd_the_worker_is_told_to_stop),
        CASE(a_phala_keyd_that_stops_answering_is_fatal_before_memory_runs_out),
    };
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
