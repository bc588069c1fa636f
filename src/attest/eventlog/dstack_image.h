#ifndef PH_ATTEST_EVENTLOG_DSTACK_IMAGE_H
#define PH_ATTEST_EVENTLOG_DSTACK_IMAGE_H

/* Which OS image a dstack guest booted, without the image: what dstack calls TDX lite.
 *
 * vm_config, the host's word, brings a list of checksums and the measurements of an image's parts
 * that this list names; the image's hash is the hash of the list. From these measurements, the
 * size of memory and the digests of the ACPI tables in the event log follow MRTD and RTMR0 to
 * RTMR2. When they are those of a verified quote, then firmware, kernel, initrd and command line
 * are those of the image of that hash, since nobody can find others with the same digests.
 *
 * It does not say that the image is a good one (who verifies compares its hash with those it
 * trusts), nor what the ACPI tables hold: the host makes them, and only their digests are bound.
 *
 * Layer: attest. Pure. Spec: dstack's dstack-mr (tdx.rs, tdvf.rs); Intel TDX Virtual Firmware
 * Design Guide; UEFI PI 1.7 Vol. 3 §5 (hand-off blocks). Tests: dstack_image_test.c,
 * dstack_image_fuzz.c.
 */

#include "attest/eventlog/event_log.h"

enum {
    PH_DSTACK_VM_MAX = 65536,        /* bytes of a vm_config */
    PH_DSTACK_IMAGE_PART_MAX = 8192, /* bytes of the measurement, and of the checksums */
};

/* What a vm_config says. Views point into `bytes`. */
struct ph_dstack_vm {
    bool has_image_hash;
    uint8_t image_hash[32];
    bool is_lite;                /* launched to be verified without the image */
    uint64_t memory_size;        /* bytes */
    struct ph_bytes measurement; /* CBOR; empty: none */
    struct ph_bytes checksums;   /* lines as sha256sum writes them */
    struct ph_bytes config;      /* attest/eventlog/dstack_config.h; empty: none */
    struct ph_buf bytes;
};
/* Read one; members that are not used here may be there. *out is written whole on PH_OK, to be
 * cleared, else untouched. PH_ERR_MALFORMED, PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_dstack_vm_parse(struct ph_bytes vm_config, struct ph_dstack_vm *out);
void ph_dstack_vm_clear(struct ph_dstack_vm *vm);

/**
 * Decide whether the quote's registers follow from the image that vm_config names.
 *
 * @claims  a replayed log: the digests of the ACPI tables
 * @td      the body of the quote
 * @why     written when refused
 *
 * Returns PH_OK              they do
 *         PH_ERR_UNTRUSTED   they do not, or the measurement is not that of the hash (check
 *                            os-image-mismatch)
 *         PH_ERR_UNSUPPORTED nothing can be said: not launched for this, no measurement, ACPI
 * tables that the log does not name, another firmware's layout, or a size of memory (under 2.75
 * GiB, but for 2 GiB) at which the loader changes the kernel's header in a way that the measurement
 * does not cover
 */
PH_CHECKED enum ph_err ph_dstack_image_check(const struct ph_dstack_vm *vm,
                                             const struct ph_event_claims *claims,
                                             const struct ph_tdx_body *td,
                                             struct ph_event_why *why);

#endif
