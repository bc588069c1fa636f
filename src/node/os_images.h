#ifndef PH_NODE_OS_IMAGES_H
#define PH_NODE_OS_IMAGES_H

/* OS images that an operator has rebuilt and measured: what a dstack guest's registers must be for
 * POST /verify to call it valid.
 *
 *   {"images":[{"os_image_hash":hex32,"mr_td":hex48,"rtmr0":hex48,"rtmr1":hex48,"rtmr2":hex48,
 *               "version":text,"is_dev":bool}]}                    the last two may be absent
 *
 * RTMR0 depends on the shape of the VM (CPUs, memory, devices) through its ACPI tables: an image
 * has one entry for each shape that is trusted.
 *
 * Layer: node. Pure. Documented in docs/operator.md. Tests: os_images_test.c, os_images_fuzz.c.
 */

#include "attest/intel/spec.h"
#include "base/bytes.h"
#include "codec/json_why.h"

#include <stdbool.h>

enum {
    PH_OS_IMAGES_FILE_MAX = 1024 * 1024, /* bytes */
    PH_OS_IMAGES_MAX = 1024,
    PH_OS_IMAGE_VERSION_MAX = 63, /* bytes */
};

struct ph_os_image {
    uint8_t hash[32];
    uint8_t mr_td[48], rtmr[3][48];
    char version[PH_OS_IMAGE_VERSION_MAX + 1]; /* empty: not said */
    bool has_is_dev, is_dev;
};

struct ph_os_images; /* immutable: share it between threads */

/**
 * Read a list. Unknown keys are errors.
 *
 * @out  on PH_OK freed with ph_os_images_free; else untouched
 * @why  written when refused: where and what
 * Returns PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_os_images_parse(struct ph_bytes text, struct ph_os_images **out,
                                          struct ph_json_why *why);
void ph_os_images_free(struct ph_os_images *images);

/* The image of this hash whose registers are all those of a verified TD. NULL: none, or no list. */
const struct ph_os_image *ph_os_images_find(const struct ph_os_images *images,
                                            const uint8_t hash[static 32],
                                            const struct ph_tdx_body *td);

#endif
