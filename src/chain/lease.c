#include "chain/lease.h"

#include "base/hex.h"

#include <inttypes.h>
#include <stdio.h>

static bool same(const struct ph_eth_address *a, const struct ph_eth_address *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static enum ph_lease_step blocked(char why[static PH_LEASE_WHY_LEN], const char *text)
{
    (void)snprintf(why, PH_LEASE_WHY_LEN, "%s", text);
    return PH_LEASE_BLOCKED;
}

static bool is_in(const struct ph_lease_facts *f)
{
    return f->state == PH_WORKER_ACTIVE || f->state == PH_WORKER_DRAINING ||
           f->state == PH_WORKER_RESTING;
}

/* Evidence is worth what its beacon value is: a newer one is made first, if it can be. */
static enum ph_lease_step with_evidence(const struct ph_lease_facts *f, enum ph_lease_step step)
{
    return f->time >= f->beacon_due ? PH_LEASE_ROLL : step;
}

static enum ph_lease_step enter(const struct ph_lease_facts *f, const struct ph_lease_self *self,
                                char why[static PH_LEASE_WHY_LEN])
{
    char operator_[41];

    ph_hex_encode(PH_BYTES_OF(self->operator_.b), operator_);
    if (self->stopping)
        return PH_LEASE_KEEP;
    if (!self->consent) {
        (void)snprintf(why, PH_LEASE_WHY_LEN,
                       "0x%s has not consented to this worker's key: give its consent with "
                       "phala worker consent",
                       operator_);
        return PH_LEASE_BLOCKED;
    }
    if (f->time >= self->consent->deadline) {
        (void)snprintf(why, PH_LEASE_WHY_LEN,
                       "the consent of 0x%s ended at %" PRIu64
                       ": give a new one with phala worker consent",
                       operator_, self->consent->deadline);
        return PH_LEASE_BLOCKED;
    }
    return with_evidence(f, PH_LEASE_REGISTER);
}

static bool has_other_key(const struct ph_lease_facts *f, const struct ph_lease_self *self)
{
    return memcmp(f->ecdh_key, self->ecdh_key, sizeof(f->ecdh_key)) != 0;
}

/* Half of the lease is over, or callers' key is another one now. */
static bool is_due(const struct ph_lease_facts *f, const struct ph_lease_self *self)
{
    const uint64_t length = f->lease_until > f->attested_at ? f->lease_until - f->attested_at : 0;

    return f->time >= f->attested_at + length / 2 || has_other_key(f, self);
}

static enum ph_lease_step stay(const struct ph_lease_facts *f, const struct ph_lease_self *self)
{
    if (self->stopping)
        return f->state == PH_WORKER_ACTIVE ? PH_LEASE_REST : PH_LEASE_KEEP;
    if (f->state == PH_WORKER_RESTING && f->time < f->lease_until)
        return PH_LEASE_WAKE;
    /* The lease first: what may keep the next key out must not end it. What the same value of the
     * beacon proves again lasts no longer. */
    if (is_due(f, self) &&
        (f->time >= f->beacon_due || f->beacon_time > f->attested_at || has_other_key(f, self)))
        return with_evidence(f, PH_LEASE_RENEW);
    if (self->rotates && f->time < f->lease_until)
        return with_evidence(f, PH_LEASE_ROTATE);
    return PH_LEASE_KEEP;
}

static enum ph_lease_step step_of(const struct ph_lease_facts *f, const struct ph_lease_self *self,
                                  char why[static PH_LEASE_WHY_LEN])
{
    static const struct ph_eth_address nobody;

    if (same(&self->operator_, &nobody))
        return blocked(why, "nobody operates this worker: name its owner with --operator");
    if (f->known && !same(&f->sign_key, &self->sign_key))
        return blocked(why, "the registry has another key in the place of this worker's");
    if (!f->known || !is_in(f))
        return enter(f, self, why);
    if (!same(&f->owner, &self->operator_))
        return blocked(why, "the registry has this worker under another owner than --operator");
    return stay(f, self);
}

enum ph_lease_step ph_lease_decide(const struct ph_lease_facts *f, const struct ph_lease_self *self,
                                   char why[static PH_LEASE_WHY_LEN])
{
    why[0] = '\0';
    const enum ph_lease_step step = step_of(f, self, why);
    const bool proves = step == PH_LEASE_ROLL || step == PH_LEASE_REGISTER ||
                        step == PH_LEASE_RENEW || step == PH_LEASE_ROTATE;
    if (!proves || f->time >= f->paused_until)
        return step;
    (void)snprintf(why, PH_LEASE_WHY_LEN, "the registry is paused until %" PRIu64, f->paused_until);
    return PH_LEASE_BLOCKED;
}

bool ph_lease_is_live(const struct ph_lease_facts *f, const struct ph_lease_self *self)
{
    return f->known && is_in(f) && f->time < f->lease_until && same(&f->sign_key, &self->sign_key);
}

const char *ph_worker_state_name(enum ph_worker_state state)
{
    switch (state) {
    case PH_WORKER_NONE:
        return "none";
    case PH_WORKER_ACTIVE:
        return "active";
    case PH_WORKER_DRAINING:
        return "draining";
    case PH_WORKER_RETIRED:
        return "retired";
    case PH_WORKER_INVALID:
        return "invalid";
    case PH_WORKER_RESTING:
        return "resting";
    }
    return "none";
}
