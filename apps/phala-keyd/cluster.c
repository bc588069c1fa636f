#include "cluster.h"

#include "files.h"

#include "attest/ratls.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/cert_put.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum ph_err cluster_load_policy(struct cluster *cluster, const char *path,
                                char why[static CLUSTER_WHY_LEN])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_POLICY_JSON_MAX + 4096);
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    struct ph_json_why where = {""};

    if (!policy)
        return cluster_refuse(why, PH_ERR_NOMEM, "no memory for the cluster policy");
    enum ph_err err = file_read(path, &text);
    if (err != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "cluster policy %.150s: cannot be read: %.60s", path,
                       err == PH_ERR_IO ? strerror(errno) : ph_err_name(err));
        return err;
    }
    err = ph_policy_parse(ph_buf_view(&text), policy, &where);
    if (err != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "cluster policy %.90s: %.130s", path, where.text);
        return err;
    }
    ph_sha256(ph_buf_view(&text), cluster->policy_hash.b);
    cluster->policy = PH_TAKE(policy);
    return PH_OK;
}

void cluster_clear(struct cluster *cluster)
{
    free(PH_TAKE(cluster->policy));
}

static enum ph_err need_policy(const struct cluster *cluster, char why[static CLUSTER_WHY_LEN])
{
    if (cluster->policy)
        return PH_OK;
    return cluster_refuse(
        why, PH_ERR_UNSUPPORTED,
        "this worker has no cluster policy, so it hands nothing over: start it with "
        "--cluster-policy");
}

enum ph_err cluster_nonce(struct cluster *cluster, int64_t now_s, uint8_t out[static 32],
                          char why[static CLUSTER_WHY_LEN])
{
    PH_TRY(need_policy(cluster, why));
    for (size_t i = 0; i < CLUSTER_NONCES; i++) {
        if (cluster->nonce[i].until_s > now_s)
            continue;
        ph_random(cluster->nonce[i].nonce, 32);
        cluster->nonce[i].until_s = now_s + CLUSTER_NONCE_VALID_S;
        memcpy(out, cluster->nonce[i].nonce, 32);
        return PH_OK;
    }
    return cluster_refuse(why, PH_ERR_LIMIT,
                          "too many hand-overs wait for their second message: try again");
}

static enum ph_err spend_nonce(struct cluster *cluster, const uint8_t nonce[static 32],
                               int64_t now_s, char why[static CLUSTER_WHY_LEN])
{
    for (size_t i = 0; i < CLUSTER_NONCES; i++) {
        if (cluster->nonce[i].until_s <= now_s || memcmp(cluster->nonce[i].nonce, nonce, 32) != 0)
            continue;
        cluster->nonce[i].until_s = 0;
        return PH_OK;
    }
    return cluster_refuse(why, PH_ERR_UNTRUSTED,
                          "nonce: not one of this worker's, used before, or older than a minute");
}

/* What names the code that runs there, for the log. */
static void describe(const struct ph_verdict *v, char out[static CLUSTER_MEASUREMENT_LEN])
{
    char hex[2 * 48 + 1] = "";

    switch (v->claims.tee) {
    case PH_TEE_TDX:
        ph_hex_encode(PH_BYTES_OF(v->claims.tdx.mr_td), hex);
        break;
    case PH_TEE_SNP:
        ph_hex_encode(PH_BYTES_OF(v->claims.snp.measurement), hex);
        break;
    case PH_TEE_SGX:
        ph_hex_encode(PH_BYTES_OF(v->claims.sgx.mrenclave), hex);
        break;
    case PH_TEE_NITRO:
        ph_hex_encode(PH_BYTES_OF(v->claims.nitro.pcr[0]), hex);
        break;
    case PH_TEE_NVIDIA:
    case PH_TEE_NONE:
        break;
    }
    (void)snprintf(out, CLUSTER_MEASUREMENT_LEN, "%s %s%s", ph_tee_kind_name(v->claims.tee), hex,
                   v->insecure_simulator ? " INSECURE-SIMULATOR" : "");
}

/* The verdict's own sentence. Genuine hardware alone says nothing about the code: keys go to named
 * images only. */
static enum ph_err accept(enum ph_err err, const struct ph_verdict *v, const char *what,
                          char measurement[static CLUSTER_MEASUREMENT_LEN],
                          char why[static CLUSTER_WHY_LEN])
{
    if (err != PH_OK || !v->accepted) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "%s refused: %s: %.190s", what, v->reason,
                       v->sentence);
        return err == PH_OK ? PH_ERR_UNTRUSTED : err;
    }
    if (!v->measurements_demanded) {
        (void)snprintf(why, CLUSTER_WHY_LEN,
                       "%s refused: the cluster policy accepts any code; name measurements", what);
        return PH_ERR_UNTRUSTED;
    }
    describe(v, measurement);
    return PH_OK;
}

