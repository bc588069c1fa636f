/* Encrypted code: what opens, and what every alteration of it is called. */

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/bundle.h"
#include "codec/code.h"

#include <stdlib.h>

#define MANIFEST "{\"name\":\"t\"}"
/* docs/keys.md: key 07…, nonce 0b…, phat a1…, bundle hash b2…, epoch 3, over "a bundle". */
static const char wrapped_hex[] = "588cf629b967070720afd9959026b76d7893cbbaf00b8847727632b44e80a571"
                                  "6273d30a6ca56120bf9e8c52316126b1b5b4befe39e6b4a80f530646f677c764"
                                  "843f56483aaaff2427b4b5df0ee20044";
#define SEALED "4c88c11ec3405941ade66ae94792a088ba07eb8170a6ea3c"

static char why[PH_CODE_WHY_LEN];

/* A bundle of a manifest and a script, and what is needed to encrypt it. */
static void make_bundle(const char *manifest, const char *extra, struct ph_buf *bundle,
                        struct ph_code_input *in)
{
    struct ph_bundle_file files[3] = {{"phat.json", ph_bytes_str(manifest)},
                                      {"worker.js", PH_BYTES_LIT("const marker = 1;")},
                                      {extra ? extra : "", PH_BYTES_LIT("x")}};
    const size_t cnt = extra ? 3 : 2;

    for (size_t i = 0; i < cnt; i++)
        CHECK(ph_tar_add(bundle, files[i].path, files[i].data) == PH_OK);
    CHECK(ph_tar_finish(bundle) == PH_OK);
    *in = (struct ph_code_input){.phat = {{0xa1}},
                                 .epoch = 3,
                                 .key = {7},
                                 .wrapped = {9},
                                 .bundle = ph_buf_view(bundle),
                                 .manifest = ph_bytes_str(MANIFEST)};
    ph_bundle_hash(files, cnt, &in->bundle_hash);
}

static void parse(const struct ph_buf *archive, struct ph_tar *tar, struct ph_code *code)
{
    char reason[128];
    CHECK(ph_tar_parse(ph_buf_view(archive), tar, reason) == PH_OK && ph_code_is_in(tar));
    CHECK(ph_code_parse(tar, code, why) == PH_OK);
}

static enum ph_err open_with(struct ph_buf *archive, const struct ph_code_input *in)
{
    why[0] = '\0';
    return ph_code_open(archive, in->key, &in->phat, &in->bundle_hash, why);
}

/* Encrypt, change something, open: refused with this sentence. */
struct rig {
    struct ph_buf bundle, archive;
    struct ph_code_input in;
    struct ph_tar *tar;
    struct ph_code code;
};

static void rig_open(struct rig *r, const char *manifest, const char *extra)
{
    *r = (struct rig){.bundle = PH_BUF(1 << 16), .archive = PH_BUF(1 << 16)};
    r->tar = malloc(sizeof(*r->tar));
    CHECK(r->tar);
    make_bundle(manifest, extra, &r->bundle, &r->in);
    CHECK(ph_code_seal(&r->in, &r->archive) == PH_OK);
    parse(&r->archive, r->tar, &r->code);
}

static void rig_close(struct rig *r)
{
    ph_buf_clear(&r->bundle);
    ph_buf_clear(&r->archive);
    free(r->tar);
}

static uint8_t *at(struct rig *r, struct ph_bytes part)
{
    return r->archive.ptr + (part.ptr - r->archive.ptr);
}

static void refused(struct rig *r, enum ph_err err, const char *sentence)
{
    CHECK(open_with(&r->archive, &r->in) == err);
    if (!strstr(why, sentence))
        fail_msg("\"%s\" lacks \"%s\"", why, sentence);
    rig_close(r);
}

TEST(what_was_encrypted_comes_back_and_is_nowhere_before)
{
    struct rig r;

    rig_open(&r, MANIFEST, NULL);
    CHECK(!memmem(r.archive.ptr, r.archive.len, "marker", 6));
    CHECK(memmem(r.archive.ptr, r.archive.len, MANIFEST, sizeof(MANIFEST) - 1));
    CHECK(r.code.epoch == 3 && memcmp(r.code.bundle_hash.b, r.in.bundle_hash.b, 32) == 0);
    CHECK(open_with(&r.archive, &r.in) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&r.archive), ph_buf_view(&r.bundle)));
    rig_close(&r);
}

TEST(every_alteration_is_refused_by_name)
{
    static const char closed[] = "does not open with its key";
    struct rig r;

    rig_open(&r, MANIFEST, NULL);
    at(&r, r.code.sealed)[0] ^= 1;
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    at(&r, r.code.sealed)[r.code.sealed.len - 1] ^= 1; /* the tag */
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    at(&r, r.code.nonce)[0] ^= 1;
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    r.in.key[31] ^= 1;
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    r.in.phat.b[0] ^= 1; /* another phat's ciphertext */
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    r.in.bundle_hash.b[0] ^= 1; /* another bundle was deployed */
    refused(&r, PH_ERR_UNTRUSTED, "of another bundle than the one deployed");
    rig_open(&r, MANIFEST, NULL);
    r.in.bundle_hash.b[0] ^= 1; /* and its hash put into the head */
    memcpy(at(&r, r.code.wrapped) - 36, r.in.bundle_hash.b, 32);
    refused(&r, PH_ERR_UNTRUSTED, closed);
    rig_open(&r, MANIFEST, NULL);
    at(&r, r.code.manifest)[2] = 'm'; /* limits and egress that the owner did not write */
    refused(&r, PH_ERR_UNTRUSTED, "phat.json in the clear is not the one that was encrypted");
}

