#include "attest/eventlog/runtime_log.h"

#include "attest/eventlog/tcg.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/jscan.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TOKENS_MAX = 8 * PH_EVENT_CNT_MAX, /* an event is an object of at most 7 members */
    V2_TEXT_MAX = 64,                  /* of the version 2 preimage besides name and payload */
};

/* Working area: one allocation of fixed size, whatever the log says. */
struct work {
    struct ph_jtok toks[TOKENS_MAX];
    uint8_t payload[PH_RUNTIME_PAYLOAD_MAX];
    uint8_t preimage[V2_TEXT_MAX + PH_RUNTIME_NAME_MAX + 2 * PH_RUNTIME_PAYLOAD_MAX];
};

/* One event as the log shows it: views into the log and the working area. */
struct event {
    uint32_t index, imr, type;
    unsigned version;
    bool has_digest;
    uint8_t digest[PH_RTMR_LEN];
    struct ph_bytes name, payload;
};

struct replay {
    struct ph_jdoc json;
    struct work *work;
    struct ph_event_claims claims;
    struct ph_event_why *why;
    bool separated[PH_RTMR_CNT];
    uint32_t seen; /* boot events: bit 1 << index in `boot` */
    unsigned rank; /* of the last ranked boot event */
};

static enum ph_err bad(struct replay *r, uint32_t event, const char *key, const char *what)
{
    return ph_event_refuse(r->why, PH_CHECK_EVENT_FORMAT, event, "event %u: %s: %s", event, key,
                           what);
}

static enum ph_err too_long(struct replay *r, uint32_t event, const char *key)
{
    (void)bad(r, event, key, "too long");
    return PH_ERR_LIMIT;
}

/* A name for a message: a log may hold what steers a terminal. */
struct shown {
    char text[65];
};
static struct shown shown(struct ph_bytes name)
{
    struct shown out;
    size_t n = name.len < sizeof(out.text) - 1 ? name.len : sizeof(out.text) - 1;

    for (size_t i = 0; i < n; i++)
        out.text[i] = name.ptr[i] > 0x20 && name.ptr[i] < 0x7f ? (char)name.ptr[i] : '?';
    out.text[n] = '\0';
    return out;
}

/* Measuring a runtime event */

static size_t put(uint8_t *at, struct ph_bytes bytes)
{
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    return bytes.len;
}

static enum ph_err digest_v1(struct ph_bytes name, struct ph_bytes payload, uint8_t *preimage,
                             uint8_t out[static PH_RTMR_LEN])
{
    size_t n = 4;

    ph_put_u32le(preimage, PH_RUNTIME_EVENT_TYPE);
    preimage[n++] = ':';
    n += put(preimage + n, name);
    preimage[n++] = ':';
    n += put(preimage + n, payload);
    ph_sha384((struct ph_bytes){preimage, n}, out);
    return PH_OK;
}

/* RFC 8785 writes a name without control characters, quotes and backslashes as it is. */
static bool plain_name(struct ph_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < 0x20 || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    }
    return true;
}

static enum ph_err digest_v2(struct ph_bytes name, struct ph_bytes payload, uint8_t *preimage,
                             uint8_t out[static PH_RTMR_LEN])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;

    if (!plain_name(name))
        return PH_ERR_MALFORMED;
    n += put(preimage + n, PH_BYTES_LIT("{\"name\":\""));
    n += put(preimage + n, name);
    n += put(preimage + n, PH_BYTES_LIT("\",\"payload\":\""));
    for (size_t i = 0; i < payload.len; i++) {
        preimage[n++] = (uint8_t)digits[payload.ptr[i] >> 4];
        preimage[n++] = (uint8_t)digits[payload.ptr[i] & 15];
    }
    n += put(preimage + n, PH_BYTES_LIT("\",\"type\":134217729}"));
    ph_sha384((struct ph_bytes){preimage, n}, out);
    return PH_OK;
}

static enum ph_err event_digest(unsigned version, struct ph_bytes name, struct ph_bytes payload,
                                uint8_t *preimage, uint8_t out[static PH_RTMR_LEN])
{
    if (version == 1)
        return digest_v1(name, payload, preimage, out);
    if (version == 2)
        return digest_v2(name, payload, preimage, out);
    return PH_ERR_UNSUPPORTED;
}

