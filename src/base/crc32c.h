#ifndef PH_BASE_CRC32C_H
#define PH_BASE_CRC32C_H

/* CRC-32C (Castagnoli): finds torn and rotten records, not altered ones.
 *
 * Layer: base. Spec: RFC 3720 §12.1, appendix B.4. Tests: base_test.c.
 */

#include "base/bytes.h"

/* Continue a checksum; 0 to begin. */
uint32_t ph_crc32c(uint32_t crc, struct ph_bytes data);

#endif
