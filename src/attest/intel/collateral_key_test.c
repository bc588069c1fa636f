/* Which collateral a quote asks for. */

#include "attest/intel/collateral_key.h"

#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

static enum ph_err key_of(const struct world *w, struct ph_collateral_key *out)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;

    world_make(w, &collateral, &quote, &roots);
    return ph_collateral_key_of(ph_buf_view(&quote), out);
}

TEST(tee_fmspc_and_ca_name_the_collateral)
{
    static const uint8_t fmspc[6] = {0x90, 0xc0, 0x6f, 0, 0, 0x0a};
    struct ph_collateral_key key;
    struct world w;
    char name[PH_COLLATERAL_NAME_LEN];

    world_init(&w);
    memcpy(w.s.fmspc, fmspc, 6);
    CHECK(key_of(&w, &key) == PH_OK && key.tee == PH_TEE_TDX && key.platform_ca);
    CHECK(memcmp(key.fmspc, fmspc, 6) == 0 && memcmp(key.ppid, w.s.ppid, 16) == 0);
    ph_collateral_key_name(&key, name);
    CHECK(strcmp(name, "tdx-90c06f00000a-platform") == 0);

    world_init(&w);
    world_sgx(&w, 3);
    w.s.processor_ca = true;
    CHECK(key_of(&w, &key) == PH_OK && key.tee == PH_TEE_SGX && !key.platform_ca);
    memset(key.fmspc, 0xff, 6);
    ph_collateral_key_name(&key, name);
    CHECK(strcmp(name, "sgx-ffffffffffff-processor") == 0);
}

TEST(a_quote_without_a_chain_names_nothing)
{
    struct ph_collateral_key key;
    struct world w;

    world_init(&w);
    w.s.omit_pck_chain = true;
    CHECK(key_of(&w, &key) == PH_ERR_NOT_FOUND);
    CHECK(ph_collateral_key_of(PH_BYTES_LIT("no quote"), &key) == PH_ERR_MALFORMED);
    world_init(&w);
    w.s.faults = PH_SYNTH_NO_SGX_EXT;
    CHECK(key_of(&w, &key) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(tee_fmspc_and_ca_name_the_collateral),
             CASE(a_quote_without_a_chain_names_nothing))