TEST(an_owner_who_encrypts_something_else_is_refused_by_name)
{
    struct rig r;

    rig_open(&r, "{\"name\":\"u\"}", NULL); /* another manifest inside */
    refused(&r, PH_ERR_UNTRUSTED, "phat.json in the clear is not");
    rig_open(&r, MANIFEST, PH_CODE_FILE); /* encrypted code inside of encrypted code */
    refused(&r, PH_ERR_MALFORMED, "encrypted code again");

    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_code_input in;
    make_bundle(MANIFEST, NULL, &bundle, &in);
    in.bundle_hash.b[0] ^= 1; /* signed another hash */
    CHECK(ph_code_seal(&in, &archive) == PH_OK);
    CHECK(open_with(&archive, &in) == PH_ERR_UNTRUSTED && strstr(why, "has another hash"));
    ph_buf_clear(&archive);
    in.bundle = PH_BYTES_LIT("no archive");
    CHECK(ph_code_seal(&in, &archive) == PH_OK);
    CHECK(open_with(&archive, &in) == PH_ERR_MALFORMED && strstr(why, "is no bundle"));
}

/* phat.json and this phat.code, and perhaps a third file. */
static enum ph_err parse_made(struct ph_bytes code, bool manifest, bool third)
{
    struct ph_buf archive PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_code out;
    char reason[128];

    CHECK(tar && ph_tar_add(&archive, PH_CODE_FILE, code) == PH_OK);
    if (manifest)
        CHECK(ph_tar_add(&archive, "phat.json", PH_BYTES_LIT(MANIFEST)) == PH_OK);
    if (third)
        CHECK(ph_tar_add(&archive, "worker.js", PH_BYTES_LIT("")) == PH_OK);
    CHECK(ph_tar_finish(&archive) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&archive), tar, reason) == PH_OK);
    why[0] = '\0';
    return ph_code_parse(tar, &out, why);
}

TEST(an_archive_is_these_two_files_and_whole)
{
    uint8_t raw[PH_CODE_HEAD_LEN + 16] = "PHCODE1\n";

    CHECK(parse_made(PH_BYTES_OF(raw), true, false) == PH_OK);
    CHECK(parse_made(PH_BYTES_OF(raw), false, false) == PH_ERR_MALFORMED);
    CHECK(strstr(why, "nothing else"));
    CHECK(parse_made(PH_BYTES_OF(raw), true, true) == PH_ERR_MALFORMED);
    CHECK(strstr(why, "nothing else"));
    for (size_t n = 0; n < sizeof(raw); n++) {
        CHECK(parse_made((struct ph_bytes){raw, n}, true, false) == PH_ERR_MALFORMED);
        CHECK(strstr(why, n < 8 ? "not of this version" : "cut short"));
    }
    raw[6] = '2';
    CHECK(parse_made(PH_BYTES_OF(raw), true, false) == PH_ERR_MALFORMED);
    CHECK(strstr(why, "not of this version"));
}

TEST(another_wrapping_of_the_key_changes_nothing_else)
{
    uint8_t wrapped[PH_CODE_WRAPPED_LEN] = {1, 2, 3};
    struct ph_code again;
    struct rig r;

    rig_open(&r, MANIFEST, NULL);
    ph_code_rewrap(&r.archive, &r.code, 4, wrapped);
    parse(&r.archive, r.tar, &again);
    CHECK(again.epoch == 4 && ph_bytes_equal(again.wrapped, PH_BYTES_OF(wrapped)));
    CHECK(memcmp(again.bundle_hash.b, r.in.bundle_hash.b, 32) == 0);
    CHECK(open_with(&r.archive, &r.in) == PH_OK);
    rig_close(&r);
}

TEST(the_bytes_are_those_of_the_document)
{
    struct ph_code_input in = {.epoch = 3, .bundle = PH_BYTES_LIT("a bundle")};
    struct ph_buf file PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    uint8_t nonce[12], want[PH_CODE_HEAD_LEN + 24];

    memset(in.phat.b, 0xa1, sizeof(in.phat.b));
    memset(in.bundle_hash.b, 0xb2, sizeof(in.bundle_hash.b));
    memset(in.key, 7, sizeof(in.key));
    memset(nonce, 0x0b, sizeof(nonce));
    CHECK(ph_hex_decode(ph_bytes_str(wrapped_hex), in.wrapped, sizeof(in.wrapped)) == PH_OK);
    CHECK(ph_code_seal_with_nonce(&in, nonce, &file) == PH_OK);
    memcpy(want, "PHCODE1\n", 8);
    memcpy(want + 8, in.bundle_hash.b, 32);
    ph_put_u32be(want + 40, 3);
    memcpy(want + 44, in.wrapped, 80);
    memcpy(want + 124, nonce, 12);
    CHECK(ph_hex_decode(PH_BYTES_LIT(SEALED), want + PH_CODE_HEAD_LEN, 24) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&file), PH_BYTES_OF(want)));
}

PH_TEST_MAIN(CASE(what_was_encrypted_comes_back_and_is_nowhere_before),
             CASE(every_alteration_is_refused_by_name),
             CASE(an_owner_who_encrypts_something_else_is_refused_by_name),
             CASE(an_archive_is_these_two_files_and_whole),
             CASE(another_wrapping_of_the_key_changes_nothing_else),
             CASE(the_bytes_are_those_of_the_document))
