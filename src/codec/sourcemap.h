#ifndef PH_CODEC_SOURCEMAP_H
#define PH_CODEC_SOURCEMAP_H

/* Source maps, to show a user the file and line that the user wrote instead of the bundle's.
 *
 * Layer: codec. Spec: ECMA-426 (source map format, revision 3). Tests: sourcemap_test.c,
 * sourcemap_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_SOURCEMAP_TEXT_MAX = 64 << 20,    /* bytes of the JSON text */
    PH_SOURCEMAP_SEGMENTS_MAX = 4 << 20, /* mapped segments */
    PH_SOURCEMAP_SOURCES_MAX = 65536,
    PH_SOURCEMAP_ROOT_MAX = 1024, /* bytes of sourceRoot */
};

/* A decoded map. Immutable: share between threads. */
struct ph_sourcemap;

/* Where a generated position comes from. Views and strings live as long as the map. */
struct ph_source_pos {
    const char *source;    /* sourceRoot and source joined, as the map names it; never NULL */
    const char *name;      /* original identifier, or NULL */
    uint32_t line, column; /* both count from 1 */
};

/**
 * Decode a whole map.
 *
 * Returns PH_ERR_MALFORMED    not JSON, or members, mappings or indices that break the format
 *         PH_ERR_UNSUPPORTED  version other than 3, or an index map ("sections")
 *         PH_ERR_LIMIT        a limit above
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_sourcemap_parse(struct ph_bytes json, struct ph_sourcemap **out);
void ph_sourcemap_free(struct ph_sourcemap *map);
void ph_sourcemap_freep(struct ph_sourcemap **map);

/* Original position of generated line and column, both counting from 1 as engines print them: that
 * of the last segment of the line that starts at or before the column.
 * PH_ERR_NOT_FOUND: nothing is mapped there. */
PH_CHECKED enum ph_err ph_sourcemap_lookup(const struct ph_sourcemap *map, uint32_t line,
                                           uint32_t column, struct ph_source_pos *out);

#endif
