/* What a worker does next about its place: each reason, alone. */

#include "chain/lease.h"

#include "base/test.h"

enum { HOUR = 3600, NOW = 1800000000 };

static struct ph_lease_facts facts;
static struct ph_lease_self self;
static struct ph_consent consent;
static char why[PH_LEASE_WHY_LEN];

/* Registered an hour ago for a day, all in order. */
static void in_order(void)
{
    facts = (struct ph_lease_facts){.time = NOW,
                                    .beacon_time = NOW - HOUR / 2,
                                    .beacon_due = NOW + HOUR / 2,
                                    .known = true,
                                    .state = PH_WORKER_ACTIVE,
                                    .owner = {{0x09}},
                                    .sign_key = {{0x51}},
                                    .lease_until = NOW + 23 * HOUR,
                                    .attested_at = NOW - HOUR,
                                    .ecdh_key = {0xec}};
    consent = (struct ph_consent){.kind = 2, .deadline = NOW + 1};
    self = (struct ph_lease_self){
        .operator_ = {{0x09}}, .sign_key = {{0x51}}, .ecdh_key = {0xec}, .consent = &consent};
}

static enum ph_lease_step decide(void)
{
    return ph_lease_decide(&facts, &self, why);
}

static void expect_blocked(const char *because)
{
    CHECK(decide() == PH_LEASE_BLOCKED);
    if (!strstr(why, because))
        fail_msg("%s", why);
}

TEST(a_worker_in_order_sends_nothing)
{
    in_order();
    CHECK(decide() == PH_LEASE_KEEP && why[0] == '\0');
    CHECK(ph_lease_is_live(&facts, &self));
    facts.beacon_due = NOW; /* evidence is not wanted: the beacon is others' business */
    CHECK(decide() == PH_LEASE_KEEP);
    self.consent = NULL; /* it is in */
    CHECK(decide() == PH_LEASE_KEEP);
    facts.state = PH_WORKER_DRAINING; /* its owner's will */
    CHECK(decide() == PH_LEASE_KEEP && ph_lease_is_live(&facts, &self));
}

TEST(a_new_worker_registers_with_fresh_evidence)
{
    in_order();
    facts.known = false;
    CHECK(decide() == PH_LEASE_REGISTER);
    CHECK(!ph_lease_is_live(&facts, &self));
    facts.beacon_due = NOW;
    CHECK(decide() == PH_LEASE_ROLL);
}

TEST(a_worker_that_fell_out_comes_back)
{
    in_order();
    facts.state = PH_WORKER_INVALID;
    CHECK(decide() == PH_LEASE_REGISTER && !ph_lease_is_live(&facts, &self));
    facts.state = PH_WORKER_RETIRED;
    CHECK(decide() == PH_LEASE_REGISTER);
}

TEST(a_lease_is_renewed_at_its_half)
{
    in_order();
    facts.time = facts.attested_at + 12 * HOUR - 1;
    facts.beacon_due = facts.time + 1;
    CHECK(decide() == PH_LEASE_KEEP);
    facts.time++;
    facts.beacon_due++;
    CHECK(decide() == PH_LEASE_RENEW);
    facts.beacon_due = facts.time;
    CHECK(decide() == PH_LEASE_ROLL);
    facts.time = facts.lease_until + 1; /* over, and nobody ended it */
    facts.beacon_due = facts.time + 1;
    CHECK(decide() == PH_LEASE_RENEW && !ph_lease_is_live(&facts, &self));
}

TEST(the_same_beacon_value_renews_nothing)
{
    in_order();
    facts.time = facts.attested_at + 20 * HOUR;
    facts.beacon_due = facts.time + 1;
    facts.beacon_time = facts.attested_at;
    CHECK(decide() == PH_LEASE_KEEP);
}

TEST(a_new_key_for_callers_is_shown_at_once)
{
    in_order();
    self.ecdh_key[0] ^= 1;
    CHECK(decide() == PH_LEASE_RENEW);
    facts.beacon_time = facts.attested_at;
    CHECK(decide() == PH_LEASE_RENEW);
}

