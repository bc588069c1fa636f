#include "attest/eventlog/tcg.h"

#include "crypto/hash.h"

enum rule { OTHER, NONE, DATA, VARIABLE, SEPARATOR, TAG };

static const struct {
    uint32_t type;
    enum rule rule;
    const char *name;
} events[] = {
#define T(id, value, rule) {value, rule, "EV_" #id},
    PH_TCG_EVENTS(T)
#undef T
};

const char *ph_tcg_event_name(uint32_t type)
{
    for (size_t i = 0; i < PH_LEN(events); i++) {
        if (events[i].type == type)
            return events[i].name;
    }
    return "unknown";
}

static enum rule rule_of(uint32_t type)
{
    for (size_t i = 0; i < PH_LEN(events); i++) {
        if (events[i].type == type)
            return events[i].rule;
    }
    return OTHER;
}

static bool is_hash_of(struct ph_bytes data, const uint8_t digest[static 48])
{
    uint8_t want[PH_SHA384_LEN];

    ph_sha384(data, want);
    return memcmp(want, digest, sizeof(want)) == 0;
}

static enum ph_tcg_digest compare(struct ph_bytes data, const uint8_t digest[static 48])
{
    return is_hash_of(data, digest) ? PH_TCG_DIGEST_EQUAL : PH_TCG_DIGEST_DIFFERS;
}

/* UEFI_VARIABLE_DATA: GUID 16, name length in UTF-16 units u64, data length u64, name, data. */
static bool variable_value(struct ph_bytes data, struct ph_bytes *out)
{
    struct ph_reader r = {data};
    struct ph_bytes guid, name, value;
    uint64_t units, len;

    if (!ph_read_view(&r, 16, &guid) || !ph_read_u64le(&r, &units) || !ph_read_u64le(&r, &len) ||
        units > r.rest.len / 2 || !ph_read_view(&r, (size_t)units * 2, &name) ||
        len != r.rest.len || !ph_read_view(&r, (size_t)len, &value))
        return false;
    *out = value;
    return true;
}

static enum ph_tcg_digest check_variable(struct ph_bytes data, const uint8_t digest[static 48])
{
    struct ph_bytes value;

    if (variable_value(data, &value) && is_hash_of(value, digest))
        return PH_TCG_DIGEST_EQUAL;
    return compare(data, digest);
}

static enum ph_tcg_digest check_separator(struct ph_bytes data, const uint8_t digest[static 48])
{
    static const uint8_t zero[4], ones[4] = {0xff, 0xff, 0xff, 0xff};

    if (!ph_bytes_equal(data, PH_BYTES_OF(zero)) && !ph_bytes_equal(data, PH_BYTES_OF(ones)))
        return PH_TCG_DIGEST_ERROR;
    return compare(data, digest);
}

static bool is_aael(struct ph_bytes data)
{
    struct ph_reader r = {data};
    uint32_t id;

    return ph_read_u32le(&r, &id) && id == PH_TCG_TAG_AAEL;
}

enum ph_tcg_digest ph_tcg_digest_check(uint32_t type, struct ph_bytes data,
                                       const uint8_t digest[static 48])
{
    switch (rule_of(type)) {
    case NONE:
        return PH_TCG_DIGEST_NOTHING;
    case DATA:
        return compare(data, digest);
    case VARIABLE:
        return check_variable(data, digest);
    case SEPARATOR:
        return check_separator(data, digest);
    case TAG:
        return is_aael(data) ? compare(data, digest) : PH_TCG_DIGEST_HIDDEN;
    case OTHER:
        break;
    }
    return PH_TCG_DIGEST_HIDDEN;
}

/* Cut the text before the next space off. */
static bool word(struct ph_bytes *text, struct ph_bytes *out)
{
    const uint8_t *space = memchr(text->ptr, ' ', text->len);

    if (!space || space == text->ptr)
        return false;
    *out = (struct ph_bytes){text->ptr, (size_t)(space - text->ptr)};
    *text = (struct ph_bytes){space + 1, text->len - out->len - 1};
    return true;
}

enum ph_err ph_aael_parse(struct ph_bytes data, struct ph_aael_entry *out)
{
    struct ph_reader r = {data};
    struct ph_aael_entry e;
    uint32_t id, size;

    if (!ph_read_u32le(&r, &id) || id != PH_TCG_TAG_AAEL)
        return PH_ERR_NOT_FOUND;
    if (!ph_read_u32le(&r, &size) || size != r.rest.len)
        return PH_ERR_MALFORMED;
    e.content = r.rest;
    if (memchr(r.rest.ptr, '\n', size) || memchr(r.rest.ptr, '\0', size) ||
        !word(&e.content, &e.domain) || !word(&e.content, &e.operation))
        return PH_ERR_MALFORMED;
    *out = e;
    return PH_OK;
}