enum ph_err ph_runtime_event_digest(unsigned version, struct ph_bytes name, struct ph_bytes payload,
                                    uint8_t out[static PH_RTMR_LEN])
{
    uint8_t *preimage PH_OWNED(ph_freep) = NULL;

    if (name.len > PH_RUNTIME_NAME_MAX || payload.len > PH_RUNTIME_PAYLOAD_MAX)
        return PH_ERR_LIMIT;
    preimage = malloc(sizeof(((struct work *)NULL)->preimage));
    if (!preimage)
        return PH_ERR_NOMEM;
    return event_digest(version, name, payload, preimage, out);
}

/* Reading one event */

static enum ph_err read_u32(struct replay *r, uint32_t event, uint32_t obj, const char *key,
                            uint32_t *out)
{
    const uint32_t t = ph_jscan_get(&r->json, obj, key);
    uint64_t v;

    if (t == 0 || ph_jscan_u64(&r->json, t, &v) != PH_OK || v > UINT32_MAX)
        return bad(r, event, key, "not an integer of 32 bits");
    *out = (uint32_t)v;
    return PH_OK;
}

static enum ph_err read_str(struct replay *r, uint32_t event, uint32_t obj, const char *key,
                            size_t max, struct ph_bytes *out)
{
    const uint32_t t = ph_jscan_get(&r->json, obj, key);

    if (t == 0 || ph_jscan_str(&r->json, t, out) != PH_OK)
        return bad(r, event, key, "not a string without escapes");
    return out->len <= max ? PH_OK : too_long(r, event, key);
}

static enum ph_err read_hex(struct replay *r, uint32_t event, const char *key, struct ph_bytes hex,
                            uint8_t *out)
{
    if (hex.len % 2 != 0 || ph_hex_decode(hex, out, hex.len / 2) != PH_OK)
        return bad(r, event, key, "not hexadecimal");
    return PH_OK;
}

/* A member that this verifier does not know could change what the others mean. */
static enum ph_err known_members(struct replay *r, uint32_t event, uint32_t obj)
{
    static const char *const known[] = {"imr",           "event_type", "digest",  "event",
                                        "event_payload", "version",    "preimage"};
    const struct ph_jtok *toks = r->json.toks;

    for (uint32_t t = ph_jscan_first(obj); t < toks[obj].next; t = toks[t].next) {
        const struct ph_bytes key = {r->json.text.ptr + toks[t].key_start,
                                     toks[t].key_end - toks[t].key_start};
        size_t i = 0;
        while (i < PH_LEN(known) && !ph_bytes_is(key, known[i]))
            i++;
        if (i == PH_LEN(known))
            return bad(r, event, "object", "a member that is none of dstack's");
    }
    return PH_OK;
}

static enum ph_err read_version(struct replay *r, uint32_t obj, struct event *e)
{
    const uint32_t t = ph_jscan_get(&r->json, obj, "version");
    uint64_t v = 1;

    if (t != 0 && r->json.toks[t].type != PH_JNULL &&
        (ph_jscan_u64(&r->json, t, &v) != PH_OK || v < 1 || v > 2))
        return bad(r, e->index, "version", "neither 1 nor 2");
    e->version = (unsigned)v;
    return PH_OK;
}

static enum ph_err read_event(struct replay *r, uint32_t obj, uint32_t index, struct event *out)
{
    struct event e = {.index = index};
    struct ph_bytes digest, payload;

