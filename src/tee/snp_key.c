#include "tee/snp_key.h"

#include "base/own.h"
#include "crypto/aead.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sev-guest.h>
#include <stdio.h>
#include <sys/ioctl.h>

_Static_assert(sizeof(struct snp_derived_key_req) == PH_SNP_KEY_REQ_LEN, "MSG_KEY_REQ");
_Static_assert(sizeof(struct snp_derived_key_resp) == PH_SNP_KEY_RSP_LEN, "MSG_KEY_RSP");

/* MSG_KEY_REQ: root key select u32 (0 VCEK) | reserved | guest field select u64 | VMPL u32 |
 * guest SVN u32 | TCB version u64. */
enum { SELECT_POLICY = 1 << 0, SELECT_MEASUREMENT = 1 << 3 };

void ph_snp_key_request(uint8_t out[static PH_SNP_KEY_REQ_LEN])
{
    memset(out, 0, PH_SNP_KEY_REQ_LEN);
    ph_put_u64le(out + 8, SELECT_POLICY | SELECT_MEASUREMENT);
}

enum ph_err ph_snp_key_response(const uint8_t rsp[static PH_SNP_KEY_RSP_LEN],
                                uint8_t key[static 32])
{
    /* MSG_KEY_RSP: status u32 | 28 reserved | derived key 32. */
    struct ph_reader r = {{rsp, PH_SNP_KEY_RSP_LEN}};
    struct ph_bytes reserved, derived;
    uint32_t status;
    uint8_t any = 0;

    if (!ph_read_u32le(&r, &status) || !ph_read_view(&r, 28, &reserved) ||
        !ph_read_view(&r, 32, &derived))
        return PH_ERR_MALFORMED;
    if (status != 0)
        return PH_ERR_UNTRUSTED;
    for (size_t i = 0; i < derived.len; i++)
        any |= derived.ptr[i];
    if (any == 0)
        return PH_ERR_MALFORMED;
    memcpy(key, derived.ptr, 32);
    return PH_OK;
}

enum ph_err ph_snp_sealing_key(const char *device, uint8_t key[static 32],
                               char why[static PH_SNP_KEY_WHY_LEN])
{
    uint8_t req[PH_SNP_KEY_REQ_LEN], rsp[PH_SNP_KEY_RSP_LEN] = {0}, derived[32];
    int fd PH_OWNED(ph_closep) = open(device, O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        (void)snprintf(why, PH_SNP_KEY_WHY_LEN, "%s: %s: --seal snp needs an SEV-SNP guest", device,
                       strerror(errno));
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    }
    ph_snp_key_request(req);
    struct snp_guest_request_ioctl call = {
        .msg_version = 1, .req_data = (uintptr_t)req, .resp_data = (uintptr_t)rsp};
    if (ioctl(fd, SNP_GET_DERIVED_KEY, &call) != 0) {
        (void)snprintf(why, PH_SNP_KEY_WHY_LEN, "%s: derived key: %s (firmware %#x, host %#x)",
                       device, strerror(errno), call.fw_error, call.vmm_error);
        return PH_ERR_IO;
    }
    enum ph_err err = ph_snp_key_response(rsp, derived);
    if (err == PH_OK)
        err = ph_hkdf_sha256(PH_BYTES_OF(derived), PH_BYTES_LIT("phala-keyd-state-v1"),
                             PH_BYTES_LIT("snp"), key, 32);
    if (err != PH_OK)
        (void)snprintf(why, PH_SNP_KEY_WHY_LEN, "%s: the processor refused a derived key", device);
    ph_wipe(rsp, sizeof(rsp));
    ph_wipe(derived, sizeof(derived));
    return err;
}
