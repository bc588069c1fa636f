/* The thread that makes attestation documents, under a real loop. Runs under ThreadSanitizer too.
 */
#include "node/attester.h"

#include "base/own.h"
#include "base/test.h"
#include "tee/attestation_doc.h"
#include "tee/quote.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKERS = 64 }; /* as many as may wait */

static char dir[] = "/tmp/phala-attester-test-XXXXXX";

struct world {
    struct ph_node node;
    struct ph_timer late;
    size_t answers, wanted;
};

struct asker {
    struct ph_attest_wish wish;
    struct world *world;
    struct asker *forgets; /* when this one's answer comes */
    bool answered;
};

static void stop(void *ctx)
{
    struct world *w = ctx;
    ph_loop_stop(w->node.loop);
}

static void world_open(struct world *w)
{
    const struct ph_tee_config config = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                         .dir = dir};
    char why[PH_TEE_WHY_LEN];

    *w = (struct world){.node = {.insecure_simulator = true}};
    memset(w->node.identity.signer.b, 0x51, 20);
    memset(w->node.identity.cluster.b, 0x52, 20);
    CHECK(ph_loop_new(&w->node.loop) == PH_OK);
    CHECK(ph_tee_open(&config, &w->node.tee, why) == PH_OK);
    CHECK(ph_attester_new(&w->node, &w->node.attester) == PH_OK);
}

static void world_close(struct world *w)
{
    ph_attester_free(w->node.attester);
    ph_tee_free(w->node.tee);
    ph_timer_cancel(w->node.loop, &w->late);
    ph_loop_free(w->node.loop);
}

static void run_until(struct world *w, size_t answers)
{
    w->answers = 0;
    w->wanted = answers;
    CHECK(ph_timer_arm(w->node.loop, &w->late, 60000, stop, w) == PH_OK);
    ph_loop_run(w->node.loop);
    CHECK(w->answers == answers);
}

/* Every asker gets the document over its own nonce. */
static void done(void *ctx, enum ph_err err, struct ph_bytes document, const char *why)
{
    struct asker *a = ctx;
    struct ph_attestation_doc doc;
    char parse_why[128];

    (void)why;
    CHECK(err == PH_OK && !a->answered);
    CHECK(ph_attestation_doc_parse(document, &doc, parse_why) == PH_OK);
    CHECK(memcmp(doc.nonce, a->wish.nonce, 32) == 0);
    CHECK(doc.identity.cluster.b[0] == 0x52);
    CHECK(doc.identity.signer.b[0] == 0x51 && doc.insecure_simulator);
    a->answered = true;
    if (a->forgets)
        ph_attester_forget(a->world->node.attester, &a->forgets->wish);
    if (++a->world->answers == a->world->wanted)
        ph_loop_stop(a->world->node.loop);
}

static void ask(struct world *w, struct asker *a, uint8_t mark)
{
    *a = (struct asker){.world = w, .wish = {.nonce = {mark}, .done = done, .ctx = a}};
    CHECK(ph_attester_ask(w->node.attester, &a->wish) == PH_OK);
    CHECK(!a->answered);
}

TEST(every_asker_gets_the_document_over_its_nonce)
{
    static struct asker askers[ASKERS], one_more;
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < ASKERS; i++)
        ask(&w, &askers[i], (uint8_t)i);
    one_more.wish = (struct ph_attest_wish){.done = done, .ctx = &one_more};
    CHECK(ph_attester_ask(w.node.attester, &one_more.wish) == PH_ERR_LIMIT);
    run_until(&w, ASKERS);
    for (size_t i = 0; i < ASKERS; i++)
        CHECK(askers[i].answered);
    ask(&w, &one_more, 99); /* there is room again */
    run_until(&w, 1);
    world_close(&w);
}

TEST(who_forgets_is_not_told_and_the_others_are)
{
    struct asker a[6];
    struct world w;

    world_open(&w);
    for (size_t i = 0; i < PH_LEN(a); i++)
        ask(&w, &a[i], (uint8_t)i);
    ph_attester_forget(w.node.attester, &a[0].wish); /* the thread has it */
    ph_attester_forget(w.node.attester, &a[3].wish);
    ph_attester_forget(w.node.attester, &a[3].wish); /* again: nothing */
    a[1].forgets = &a[2];                            /* the thread has that by then */
    run_until(&w, 3);
    CHECK(a[1].answered && a[4].answered && a[5].answered);
    CHECK(!a[0].answered && !a[2].answered && !a[3].answered);
    world_close(&w);
}

TEST(an_attester_ends_in_the_middle_of_its_work)
{
    struct asker a[3];

    for (int i = 0; i < 5; i++) {
        struct world w;
        world_open(&w);
        for (size_t k = 0; k < PH_LEN(a); k++)
            ask(&w, &a[k], (uint8_t)k);
        (void)poll(NULL, 0, i);
        world_close(&w);
        CHECK(!a[0].answered);
    }
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
        CASE(every_asker_gets_the_document_over_its_nonce),
        CASE(who_forgets_is_not_told_and_the_others_are),
        CASE(an_attester_ends_in_the_middle_of_its_work),
    };
    return cmocka_run_group_tests(cases, make_dir, remove_dir);
}
