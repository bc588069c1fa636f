#include "codec/sourcemap.h"

#include "base/own.h"
#include "codec/json.h"

#include <stdlib.h>

/* One mapped segment. Source and name are indices plus 1; 0 is none. */
struct segment {
    uint32_t line, column; /* generated; line from 0 */
    uint32_t source, source_line, source_column, name;
};

struct ph_sourcemap {
    json_t *doc;    /* owns the strings below */
    char **sources; /* with sourceRoot joined */
    size_t source_cnt;
    const json_t *names;
    struct segment *segments; /* ascending by line, then column */
    size_t segment_cnt, segment_cap;
};

void ph_sourcemap_free(struct ph_sourcemap *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->source_cnt; i++)
        free(map->sources[i]);
    free(map->sources);
    free(map->segments);
    json_decref(map->doc);
    free(map);
}

void ph_sourcemap_freep(struct ph_sourcemap **map)
{
    ph_sourcemap_free(*map);
}

/* ECMA-426 "Base64 VLQ": five bits a digit, least first, bit 5 says more follow; the lowest bit of
 * the whole is the sign. At most 7 digits; the callers bound the sums. */
static enum ph_err read_vlq(struct ph_reader *r, int64_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t value = 0;
    uint8_t c;

    for (unsigned shift = 0; shift < 35; shift += 5) {
        if (!ph_read_u8(r, &c) || c == '\0')
            return PH_ERR_MALFORMED;
        const char *hit = strchr(digits, c);
        if (!hit)
            return PH_ERR_MALFORMED;
        const uint64_t digit = (uint64_t)(hit - digits);
        value |= (digit & 31) << shift;
        if ((digit & 32) == 0) {
            *out = (value & 1) != 0 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
            return PH_OK;
        }
    }
    return PH_ERR_MALFORMED;
}

static bool segment_ends(const struct ph_reader *r)
{
    return r->rest.len == 0 || r->rest.ptr[0] == ',' || r->rest.ptr[0] == ';';
}

/* Add a difference to a running number that stays within 0..max. */
static enum ph_err advance(struct ph_reader *r, int64_t *number, int64_t max)
{
    int64_t delta;

    PH_TRY(read_vlq(r, &delta));
    if (*number + delta < 0 || *number + delta > max)
        return PH_ERR_MALFORMED;
    *number += delta;
    return PH_OK;
}

/* The running numbers of a mappings string. */
struct cursor {
    int64_t line, column, source, source_line, source_column, name;
};

static enum ph_err add_segment(struct ph_sourcemap *map, const struct segment *s)
{
    if (map->segment_cnt == PH_SOURCEMAP_SEGMENTS_MAX)
        return PH_ERR_LIMIT;
    if (map->segment_cnt == map->segment_cap) {
        const size_t cap = map->segment_cap == 0 ? 1024 : 2 * map->segment_cap;
        struct segment *grown = realloc(map->segments, cap * sizeof(*grown));
        if (!grown)
            return PH_ERR_NOMEM;
        map->segments = grown;
        map->segment_cap = cap;
    }
    map->segments[map->segment_cnt++] = *s;
    return PH_OK;
}

/* One segment of 1, 4 or 5 numbers. */
static enum ph_err read_segment(struct ph_reader *r, struct cursor *c, struct ph_sourcemap *map)
{
    struct segment s = {.line = (uint32_t)c->line};

    PH_TRY(advance(r, &c->column, INT32_MAX));
    s.column = (uint32_t)c->column;
    if (!segment_ends(r)) {
        PH_TRY(advance(r, &c->source, (int64_t)map->source_cnt - 1));
        PH_TRY(advance(r, &c->source_line, INT32_MAX));
        PH_TRY(advance(r, &c->source_column, INT32_MAX));
        s.source = (uint32_t)c->source + 1;
        s.source_line = (uint32_t)c->source_line;
        s.source_column = (uint32_t)c->source_column;
        if (!segment_ends(r)) {
            PH_TRY(advance(r, &c->name, (int64_t)json_array_size(map->names) - 1));
            s.name = (uint32_t)c->name + 1;
        }
    }
    if (!segment_ends(r))
        return PH_ERR_MALFORMED;
    return add_segment(map, &s);
}

