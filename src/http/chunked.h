#ifndef PH_HTTP_CHUNKED_H
#define PH_HTTP_CHUNKED_H

/* Decoder of the chunked transfer coding, in any fragmentation. Extensions and trailer fields are
 * checked, bounded and dropped.
 *
 * Layer: http. Spec: RFC 9112 §7.1. Tests: head_test.c. Fuzz: head_fuzz.c.
 */

#include "base/bytes.h"

enum {
    PH_HTTP_CHUNK_EXT_MAX = 4096,     /* bytes of all extensions of one body */
    PH_HTTP_CHUNK_TRAILER_MAX = 8192, /* bytes of the trailer section */
    PH_HTTP_CHUNKED_BROKEN = 0xff,    /* state after PH_HTTP_CHUNK_BAD */
};

struct ph_http_chunked { /* zero-initialise */
    uint8_t state;
    uint8_t digits;
    bool colon, name;
    uint32_t ext_len, trailer_len;
    uint64_t left;
};

enum ph_http_chunk {
    PH_HTTP_CHUNK_MORE, /* all of *in is used; feed more */
    PH_HTTP_CHUNK_DATA, /* *data is the next piece of body; call again */
    PH_HTTP_CHUNK_END,  /* the body and its trailers are complete; *in starts after them */
    PH_HTTP_CHUNK_BAD,  /* broken framing; nothing after it can be trusted */
};

/* Advance *in. *data is a view into it, written for PH_HTTP_CHUNK_DATA only. */
enum ph_http_chunk ph_http_chunked_next(struct ph_http_chunked *c, struct ph_bytes *in,
                                        struct ph_bytes *data);

#endif