/* What a peer has shown on a connection. */
struct peer {
    struct ph_ratls *certificate; /* owned */
    uint8_t tls[32];              /* SHA-256 of its SubjectPublicKeyInfo */
};

static void peer_clear(struct peer *peer)
{
    ph_ratls_free(peer->certificate);
}

/* Read its certificate; unjudged. Programs beside a worker get certificates in dstack's form, so
 * that one says nothing about the worker. */
static enum ph_err peer_open(struct peer *peer, struct ph_bytes certificate,
                             char why[static CLUSTER_WHY_LEN])
{
    struct ph_json_why where = {""};

    const enum ph_err err = ph_ratls_open(certificate, &peer->certificate, &where);
    if (err != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "the peer's %.200s", where.text);
        return err == PH_ERR_NOMEM ? err : PH_ERR_UNTRUSTED;
    }
    if (peer->certificate->form != PH_RATLS_TCG)
        return cluster_refuse(
            why, PH_ERR_UNTRUSTED,
            "the peer's certificate: its evidence is in dstack's form, which is that of "
            "programs; a worker's is in TCG's");
    ph_sha256(peer->certificate->cert.spki, peer->tls);
    return PH_OK;
}

static void own_tls(const struct keyring *ring, uint8_t out[static 32])
{
    uint8_t spki[PH_CERT_SPKI_P256_LEN];

    ph_cert_spki_p256(ring->tls_pub, spki);
    ph_sha256(PH_BYTES_OF(spki), out);
}

/* Evidence of a peer over `report_data`, and the certificate of its connection, by our policy, now;
 * both of the same code. */
static enum ph_err judge(const struct cluster *cluster, const struct peer *peer,
                         struct ph_bytes evidence, const uint8_t report_data[static 64],
                         int64_t now_s, char measurement[static CLUSTER_MEASUREMENT_LEN],
                         char why[static CLUSTER_WHY_LEN])
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    struct ph_verdict *verdict PH_OWNED(ph_freep) = calloc(1, sizeof(*verdict));
    struct ph_json_why where = {""};
    char connection[CLUSTER_MEASUREMENT_LEN];

    if (!verdict)
        return cluster_refuse(why, PH_ERR_NOMEM, "no memory to judge evidence");
    const enum ph_err opened = ph_evidence_parse(evidence, &bundle, &where);
    if (opened != PH_OK) {
        (void)snprintf(why, CLUSTER_WHY_LEN, "evidence: %.200s", where.text);
        return opened;
    }
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_evidence_args args = {.evidence = ph_evidence_view(bundle),
                                    .roots = &roots,
                                    .policy = cluster->policy,
                                    .report_data = report_data,
                                    .now_s = now_s};
    PH_TRY(accept(ph_evidence_verify(&args, verdict), verdict, "evidence", measurement, why));
    args.report_data = NULL;
    PH_TRY(accept(ph_ratls_verify(peer->certificate, &args, verdict), verdict, "certificate",
                  connection, why));
    if (strcmp(connection, measurement) != 0)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "the peer's certificate and its evidence are of different code");
    return PH_OK;
}

enum ph_err cluster_give(struct cluster *cluster, const struct keyring *ring,
                         const uint8_t exporter[static 32], struct ph_bytes certificate,
                         struct ph_bytes message, int64_t now_s, struct cluster_given *out,
                         char why[static CLUSTER_WHY_LEN])
{
    struct peer peer PH_OWNED(peer_clear) = {0};
    struct ph_handover_join join;
    struct ph_handover h;

    PH_TRY(need_policy(cluster, why));
    const enum ph_err err = ph_handover_join_parse(message, &join);
    if (err != PH_OK)
        return cluster_refuse(why, err, "join: expected key, nonce, signer and evidence");
    PH_TRY(spend_nonce(cluster, join.nonce, now_s, why));
    PH_TRY(peer_open(&peer, certificate, why));
    memcpy(h.key, join.key, sizeof(h.key));
    memcpy(h.nonce, join.nonce, sizeof(h.nonce));
    memcpy(h.exporter, exporter, sizeof(h.exporter));
    memcpy(h.joiner_tls, peer.tls, sizeof(h.joiner_tls));
    own_tls(ring, h.giver_tls);
    h.joiner = join.signer;

    ph_handover_join_report_data(&h, out->report_data);
    PH_TRY(judge(cluster, &peer, join.evidence, out->report_data, now_s, out->measurement, why));
    if (ph_handover_seal(&h, &ring->secrets->cluster, out->sealed, &out->sealed_len) != PH_OK)
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "join: nothing can be sealed to this key");
    const struct ph_handover_give give = {
        .signer = ring->signer, .cluster = ring->cluster, .sealed = {out->sealed, out->sealed_len}};
    ph_handover_give_report_data(&h, &give, out->report_data);
    out->joiner = join.signer;
    return PH_OK;
}