static int compare_segments(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

static enum ph_err read_mappings(struct ph_bytes text, struct ph_sourcemap *map)
{
    struct ph_reader r = {text};
    struct cursor c = {0};
    bool sorted = true;
    uint8_t separator;

    while (r.rest.len > 0) {
        if (!segment_ends(&r)) {
            PH_TRY(read_segment(&r, &c, map));
            const size_t n = map->segment_cnt;
            sorted = sorted &&
                     (n < 2 || compare_segments(&map->segments[n - 2], &map->segments[n - 1]) <= 0);
        }
        if (ph_read_u8(&r, &separator) && separator == ';') {
            if (c.line == INT32_MAX)
                return PH_ERR_LIMIT;
            c.line++;
            c.column = 0;
        }
    }
    /* Generators emit ascending columns; the format does not demand it. */
    if (!sorted)
        qsort(map->segments, map->segment_cnt, sizeof(*map->segments), compare_segments);
    return PH_OK;
}

/* sources[i] with sourceRoot in front, an absent source as "". */
static enum ph_err join_source(const char *root, const json_t *source, char **out)
{
    const char *name = json_string_value(source);

    if (!name && !json_is_null(source))
        return PH_ERR_MALFORMED;
    if (!name)
        name = "";
    const size_t root_len = strlen(root), len = root_len + 1 + strlen(name) + 1;
    char *joined = malloc(len);
    if (!joined)
        return PH_ERR_NOMEM;
    const bool slash = root_len > 0 && root[root_len - 1] != '/' && name[0] != '/';
    memcpy(joined, root, root_len);
    if (slash)
        joined[root_len] = '/';
    memcpy(joined + root_len + slash, name, strlen(name) + 1);
    *out = joined;
    return PH_OK;
}

static enum ph_err read_sources(struct ph_sourcemap *map)
{
    const json_t *root = json_object_get(map->doc, "sourceRoot");
    const json_t *sources = json_object_get(map->doc, "sources");

    if (!json_is_array(sources) || (root && !json_is_string(root) && !json_is_null(root)))
        return PH_ERR_MALFORMED;
    const char *prefix = json_string_value(root);
    /* The root is copied once per source: bound the product. */
    const size_t cnt = json_array_size(sources);
    if (cnt > PH_SOURCEMAP_SOURCES_MAX || (prefix && strlen(prefix) > PH_SOURCEMAP_ROOT_MAX))
        return PH_ERR_LIMIT;
    map->sources = calloc(cnt + 1, sizeof(*map->sources));
    if (!map->sources)
        return PH_ERR_NOMEM;
    for (; map->source_cnt < cnt; map->source_cnt++)
        PH_TRY(join_source(prefix ? prefix : "", json_array_get(sources, map->source_cnt),
                           &map->sources[map->source_cnt]));
    return PH_OK;
}

static enum ph_err check_members(struct ph_sourcemap *map)
{
    const json_t *version = json_object_get(map->doc, "version");
    const json_t *names = json_object_get(map->doc, "names");

    if (!json_is_integer(version) || json_integer_value(version) != 3 ||
        json_object_get(map->doc, "sections"))
        return PH_ERR_UNSUPPORTED;
    if (names && !json_is_array(names))
        return PH_ERR_MALFORMED;
    for (size_t i = 0; i < json_array_size(names); i++) {
        if (!json_is_string(json_array_get(names, i)))
            return PH_ERR_MALFORMED;
    }
    map->names = names;
    return PH_OK;
}

enum ph_err ph_sourcemap_parse(struct ph_bytes json, struct ph_sourcemap **out)
{
    struct ph_json_why why;
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = calloc(1, sizeof(*map));

    if (!map)
        return PH_ERR_NOMEM;
    PH_TRY(ph_json_load(json, PH_SOURCEMAP_TEXT_MAX, &map->doc, &why));
    if (!json_is_object(map->doc))
        return PH_ERR_MALFORMED;
    PH_TRY(check_members(map));
    PH_TRY(read_sources(map));
    const json_t *mappings = json_object_get(map->doc, "mappings");
    if (!json_is_string(mappings))
        return PH_ERR_MALFORMED;
    PH_TRY(read_mappings((struct ph_bytes){(const uint8_t *)json_string_value(mappings),
                                           json_string_length(mappings)},
                         map));
    *out = PH_TAKE(map);
    return PH_OK;
}

enum ph_err ph_sourcemap_lookup(const struct ph_sourcemap *map, uint32_t line, uint32_t column,
                                struct ph_source_pos *out)
{
    const struct segment want = {.line = line - 1, .column = column - 1};
    size_t low = 0, high = map->segment_cnt; /* the last segment <= want is before `high` */

    if (line == 0 || column == 0)
        return PH_ERR_NOT_FOUND;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (compare_segments(&map->segments[mid], &want) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    const struct segment *s = low > 0 ? &map->segments[low - 1] : NULL;
    if (!s || s->line != want.line || s->source == 0)
        return PH_ERR_NOT_FOUND;
    *out = (struct ph_source_pos){
        .source = map->sources[s->source - 1],
        .name = s->name > 0 ? json_string_value(json_array_get(map->names, s->name - 1)) : NULL,
        .line = s->source_line + 1,
        .column = s->source_column + 1,
    };
    return PH_OK;
}
