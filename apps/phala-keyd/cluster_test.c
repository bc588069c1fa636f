/* The hand-over inside phala-keyd, both sides in one process over evidence of the simulator: it
 * works once for the two sides of one connection, and every part that is another's refuses. */

#include "cluster.h"

#include "attest/ratls.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/cert_put.h"
#include "codec/der.h"
#include "crypto/hash.h"
#include "crypto/p256.h"
#include "tee/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DAY = 86400, MR_TD_AT = 48 + 136 };

struct side {
    struct keyring ring;
    struct cluster cluster;
    struct ph_buf certificate; /* DER, of its own TLS key, unless a test says otherwise */
};

static char dir[] = "/tmp/keyd-cluster-XXXXXX", why[CLUSTER_WHY_LEN];
static struct ph_tee *tee;
static int64_t now_s;
static struct side giver, joiner;
static uint8_t exporter[32];

static void quote_over(const uint8_t report_data[static 64], struct ph_buf *out)
{
    char tee_why[PH_TEE_WHY_LEN];

    ph_buf_clear(out);
    *out = PH_BUF(PH_TEE_QUOTE_MAX);
    CHECK(ph_tee_quote(tee, report_data, out, tee_why) == PH_OK);
}

struct wrong {
    bool other_key;   /* evidence for a key that is not the certificate's */
    bool dstack_form; /* of a program beside the worker */
    bool no_evidence;
    bool expired;
};

/* A certificate of `ring`'s TLS key. */
static void certify(struct side *side, struct wrong wrong)
{
    static const uint8_t serial[] = {1};
    struct ph_buf claims PH_OWNED(ph_buf_clear) = PH_BUF(512),
                         quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX),
                         value PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX),
                         tbs PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERT_PUT_MAX),
                         sig_der PH_OWNED(ph_buf_clear) = PH_BUF(80);
    uint8_t spki[PH_CERT_SPKI_P256_LEN], report_data[64], digest[32], sig[64];

    ph_cert_spki_p256(side->ring.tls_pub, spki);
    struct ph_cert c = {.serial = PH_BYTES_OF(serial),
                        .not_before_s = now_s - DAY,
                        .not_after_s = wrong.expired ? now_s - 1 : now_s + DAY,
                        .spki = PH_BYTES_OF(spki),
                        .client_auth = true};
    spki[PH_CERT_SPKI_P256_LEN - 1] ^= wrong.other_key;
    if (wrong.dstack_form)
        ph_ratls_dstack_report_data(PH_BYTES_OF(spki), report_data);
    else
        CHECK(ph_ratls_claims(PH_BYTES_OF(spki), &claims, report_data) == PH_OK);
    spki[PH_CERT_SPKI_P256_LEN - 1] ^= wrong.other_key;
    quote_over(report_data, &quote);
    if (wrong.dstack_form)
        CHECK(ph_der_put(&value, PH_DER_OCTET_STRING, ph_buf_view(&quote)) == PH_OK);
    else
        CHECK(ph_ratls_tagged_evidence(PH_EVIDENCE_INTEL, ph_buf_view(&quote), ph_buf_view(&claims),
                                       &value) == PH_OK);
    const struct ph_cert_ext ext = {wrong.dstack_form ? PH_RATLS_OID_DSTACK "1"
                                                      : PH_RATLS_OID_TAGGED_EVIDENCE,
                                    ph_buf_view(&value)};
    c.ext = &ext;
    c.ext_cnt = !wrong.no_evidence;
    CHECK(ph_cert_put_tbs(&c, &tbs) == PH_OK);
    ph_sha256(ph_buf_view(&tbs), digest);
    CHECK(ph_p256_sign_digest(side->ring.secrets->tls, digest, sig) == PH_OK);
    CHECK(ph_der_put_ecdsa_sig(&sig_der, sig, 32) == PH_OK);
    ph_buf_clear(&side->certificate);
    side->certificate = PH_BUF(PH_CERT_PUT_MAX);
    CHECK(ph_cert_put(ph_buf_view(&tbs), ph_buf_view(&sig_der), &side->certificate) == PH_OK);
}

/* This simulator's root and code, and nothing else. */
static void write_policy(char *path, size_t cap)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    const uint8_t zero[64] = {0};
    char mr_td[97], root_hex[65];
    uint8_t root[32];

    quote_over(zero, &quote);
    ph_hex_encode((struct ph_bytes){quote.ptr + MR_TD_AT, 48}, mr_td);
    CHECK(ph_tee_simulator_root(tee, root) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(root), root_hex);
    (void)snprintf(path, cap, "%s/policy.json", dir);
    FILE *f = fopen(path, "w");
    CHECK(f);
    CHECK(fprintf(f,
                  "{\"statuses\":[\"UpToDate\"],\"measurements\":{\"tdx\":[{\"mr_td\":\"%s\"}]},"
                  "\"simulator_root_insecure\":\"%s\"}",
                  mr_td, root_hex) > 0);
    CHECK(fclose(f) == 0);
}