    if (r->json.toks[obj].type != PH_JOBJECT)
        return bad(r, index, "array", "an element is no object");
    PH_TRY(known_members(r, index, obj));
    PH_TRY(read_u32(r, index, obj, "imr", &e.imr));
    PH_TRY(read_u32(r, index, obj, "event_type", &e.type));
    PH_TRY(read_str(r, index, obj, "event", PH_RUNTIME_NAME_MAX, &e.name));
    PH_TRY(read_str(r, index, obj, "digest", 2 * PH_RTMR_LEN, &digest));
    PH_TRY(read_str(r, index, obj, "event_payload", 2 * PH_RUNTIME_PAYLOAD_MAX, &payload));
    PH_TRY(read_version(r, obj, &e));
    if (e.imr >= PH_RTMR_CNT)
        return bad(r, index, "imr", "not 0 to 3");
    if (digest.len != 0 && digest.len != 2 * PH_RTMR_LEN)
        return bad(r, index, "digest", "neither empty nor 96 hexadecimal digits");
    PH_TRY(read_hex(r, index, "digest", digest, e.digest));
    e.has_digest = digest.len > 0;
    PH_TRY(read_hex(r, index, "event_payload", payload, r->work->payload));
    e.payload = (struct ph_bytes){r->work->payload, payload.len / 2};
    *out = e;
    return PH_OK;
}

/* What a boot measures about itself, in this order; boot-mr-done ends what names the application.
 * Rank 0: anywhere before system-ready. */
enum boot_event {
    APP_ID,
    COMPOSE_HASH,
    INSTANCE_ID,
    OS_IMAGE_HASH,
    KEY_PROVIDER,
    INIT_SCRIPT,
    GPU_POLICY,
    OTHER
};
enum { RANK_MR_DONE = 8, RANK_READY = 9 };
static const struct {
    const char *name;
    enum boot_event what;
    unsigned rank;
    bool many; /* may come more than once */
} boot[] = {
    {"system-preparing", OTHER, 1, false},      {"app-id", APP_ID, 2, false},
    {"compose-hash", COMPOSE_HASH, 3, false},   {"init-script-hash", INIT_SCRIPT, 4, true},
    {"gpu-policy-hash", GPU_POLICY, 5, false},  {"gpu-attestation", OTHER, 6, false},
    {"instance-id", INSTANCE_ID, 7, false},     {"boot-mr-done", OTHER, RANK_MR_DONE, false},
    {"os-image-hash", OS_IMAGE_HASH, 0, false}, {"mr-kms", OTHER, 0, false},
    {"key-provider", KEY_PROVIDER, 0, false},   {"storage-fs", OTHER, 0, false},
    {"system-ready", OTHER, RANK_READY, false},
};

static enum ph_err bind_fixed(struct replay *r, const struct event *e, uint8_t *out, size_t len,
                              bool *has)
{
    if (e->payload.len != len)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_IDENTITY, e->index,
                               "event %u: %s has %zu bytes instead of %zu", e->index,
                               shown(e->name).text, e->payload.len, len);
    memcpy(out, e->payload.ptr, len);
    *has = true;
    return PH_OK;
}

static enum ph_err bind(struct replay *r, const struct event *e, enum boot_event what)
{
    struct ph_event_claims *c = &r->claims;

    switch (what) {
    case APP_ID:
        return bind_fixed(r, e, c->app_id, sizeof(c->app_id), &c->has_app_id);
    case COMPOSE_HASH:
        return bind_fixed(r, e, c->compose_hash, sizeof(c->compose_hash), &c->has_compose_hash);
    case INSTANCE_ID:
        if (e->payload.len == 0) /* the app asked for none */
            return PH_OK;
        return bind_fixed(r, e, c->instance_id, sizeof(c->instance_id), &c->has_instance_id);
    case OS_IMAGE_HASH:
        return bind_fixed(r, e, c->os_image_hash, sizeof(c->os_image_hash), &c->has_os_image_hash);
    case KEY_PROVIDER:
        if (e->payload.len == 0 || e->payload.len > PH_KEY_PROVIDER_MAX)
            return ph_event_refuse(r->why, PH_CHECK_EVENT_IDENTITY, e->index,
                                   "event %u: key-provider is empty or too long", e->index);
        memcpy(c->key_provider, e->payload.ptr, e->payload.len);
        c->key_provider_len = (uint32_t)e->payload.len;
        c->has_key_provider = true;
        return PH_OK;
    case INIT_SCRIPT:
        if (c->init_script_cnt == PH_INIT_SCRIPTS_MAX)
            return ph_event_refuse(r->why, PH_CHECK_EVENT_IDENTITY, e->index,
                                   "event %u: more than %d init scripts", e->index,
                                   PH_INIT_SCRIPTS_MAX);
        return bind_fixed(r, e, c->init_script_hash[c->init_script_cnt++], 32, &(bool){false});
    case GPU_POLICY:
        return bind_fixed(r, e, c->gpu_policy_hash, 32, &c->has_gpu_policy_hash);
    case OTHER:
        break;
    }
    return PH_OK;
}

