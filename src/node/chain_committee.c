#include "node/chain_committee.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "chain/certificate.h"
#include "codec/jput.h"
#include "node/calls.h"
#include "node/chain_registrar_priv.h"
#include "node/keyd_committee.h"
#include "node/upload.h"
#include "store/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#define BYTES_TYPE PH_BYTES_LIT("content-type: application/octet-stream\n")
#define EVIDENCE_DIR "committee"

/* Judging takes phala-keyd some milliseconds, in which it does nothing else. */
enum { JUDGED_PER_S = 10, KEPT_MAX = 4096, NAME_LEN = 64 };

struct asked {
    struct ph_upload up;
    void (*answer)(struct asked *a, struct ph_chain_registrar *r);
};

static void refuse(struct asked *a, uint16_t status, const char *code, const char *why)
{
    ph_answer_error(a->up.req, status, code, why);
}

/* What phala-keyd said no to. */
static void refuse_judgement(struct asked *a, enum ph_err err, const char *why)
{
    const char *text = why[0] ? why : ph_err_name(err);

    if (err == PH_ERR_MALFORMED || err == PH_ERR_LIMIT)
        refuse(a, 400, "bad-certificate", text);
    else if (err == PH_ERR_CONFLICT)
        refuse(a, 409, "conflict", text);
    else if (err == PH_ERR_NOT_FOUND)
        refuse(a, 404, "no-committee", text);
    else if (err == PH_ERR_UNTRUSTED || err == PH_ERR_UNSUPPORTED)
        refuse(a, 403, "evidence-refused", text);
    else
        refuse(a, 503, "overloaded", text);
}

/* Files: names are hexadecimal hashes, ages count from when they were written. */

static bool is_name(const char *text)
{
    uint8_t hash[NAME_LEN / 2];

    return strlen(text) == NAME_LEN && ph_hex_decode(ph_bytes_str(text), hash, 32) == PH_OK;
}

/* Remove what nobody can ask about any more. Yields how many are left. */
static size_t prune(int dir_fd, int64_t now_s)
{
    const int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    size_t left = 0;

    if (!dir)
        return KEPT_MAX;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        struct stat st;
        if (!is_name(e->d_name) || fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if ((int64_t)st.st_mtim.tv_sec + PH_VERDICT_LATE_S < now_s)
            (void)unlinkat(dir_fd, e->d_name, 0);
        else
            left++;
    }
    (void)closedir(dir);
    return left;
}

static enum ph_err open_kept(const struct ph_node *node, int *out)
{
    int data_fd PH_OWNED(ph_closep) = -1;

    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &data_fd));
    return ph_dir_open(data_fd, EVIDENCE_DIR, out);
}

static enum ph_err keep(const struct ph_node *node, const struct ph_hash32 *hash,
                        struct ph_bytes evidence)
{
    int fd PH_OWNED(ph_closep) = -1;
    char name[NAME_LEN + 1];

    PH_TRY(open_kept(node, &fd));
    if (prune(fd, time(NULL)) >= KEPT_MAX)
        return PH_ERR_LIMIT;
    ph_hex_encode(PH_BYTES_OF(hash->b), name);
    return ph_file_replace(fd, name, &evidence, 1);
}

/* The member's answer. */

static bool may_judge(struct asked *a, struct ph_chain_registrar *r)
{
    const int64_t now = time(NULL);

    if (r->judged_second != now) {
        r->judged_second = now;
        r->judged_cnt = 0;
    }
    if (r->judged_cnt++ < JUDGED_PER_S)
        return true;
    refuse(a, 503, "overloaded", "others have asked for judgements just now; try again");
    return false;
}

static bool is_in_office(struct asked *a, const struct ph_chain_registrar *r, uint64_t set_id)
{
    char why[128];

    if (r->is_member && set_id == r->committee)
        return true;
    (void)snprintf(why, sizeof(why),
                   r->is_member ? "the committee in office is %llu"
                                : "this worker is no member of the committee in office, %llu",
                   (unsigned long long)r->committee);
    refuse(a, 409, "not-in-office", why);
    return false;
}