static void open_side(struct side *side, bool founds, const char *policy)
{
    memset(side, 0, sizeof(*side));
    CHECK(keyring_init(&side->ring) == PH_OK);
    if (founds)
        keyring_found(&side->ring, &(struct ph_key_owners){0});
    else
        keyring_begin(&side->ring);
    CHECK(keyring_derive(&side->ring) == PH_OK);
    CHECK(cluster_load_policy(&side->cluster, policy, why) == PH_OK);
    certify(side, (struct wrong){0});
}

static void close_side(struct side *side)
{
    cluster_clear(&side->cluster);
    keyring_clear(&side->ring);
    ph_buf_clear(&side->certificate);
}

static void setup(void)
{
    char policy[128], tee_why[PH_TEE_WHY_LEN];

    if (!tee) {
        CHECK(mkdtemp(dir));
        const struct ph_tee_config config = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                             .dir = dir};
        CHECK(ph_tee_open(&config, &tee, tee_why) == PH_OK);
    }
    now_s = ph_clock_wall_ms() / 1000;
    memset(exporter, 3, sizeof(exporter));
    write_policy(policy, sizeof(policy));
    open_side(&giver, true, policy);
    open_side(&joiner, false, policy);
}

static void teardown(void)
{
    close_side(&giver);
    close_side(&joiner);
}

static void evidence_over(const uint8_t report_data[static 64], struct ph_buf *out)
{
    char tee_why[PH_TEE_WHY_LEN];

    *out = PH_BUF(PH_TEE_EVIDENCE_MAX);
    CHECK(ph_tee_evidence(tee, report_data, now_s, out, tee_why) == PH_OK);
}

/* What goes on between the two; a test changes one part of it. */
struct run {
    struct ph_buf join, give;
    uint8_t report_data[64]; /* what the joiner's evidence is over */
    struct cluster_given given;
    char measurement[CLUSTER_MEASUREMENT_LEN];
};
static struct run run;

static enum ph_err ask(void)
{
    struct ph_handover_join join = {.signer = joiner.ring.signer};
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = {0};

    CHECK(cluster_nonce(&giver.cluster, now_s, join.nonce, why) == PH_OK);
    PH_TRY(cluster_ask(&joiner.cluster, &joiner.ring, join.nonce, exporter,
                       ph_buf_view(&giver.certificate), join.key, run.report_data, why));
    evidence_over(run.report_data, &evidence);
    join.evidence = ph_buf_view(&evidence);
    ph_buf_clear(&run.join);
    run.join = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    return ph_handover_join_encode(&join, &run.join);
}

static enum ph_err give(void)
{
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = {0};

    PH_TRY(cluster_give(&giver.cluster, &giver.ring, exporter, ph_buf_view(&joiner.certificate),
                        ph_buf_view(&run.join), now_s, &run.given, why));
    evidence_over(run.given.report_data, &evidence);
    const struct ph_handover_give message = {.signer = giver.ring.signer,
                                             .cluster = giver.ring.cluster,
                                             .sealed = {run.given.sealed, run.given.sealed_len},
                                             .evidence = ph_buf_view(&evidence)};
    ph_buf_clear(&run.give);
    run.give = PH_BUF(PH_HANDOVER_MESSAGE_MAX);
    return ph_handover_give_encode(&message, &run.give);
}

static enum ph_err take(void)
{
    return cluster_take(&joiner.cluster, &joiner.ring, ph_buf_view(&giver.certificate),
                        ph_buf_view(&run.give), now_s, run.measurement, why);
}

static void done(void)
{
    ph_buf_clear(&run.join);
    ph_buf_clear(&run.give);
    teardown();
}

static bool says(const char *part)
{
    if (strstr(why, part))
        return true;
    print_message("# %s\n", why);
    return false;
}

TEST(keys_go_over_one_connection_once)
{
    setup();
    CHECK(ask() == PH_OK && give() == PH_OK && take() == PH_OK);
    CHECK(memcmp(joiner.ring.cluster.b, giver.ring.cluster.b, 20) == 0);
    CHECK(memcmp(joiner.ring.signer.b, giver.ring.signer.b, 20) != 0);
    CHECK(strstr(run.measurement, "INSECURE-SIMULATOR"));
    CHECK(strcmp(run.measurement, run.given.measurement) == 0);
    CHECK(give() == PH_ERR_UNTRUSTED && says("used before"));
    CHECK(take() == PH_ERR_CONFLICT && says("nothing was asked for"));
    /* Once more, for newer epochs: there are none. */
    CHECK(ask() == PH_OK && give() == PH_OK);
    CHECK(take() == PH_ERR_NOT_FOUND && says("no newer epoch"));
    done();
}

TEST(a_joiner_asks_nobody_without_a_workers_certificate)
{
    setup();
    certify(&giver, (struct wrong){.no_evidence = true});
    CHECK(ask() == PH_ERR_UNTRUSTED && says("no evidence"));
    certify(&giver, (struct wrong){.dstack_form = true});
    CHECK(ask() == PH_ERR_UNTRUSTED && says("dstack's form"));
    giver.certificate.len /= 2;
    CHECK(ask() == PH_ERR_UNTRUSTED && says("the peer's certificate"));
    done();
}