/* An event of the boot: known ones once, in order, and in their phase. */
static enum ph_err take_boot(struct replay *r, const struct event *e)
{
    size_t i = 0;

    /* Version 1 joins name and payload by ':', so that a name with one could be read two ways. */
    if (e->name.len > 0 && memchr(e->name.ptr, ':', e->name.len))
        return ph_event_refuse(r->why, PH_CHECK_EVENT_TYPE, e->index,
                               "event %u: the name of a boot event holds ':'", e->index);
    while (i < PH_LEN(boot) && !ph_bytes_is(e->name, boot[i].name))
        i++;
    if (i == PH_LEN(boot))
        return PH_OK; /* nothing that identity rests on */
    if (!boot[i].many && (r->seen & 1u << i))
        return ph_event_refuse(r->why, PH_CHECK_EVENT_DUPLICATE, e->index,
                               "event %u: a second %s during boot", e->index, boot[i].name);
    r->seen |= 1u << i;
    if (boot[i].rank != 0 && boot[i].rank < r->rank)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_ORDER, e->index,
                               "event %u: %s comes too late", e->index, boot[i].name);
    if (boot[i].rank == RANK_READY && !r->claims.boot_done)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_ORDER, e->index,
                               "event %u: system-ready without boot-mr-done before it", e->index);
    if (boot[i].rank != 0)
        r->rank = boot[i].rank;
    r->claims.boot_done |= boot[i].rank == RANK_MR_DONE;
    r->claims.system_ready |= boot[i].rank == RANK_READY;
    return bind(r, e, boot[i].what);
}

static enum ph_err take_runtime(struct replay *r, const struct event *e)
{
    uint8_t digest[PH_RTMR_LEN];
    const enum ph_err err =
        event_digest(e->version, e->name, e->payload, r->work->preimage, digest);

    if (err == PH_ERR_MALFORMED)
        return bad(r, e->index, "event", "a name that version 2 would escape");
    PH_TRY(err);
    if (e->has_digest && memcmp(digest, e->digest, sizeof(digest)) != 0)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_DIGEST, e->index,
                               "event %u: the digest of %s is not that of its payload", e->index,
                               shown(e->name).text);
    r->claims.recomputed_cnt++;
    if (!r->claims.system_ready)
        PH_TRY(take_boot(r, e));
    ph_rtmrs_extend(&r->claims.rtmrs, e->imr, digest);
    return PH_OK;
}

/* The digests of the ACPI tables, which dstack's guest names in the log: attest/eventlog/
 * dstack_image.h. The names prove nothing; what follows from the digests does. */
static void take_acpi(struct replay *r, const struct event *e)
{
    static const char *const names[PH_ACPI_CNT] = {"acpi-loader", "acpi-rsdp", "acpi-tables"};
    struct ph_event_claims *c = &r->claims;

    if (e->imr != 0 || e->type != PH_TCG_EV_PLATFORM_CONFIG_FLAGS)
        return;
    for (unsigned i = 0; i < PH_ACPI_CNT; i++) {
        if (!ph_bytes_is(e->name, names[i]))
            continue;
        if (c->acpi_seen & 1u << i)
            c->acpi_seen |= 1u << (PH_ACPI_CNT + i);
        c->acpi_seen |= 1u << i;
        memcpy(c->acpi[i], e->digest, PH_RTMR_LEN);
    }
}

/* An event of firmware, boot loader or kernel. */
static enum ph_err take_firmware(struct replay *r, const struct event *e)
{
    enum ph_tcg_digest digest = PH_TCG_DIGEST_HIDDEN;