static void certify(struct asked *a, struct ph_chain_registrar *r)
{
    struct ph_buf certified PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFICATE_MAX);
    struct ph_abi_verifier_committee_certificate c;
    char why[PH_KEYD_WHY_LEN] = "";
    struct ph_bytes evidence;
    struct ph_hash32 hash;

    if (ph_certify_parse(ph_buf_view(&a->up.body), &c, &evidence) != PH_OK) {
        refuse(a, 400, "bad-certificate", "not abi.encode(Certificate, bytes) of at most 96 KiB");
        return;
    }
    if (!is_in_office(a, r, c.set_id) || !may_judge(a, r))
        return;
    enum ph_err err =
        ph_keyd_certify(a->up.node->keyd, ph_buf_view(&a->up.body), &hash, &certified, why);
    if (err != PH_OK) {
        refuse_judgement(a, err, why);
        return;
    }
    /* Before the signature leaves: who signs has the evidence when somebody doubts it. */
    err = keep(a->up.node, &hash, evidence);
    if (err == PH_ERR_LIMIT)
        refuse(a, 503, "overloaded", "too much evidence of the last days is kept here");
    else if (err != PH_OK)
        refuse(a, 500, "storage", "the evidence could not be kept");
    else
        ph_http_respond(a->up.req, 200, BYTES_TYPE, ph_buf_view(&certified));
}

static void judge(struct asked *a, struct ph_chain_registrar *r)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_jput j = {.out = &text};
    char signer[43] = "0x", sig[2 + 130 + 1] = "0x", certificate[67] = "0x";
    char why[PH_KEYD_WHY_LEN] = "";
    struct ph_keyd_verdict v;

    if (!may_judge(a, r))
        return;
    const enum ph_err err = ph_keyd_verdict(a->up.node->keyd, ph_buf_view(&a->up.body), &v, why);
    if (err != PH_OK) {
        refuse_judgement(a, err, why);
        return;
    }
    ph_hex_encode(PH_BYTES_OF(r->w->node->identity.signer.b), signer + 2);
    ph_hex_encode(PH_BYTES_OF(v.certificate.b), certificate + 2);
    ph_hex_encode(PH_BYTES_OF(v.sig), sig + 2);
    ph_jput_object(&j, NULL);
    ph_jput_str(&j, "certificate", certificate);
    ph_jput_bool(&j, "genuine", v.genuine);
    ph_jput_str(&j, "signer", signer);
    ph_jput_str(&j, "signature", sig);
    ph_jput_close(&j);
    if (ph_jput_end(&j) == PH_OK)
        ph_http_respond(a->up.req, 200, PH_BYTES_LIT("content-type: application/json\n"),
                        ph_buf_view(&text));
    else
        refuse(a, 500, "internal", "out of memory");
}

/* Requests. */

static void asked_whole(struct ph_upload *up)
{
    struct asked *a = (struct asked *)up;
    struct ph_chain_registrar *r = up->node->chain ? up->node->chain->registrar : NULL;

    if (!r)
        refuse(a, 404, "no-committee", "this worker is on no chain: see --network");
    else
        a->answer(a, r);
}

static void receive(struct ph_node *node, struct ph_http_req *req,
                    void (*answer)(struct asked *, struct ph_chain_registrar *))
{
    struct asked *a = (struct asked *)ph_upload_new(req, sizeof(*a));

    if (!a)
        return;
    a->answer = answer;
    ph_upload_take(&a->up, node, req, PH_CERTIFY_MAX,
                   "certificate and evidence have at most 96 KiB", asked_whole, NULL);
}

void ph_api_committee_certificate(struct ph_node *node, struct ph_http_req *req,
                                  struct ph_bytes arg)
{
    (void)arg;
    receive(node, req, certify);
}

void ph_api_committee_verdict(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    receive(node, req, judge);
}

void ph_api_committee_evidence(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFY_MAX);
    int fd PH_OWNED(ph_closep) = -1;
    char name[NAME_LEN + 1];
    struct ph_hash32 hash;

    enum ph_err err = ph_hex_decode(arg, hash.b, sizeof(hash.b));
    if (err == PH_OK)
        err = open_kept(node, &fd);
    if (err == PH_OK) {
        ph_hex_encode(PH_BYTES_OF(hash.b), name);
        err = ph_file_read(fd, name, &evidence);
    }
    if (err == PH_OK)
        ph_http_respond(req, 200, BYTES_TYPE, ph_buf_view(&evidence));
    else if (err == PH_ERR_IO || err == PH_ERR_NOMEM)
        ph_answer_error(req, 500, "storage", "the evidence cannot be read");
    else
        ph_answer_error(req, 404, "unknown-evidence",
                        "this worker certified no evidence of that hash within nine days");
}