TEST(a_giver_refuses_a_joiners_certificate_that_is_wrong)
{
    static const struct {
        struct wrong wrong;
        const char *says;
    } rows[] = {
        {{.other_key = true}, "certificate-key-mismatch"},
        {{.expired = true}, "certificate-expired"},
        {{.dstack_form = true}, "dstack's form"},
        {{.no_evidence = true}, "no evidence"},
    };
    setup();
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        CHECK(ask() == PH_OK);
        certify(&joiner, rows[i].wrong);
        CHECK(give() == PH_ERR_UNTRUSTED && says(rows[i].says));
        certify(&joiner, (struct wrong){0});
    }
    CHECK(ask() == PH_OK);
    joiner.certificate.len -= 10;
    CHECK(give() == PH_ERR_UNTRUSTED && says("the peer's certificate"));
    done();
}

TEST(a_joiner_refuses_a_givers_certificate_that_is_wrong)
{
    setup();
    certify(&giver, (struct wrong){.expired = true});
    CHECK(ask() == PH_OK && give() == PH_OK);
    CHECK(take() == PH_ERR_UNTRUSTED && says("certificate-expired"));
    certify(&giver, (struct wrong){.other_key = true});
    CHECK(ask() == PH_OK && give() == PH_OK);
    CHECK(take() == PH_ERR_UNTRUSTED && says("certificate-key-mismatch"));
    CHECK(!keyring_has_cluster(&joiner.ring));
    done();
}

/* Somebody between the two: all that is his own is his key, and with it his certificate. */
TEST(evidence_of_another_connection_is_refused_by_both)
{
    struct side relay;
    char policy[128];

    setup();
    (void)snprintf(policy, sizeof(policy), "%s/policy.json", dir);
    open_side(&relay, false, policy); /* a genuine machine, with the same code */
    /* Another exporter value. */
    CHECK(ask() == PH_OK);
    exporter[31] ^= 1;
    CHECK(give() == PH_ERR_UNTRUSTED && says("report-data-mismatch"));
    exporter[31] ^= 1;
    CHECK(ask() == PH_OK);
    CHECK(give() == PH_OK);
    joiner.cluster.ask.exporter[0] ^= 1;
    CHECK(take() == PH_ERR_UNTRUSTED && says("report-data-mismatch"));
    /* The joiner's message on the relay's connection to the giver. */
    CHECK(ask() == PH_OK);
    struct ph_buf own = joiner.certificate;
    joiner.certificate = relay.certificate;
    CHECK(give() == PH_ERR_UNTRUSTED && says("report-data-mismatch"));
    joiner.certificate = own;
    /* The joiner is connected to the relay, whose certificate it sees. */
    own = giver.certificate;
    giver.certificate = relay.certificate;
    CHECK(ask() == PH_OK);
    CHECK(give() == PH_ERR_UNTRUSTED && says("report-data-mismatch"));
    giver.certificate = own;
    CHECK(ask() == PH_OK && give() == PH_OK);
    giver.certificate = relay.certificate;
    CHECK(take() == PH_ERR_UNTRUSTED && says("another peer"));
    giver.certificate = own;
    close_side(&relay);
    done();
}

TEST(nonces_and_evidence_for_other_purposes_are_refused)
{
    struct ph_handover_join join;
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = {0};
    struct ph_buf message PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVER_MESSAGE_MAX);

    setup();
    CHECK(ask() == PH_OK);
    now_s += CLUSTER_NONCE_VALID_S + 1;
    CHECK(give() == PH_ERR_UNTRUSTED && says("older than a minute"));
    now_s -= CLUSTER_NONCE_VALID_S + 1;
    /* Evidence that the certificate carries, in place of evidence for the hand-over. */
    CHECK(ask() == PH_OK);
    CHECK(ph_handover_join_parse(ph_buf_view(&run.join), &join) == PH_OK);
    run.report_data[0] ^= 1;
    evidence_over(run.report_data, &evidence);
    join.evidence = ph_buf_view(&evidence);
    CHECK(ph_handover_join_encode(&join, &message) == PH_OK);
    struct ph_buf good = run.join;
    run.join = message;
    CHECK(give() == PH_ERR_UNTRUSTED && says("report-data-mismatch"));
    run.join = good;
    done();
}

PH_TEST_MAIN(CASE(keys_go_over_one_connection_once),
             CASE(a_joiner_asks_nobody_without_a_workers_certificate),
             CASE(a_giver_refuses_a_joiners_certificate_that_is_wrong),
             CASE(a_joiner_refuses_a_givers_certificate_that_is_wrong),
             CASE(evidence_of_another_connection_is_refused_by_both),
             CASE(nonces_and_evidence_for_other_purposes_are_refused))
