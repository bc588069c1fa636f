/* What an instance may say of the commits behind its answers: what is durable, and never less than
 * before. The instance here is one in memory, without a process. */
#include "node/calls_priv.h"
#include "node/instances.h"
#include "node/phat_state.h"
#include "node/state_roots.h"

#include "base/own.h"
#include "base/test.h"

static enum ph_err says(struct ph_instance *i, uint64_t index)
{
    const struct ph_msg_STATE_AT msg = {.index = index};
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(64);
    struct ph_ipc_frame frame;

    CHECK(ph_encode_STATE_AT(&raw, 0, 0, &msg) == PH_OK);
    CHECK(ph_ipc_decode(ph_buf_view(&raw), &frame) == PH_OK);
    return ph_phat_state_at(i, &frame);
}

static void add(struct ph_state_roots *roots, uint8_t index)
{
    ph_state_roots_add(roots, index, &(struct ph_hash32){{index}});
}

TEST(an_instance_names_durable_commits_in_order_and_no_others)
{
    struct ph_instance i = {.roots = ph_state_roots_new()};

    CHECK(i.roots);
    add(i.roots, 4);
    add(i.roots, 5);
    CHECK(says(&i, 6) == PH_ERR_MALFORMED); /* not durable yet */
    CHECK(says(&i, UINT64_MAX) == PH_ERR_MALFORMED);
    CHECK(i.made_from.commit_index == 0);
    CHECK(says(&i, 4) == PH_OK && i.made_from.commit_index == 4);
    CHECK(i.made_from.root.b[0] == 4); /* phalad's own, whatever the instance holds */
    CHECK(says(&i, 4) == PH_ERR_MALFORMED && says(&i, 3) == PH_ERR_MALFORMED);
    CHECK(says(&i, 5) == PH_OK && i.made_from.root.b[0] == 5);
    i.awaits_state = true;
    add(i.roots, 6);
    CHECK(says(&i, 6) == PH_ERR_MALFORMED);
    ph_state_roots_unref(i.roots);
}

TEST(an_instance_without_state_names_none)
{
    struct ph_instance i = {.roots = NULL};

    CHECK(says(&i, 0) == PH_ERR_MALFORMED && says(&i, 1) == PH_ERR_MALFORMED);
    CHECK(i.made_from.commit_index == 0 && ph_phat_state_newest(&i) == 0);
}

TEST(an_answer_that_names_less_than_its_question_met_goes_back)
{
    struct ph_instance i = {.roots = ph_state_roots_new()};
    struct ph_call call = {.instance = &i};

    CHECK(i.roots);
    add(i.roots, 7);
    CHECK(says(&i, 7) == PH_OK);
    add(i.roots, 8);
    call.commit_least = ph_phat_state_newest(&i);
    CHECK(call.commit_least == 8 && ph_call_goes_back(&call));
    CHECK(says(&i, 8) == PH_OK && !ph_call_goes_back(&call));
    add(i.roots, 9); /* durable since: the answer need not know it */
    CHECK(!ph_call_goes_back(&call));
    ph_state_roots_unref(i.roots);
}

PH_TEST_MAIN(CASE(an_instance_names_durable_commits_in_order_and_no_others),
             CASE(an_instance_without_state_names_none),
             CASE(an_answer_that_names_less_than_its_question_met_goes_back))