enum ph_err cluster_ask(struct cluster *cluster, struct keyring *ring,
                        const uint8_t nonce[static 32], const uint8_t exporter[static 32],
                        struct ph_bytes certificate, uint8_t key[static 32],
                        uint8_t report_data[static 64], char why[static CLUSTER_WHY_LEN])
{
    struct peer peer PH_OWNED(peer_clear) = {0};
    struct ph_handover *h = &cluster->ask;

    PH_TRY(need_policy(cluster, why));
    cluster->asking = false;
    PH_TRY(peer_open(&peer, certificate, why));
    ph_random(ring->secrets->ephemeral, 32);
    if (ph_x25519_public(ring->secrets->ephemeral, h->key) != PH_OK)
        return cluster_refuse(why, PH_ERR_NOMEM, "no memory for a key");
    memcpy(h->nonce, nonce, sizeof(h->nonce));
    memcpy(h->exporter, exporter, sizeof(h->exporter));
    memcpy(h->giver_tls, peer.tls, sizeof(h->giver_tls));
    own_tls(ring, h->joiner_tls);
    h->joiner = ring->signer;
    cluster->asking = true;
    memcpy(key, h->key, 32);
    ph_handover_join_report_data(h, report_data);
    return PH_OK;
}

/* A worker that has its cluster's keys takes newer epochs of them: as its next ones. */
static enum ph_err take_newer(struct keyring_secrets *s, char why[static CLUSTER_WHY_LEN])
{
    struct ph_cluster_keys all = s->cluster;
    const enum ph_err err = ph_cluster_keys_merge(&all, &s->next);

    ph_wipe(&s->next, sizeof(s->next));
    if (err == PH_OK)
        memcpy(&s->next, &all, sizeof(all));
    ph_wipe(&all, sizeof(all));
    if (err == PH_OK)
        return PH_OK;
    return cluster_refuse(why, err,
                          err == PH_ERR_NOT_FOUND ? "the other worker has no newer epoch"
                          : err == PH_ERR_LIMIT
                              ? "16 epochs are in use: the oldest must be retired first"
                              : "the other worker's keys are not of this cluster, or one "
                                "of the two was rolled back and its keys rotated again");
}

static enum ph_err take(struct cluster *cluster, struct keyring *ring, struct ph_bytes certificate,
                        const struct ph_handover_give *give, int64_t now_s,
                        char measurement[static CLUSTER_MEASUREMENT_LEN],
                        char why[static CLUSTER_WHY_LEN])
{
    struct keyring_secrets *s = ring->secrets;
    struct peer peer PH_OWNED(peer_clear) = {0};
    uint8_t report_data[64];

    PH_TRY(peer_open(&peer, certificate, why));
    if (memcmp(peer.tls, cluster->ask.giver_tls, sizeof(peer.tls)) != 0)
        return cluster_refuse(why, PH_ERR_UNTRUSTED,
                              "the answer comes from another peer than was asked");
    ph_handover_give_report_data(&cluster->ask, give, report_data);
    PH_TRY(judge(cluster, &peer, give->evidence, report_data, now_s, measurement, why));
    const bool more = keyring_has_cluster(ring);
    if (ph_handover_open(&cluster->ask, s->ephemeral, give->sealed,
                         more ? &s->next : &s->cluster) != PH_OK)
        return cluster_refuse(why, PH_ERR_UNTRUSTED, "the keys are not sealed for this hand-over");
    if (more)
        return take_newer(s, why);
    if (keyring_derive(ring) == PH_OK &&
        memcmp(ring->cluster.b, give->cluster.b, sizeof(give->cluster.b)) == 0)
        return PH_OK;
    ph_wipe(&s->cluster, sizeof(s->cluster));
    return cluster_refuse(why, PH_ERR_UNTRUSTED,
                          "the keys are those of another cluster than the giver says");
}

enum ph_err cluster_take(struct cluster *cluster, struct keyring *ring, struct ph_bytes certificate,
                         struct ph_bytes message, int64_t now_s,
                         char measurement[static CLUSTER_MEASUREMENT_LEN],
                         char why[static CLUSTER_WHY_LEN])
{
    struct ph_handover_give give;

    PH_TRY(need_policy(cluster, why));
    if (!cluster->asking)
        return cluster_refuse(why, PH_ERR_CONFLICT, "nothing was asked for");
    enum ph_err err = ph_handover_give_parse(message, &give);
    if (err != PH_OK)
        return cluster_refuse(why, err,
                              "answer: expected signer, cluster, sealed keys and evidence");
    cluster->asking = false;
    err = take(cluster, ring, certificate, &give, now_s, measurement, why);
    ph_wipe(ring->secrets->ephemeral, 32);
    return err;
}