    if (e->type == PH_TCG_EV_NO_ACTION)
        return PH_OK;
    if (!e->has_digest)
        return bad(r, e->index, "digest", "only runtime events may leave it out");
    take_acpi(r, e);
    if (e->payload.len > 0) /* stripped logs leave payloads out */
        digest = ph_tcg_digest_check(e->type, e->payload, e->digest);
    if (digest == PH_TCG_DIGEST_ERROR)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_SEPARATOR, e->index,
                               "event %u: the separator says neither 00000000 nor ffffffff",
                               e->index);
    if (digest == PH_TCG_DIGEST_DIFFERS)
        return ph_event_refuse(r->why, PH_CHECK_EVENT_DIGEST, e->index,
                               "event %u: the digest of %s is not the hash of its payload",
                               e->index, ph_tcg_event_name(e->type));
    if (e->type == PH_TCG_EV_SEPARATOR) {
        if (r->separated[e->imr])
            return ph_event_refuse(r->why, PH_CHECK_EVENT_DUPLICATE, e->index,
                                   "event %u: a second separator for RTMR%u", e->index, e->imr);
        r->separated[e->imr] = true;
    }
    if (digest == PH_TCG_DIGEST_EQUAL)
        r->claims.recomputed_cnt++;
    else
        r->claims.unrecomputable_cnt++;
    ph_rtmrs_extend(&r->claims.rtmrs, e->imr, e->digest);
    return PH_OK;
}

static enum ph_err take(struct replay *r, const struct event *e)
{
    const bool runtime = e->type == PH_RUNTIME_EVENT_TYPE;

    r->claims.event_cnt++;
    /* An event of RTMR3 that is not measured again could stand for the true identity, and leave
     * room for a false one among the application's events. */
    if (runtime != (e->imr == 3))
        return ph_event_refuse(r->why, PH_CHECK_EVENT_TYPE, e->index,
                               "event %u: type %08x does not belong into RTMR%u", e->index, e->type,
                               e->imr);
    return runtime ? take_runtime(r, e) : take_firmware(r, e);
}

static enum ph_err replay_all(struct replay *r)
{
    const struct ph_jtok *toks = r->json.toks;
    uint32_t index = 0;

    if (toks[0].type != PH_JARRAY)
        return bad(r, 0, "log", "not a JSON array");
    if (toks[0].cnt > PH_EVENT_CNT_MAX)
        return too_long(r, PH_EVENT_CNT_MAX, "log");
    for (uint32_t t = ph_jscan_first(0); t < toks[0].next; t = toks[t].next) {
        struct event e;
        PH_TRY(read_event(r, t, index++, &e));
        PH_TRY(take(r, &e));
    }
    return PH_OK;
}

static void drop_identity(struct ph_event_claims *c)
{
    const struct ph_event_claims with = *c;

    *c = (struct ph_event_claims){.kind = c->kind,
                                  .rtmrs = c->rtmrs,
                                  .event_cnt = c->event_cnt,
                                  .recomputed_cnt = c->recomputed_cnt,
                                  .unrecomputable_cnt = c->unrecomputable_cnt,
                                  .acpi_seen = c->acpi_seen};
    memcpy(c->acpi, with.acpi, sizeof(c->acpi));
}

enum ph_err ph_runtime_log_replay(struct ph_bytes log, struct ph_event_claims *out,
                                  struct ph_event_why *why)
{
    struct work *work PH_OWNED(ph_freep) = NULL;
    struct replay r = {.why = why, .claims = {.kind = PH_EVENT_LOG_DSTACK}};

    if (log.len > PH_EVENT_LOG_MAX)
        return too_long(&r, 0, "log");
    work = malloc(sizeof(*work));
    if (!work)
        return PH_ERR_NOMEM;
    r.work = work;
    const enum ph_err err = ph_jscan(log, work->toks, TOKENS_MAX, &r.json);
    if (err != PH_OK) {
        (void)bad(&r, 0, "log", "not strict JSON (duplicate key, fraction, depth, syntax)");
        return err;
    }
    PH_TRY(replay_all(&r));
    if (!r.claims.boot_done) /* no line between the boot and the rest: no identity */
        drop_identity(&r.claims);
    *out = r.claims;
    return PH_OK;
}