TEST(a_worker_that_stops_rests_and_wakes_again)
{
    in_order();
    self.stopping = true;
    CHECK(decide() == PH_LEASE_REST);
    facts.state = PH_WORKER_RESTING;
    CHECK(decide() == PH_LEASE_KEEP);
    facts.state = PH_WORKER_DRAINING;
    CHECK(decide() == PH_LEASE_KEEP);
    facts.known = false;
    CHECK(decide() == PH_LEASE_KEEP);
    in_order();
    facts.state = PH_WORKER_RESTING;
    CHECK(decide() == PH_LEASE_WAKE);
    facts.time = facts.lease_until;
    facts.beacon_due = facts.time + 1;
    CHECK(decide() == PH_LEASE_RENEW);
}

TEST(a_key_is_replaced_behind_what_the_lease_needs)
{
    in_order();
    self.rotates = true;
    CHECK(decide() == PH_LEASE_ROTATE);
    facts.state = PH_WORKER_DRAINING;
    CHECK(decide() == PH_LEASE_ROTATE);
    facts.beacon_due = NOW;
    CHECK(decide() == PH_LEASE_ROLL);
    in_order();
    self.rotates = true;
    facts.time = facts.attested_at + 13 * HOUR; /* the lease first … */
    facts.beacon_due = facts.time + 1;
    CHECK(decide() == PH_LEASE_RENEW);
    facts.beacon_time = facts.attested_at; /* … if that helps it */
    CHECK(decide() == PH_LEASE_ROTATE);
    facts.time = facts.lease_until; /* the present key has to be in */
    facts.beacon_due = facts.time + 1;
    CHECK(decide() == PH_LEASE_KEEP);
    in_order();
    self.rotates = true;
    facts.paused_until = NOW + 5;
    expect_blocked("paused until 1800000005");
    facts.paused_until = 0;
    facts.state = PH_WORKER_RETIRED;
    CHECK(decide() == PH_LEASE_REGISTER);
    facts.known = false;
    CHECK(decide() == PH_LEASE_REGISTER);
    in_order();
    self.rotates = self.stopping = true;
    CHECK(decide() == PH_LEASE_REST);
}

TEST(what_stands_in_the_way_is_said)
{
    in_order();
    facts.known = false;
    self.consent = NULL;
    expect_blocked("0x0900000000000000000000000000000000000000 has not consented");
    in_order();
    facts.known = false;
    consent.deadline = NOW;
    expect_blocked("ended at 1800000000");
    in_order();
    self.operator_ = (struct ph_eth_address){{0}};
    expect_blocked("--operator");
    in_order();
    facts.owner.b[0] ^= 1;
    expect_blocked("another owner");
    in_order();
    facts.sign_key.b[0] ^= 1;
    expect_blocked("another key");
    CHECK(!ph_lease_is_live(&facts, &self));
    in_order();
    facts.known = false;
    facts.paused_until = NOW + 5;
    expect_blocked("paused until 1800000005");
    in_order();
    facts.paused_until = NOW + 5;
    self.stopping = true;
    CHECK(decide() == PH_LEASE_REST);
}

TEST(nothing_is_known_of_a_zeroed_chain)
{
    facts = (struct ph_lease_facts){0};
    self = (struct ph_lease_self){0};
    CHECK(!ph_lease_is_live(&facts, &self));
    CHECK(decide() == PH_LEASE_BLOCKED);
}

PH_TEST_MAIN(CASE(a_worker_in_order_sends_nothing),
             CASE(a_new_worker_registers_with_fresh_evidence),
             CASE(a_worker_that_fell_out_comes_back), CASE(a_lease_is_renewed_at_its_half),
             CASE(the_same_beacon_value_renews_nothing),
             CASE(a_new_key_for_callers_is_shown_at_once),
             CASE(a_key_is_replaced_behind_what_the_lease_needs),
             CASE(a_worker_that_stops_rests_and_wakes_again), CASE(what_stands_in_the_way_is_said),
             CASE(nothing_is_known_of_a_zeroed_chain))
