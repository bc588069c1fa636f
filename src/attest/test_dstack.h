#ifndef PH_ATTEST_TEST_DSTACK_H
#define PH_ATTEST_TEST_DSTACK_H

/* For tests: parts of a dstack attestation, version 0, as SCALE writes them. */

#include "base/bytes.h"
#include "base/test.h"

/* A length. */
static inline void scale_compact(struct ph_buf *b, size_t n)
{
    const uint32_t head = (uint32_t)n << 2 | (n < 1 << 6 ? 0 : n < 1 << 14 ? 1 : 2);
    const size_t len = n < 1 << 6 ? 1 : n < 1 << 14 ? 2 : 4;

    CHECK(ph_buf_add(b, (struct ph_bytes){(const uint8_t *)&head, len}) == PH_OK);
}

static inline void scale_bytes(struct ph_buf *b, struct ph_bytes v)
{
    scale_compact(b, v.len);
    CHECK(ph_buf_add(b, v) == PH_OK);
}

/* The whole document of a SEV-SNP guest. */
static inline void scale_snp(struct ph_buf *b, struct ph_bytes report, const struct ph_bytes *certs,
                             size_t cert_cnt, const char *mr_config)
{
    static const uint8_t head[] = {0, 3}, none[1], report_data[64];

    CHECK(ph_buf_add(b, PH_BYTES_OF(head)) == PH_OK);
    scale_bytes(b, report);
    scale_compact(b, cert_cnt);
    for (size_t i = 0; i < cert_cnt; i++)
        scale_bytes(b, certs[i]);
    scale_bytes(b, ph_bytes_str(mr_config));
    CHECK(ph_buf_add(b, PH_BYTES_OF(none)) == PH_OK); /* runtime events */
    CHECK(ph_buf_add(b, PH_BYTES_OF(report_data)) == PH_OK);
    scale_bytes(b, PH_BYTES_LIT("{}"));
}

#endif
