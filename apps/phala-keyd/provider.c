#include "provider.h"

#include "base/own.h"
#include "crypto/aead.h"
#include "ipc/messages.h"
#include "tee/snp_key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOB_MIN = 32 + PH_CLUSTER_BYTES_MIN + PH_SEALED_OVERHEAD,
    BLOB_MAX = PROVIDER_STATE_MAX,
};

enum ph_err provider_parse(const char *text, struct provider *out)
{
    static const char simulator[] = "simulator:";
    const size_t prefix = sizeof(simulator) - 1;

    if (strcmp(text, "none") == 0) {
        *out = (struct provider){.kind = PROVIDER_NONE};
        return PH_OK;
    }
    if (strcmp(text, "snp") == 0) {
        *out = (struct provider){.kind = PROVIDER_SNP};
        return PH_OK;
    }
    if (strncmp(text, simulator, prefix) != 0 || text[prefix] == '\0')
        return PH_ERR_MALFORMED;
    *out = (struct provider){.kind = PROVIDER_SIMULATOR_INSECURE, .key_file = text + prefix};
    return PH_OK;
}

uint8_t provider_flags(const struct provider *provider)
{
    switch (provider->kind) {
    case PROVIDER_NONE:
        return PH_KEYD_EPHEMERAL;
    case PROVIDER_SIMULATOR_INSECURE:
        return PH_KEYD_INSECURE_SIMULATOR;
    case PROVIDER_SNP:
        return 0;
    }
    return PH_KEYD_EPHEMERAL | PH_KEYD_INSECURE_SIMULATOR;
}

/* Write the sentence with the path and errno in it. */
static enum ph_err fail(char why[static PROVIDER_WHY_LEN], enum ph_err err, const char *path,
                        const char *what)
{
    if (err == PH_ERR_IO)
        (void)snprintf(why, PROVIDER_WHY_LEN, "%.100s: %.60s: %.60s", path, what, strerror(errno));
    else
        (void)snprintf(why, PROVIDER_WHY_LEN, "%.100s: %.140s", path, what);
    return err;
}

/* A whole file of `min` to `max` bytes. PH_ERR_NOT_FOUND, PH_ERR_MALFORMED, PH_ERR_IO. */
static enum ph_err read_file(const char *path, size_t min, size_t max, uint8_t *out, size_t *len)
{
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t done = 0;
    uint8_t more;

    if (fd < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    for (;;) {
        const ssize_t n = done < max ? read(fd, out + done, max - done) : read(fd, &more, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return PH_ERR_IO;
        if (n > 0 && done == max)
            return PH_ERR_MALFORMED;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    *len = done;
    return done >= min ? PH_OK : PH_ERR_MALFORMED;
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            done += (size_t)n;
    }
    return fsync(fd) == 0;
}

static bool sync_dir(const char *path)
{
    char copy[PATH_MAX];

    (void)snprintf(copy, sizeof(copy), "%s", path);
    int fd PH_OWNED(ph_closep) = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

/* Create `path` with these bytes, whole and durable or not at all, and never over a file that is
 * there: PH_ERR_CONFLICT. */
static enum ph_err create_file(const char *path, const uint8_t *data, size_t len)
{
    char temp[PATH_MAX];

    if ((size_t)snprintf(temp, sizeof(temp), "%s.%d.new", path, (int)getpid()) >= sizeof(temp))
        return PH_ERR_LIMIT;
    (void)unlink(temp); /* left by a process of this number that was killed */
    int fd PH_OWNED(ph_closep) = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return PH_ERR_IO;
    if (!write_all(fd, data, len) || renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE)) {
        const int saved = errno;
        (void)unlink(temp);
        errno = saved;
        return saved == EEXIST ? PH_ERR_CONFLICT : PH_ERR_IO;
    }
    return sync_dir(path) ? PH_OK : PH_ERR_IO;
}

static enum ph_err simulator_key(const char *path, bool state_exists, uint8_t key[static 32],
                                 char why[static PROVIDER_WHY_LEN])
{
    size_t len;
    enum ph_err err = read_file(path, 32, 32, key, &len);

    if (err == PH_ERR_NOT_FOUND && state_exists)
        return fail(why, err, path,
                    "sealing key is gone, but there is a state sealed with it: restore the key "
                    "file, or remove the state to start with new keys");
    if (err == PH_ERR_NOT_FOUND) {
        ph_random(key, 32);
        err = create_file(path, key, 32);
        if (err != PH_OK)
            return fail(why, err, path, "cannot make the sealing key");
        return PH_OK;
    }
    if (err == PH_ERR_MALFORMED)
        return fail(why, err, path, "not a sealing key of 32 bytes");
    if (err != PH_OK)
        return fail(why, err, path, "cannot read the sealing key");
    return PH_OK;
}

static enum ph_err sealing_key(const struct provider *provider, bool state_exists,
                               uint8_t key[static 32], char why[static PROVIDER_WHY_LEN])
{
    switch (provider->kind) {
    case PROVIDER_SIMULATOR_INSECURE:
        return simulator_key(provider->key_file, state_exists, key, why);
    case PROVIDER_SNP:
        return ph_snp_sealing_key("/dev/sev-guest", key, why);
    case PROVIDER_NONE:
        break;
    }
    return fail(why, PH_ERR_UNSUPPORTED, "--seal", "no such provider");
}

enum ph_err provider_state(const struct provider *provider, const struct keyring *ring,
                           const struct ph_cluster_keys *keys, struct ph_buf *out)
{
    uint8_t plain[KEYRING_BYTES_MAX], *at;

    if (provider->kind == PROVIDER_NONE)
        return PH_OK;
    const size_t len = keyring_encode(ring, keys, plain);
    enum ph_err err = ph_buf_reserve(out, len + PH_SEALED_OVERHEAD, &at);
    if (err == PH_OK)
        err = ph_state_file_seal(ring->secrets->sealing,
                                 provider->kind == PROVIDER_SNP ? PH_SEAL_SNP
                                                                : PH_SEAL_SIMULATOR_INSECURE,
                                 (struct ph_bytes){plain, len}, at);
    ph_wipe(plain, len);
    if (err == PH_OK)
        out->len += len + PH_SEALED_OVERHEAD;
    return err;
}

static enum ph_err make_state(const struct provider *provider, const char *state,
                              const struct ph_key_owners *owners, struct keyring *ring,
                              char why[static PROVIDER_WHY_LEN])
{
    struct ph_buf blob PH_OWNED(ph_buf_clear) = PH_BUF(BLOB_MAX);

    keyring_found(ring, owners);
    PH_TRY(provider_state(provider, ring, &ring->secrets->cluster, &blob));
    const enum ph_err err = create_file(state, blob.ptr, blob.len);
    if (err != PH_OK)
        return fail(why, err, state, "cannot make the state file");
    return PH_OK;
}

static enum ph_err open_state(const char *state, struct ph_bytes blob, const uint8_t key[static 32],
                              enum ph_seal_provider kind, struct keyring *ring,
                              char why[static PROVIDER_WHY_LEN])
{
    uint8_t plain[BLOB_MAX];

    enum ph_err err = ph_state_file_open(key, kind, blob, plain);
    if (err == PH_OK)
        err = keyring_decode(ring, (struct ph_bytes){plain, blob.len - PH_SEALED_OVERHEAD});
    ph_wipe(plain, sizeof(plain));
    if (err == PH_ERR_UNTRUSTED)
        return fail(why, err, state, "sealed with another key, or altered");
    if (err == PH_ERR_UNSUPPORTED)
        return fail(why, err, state, "sealed by another kind of provider than --seal names");
    if (err != PH_OK)
        return fail(why, err, state, "not a state file of phala-keyd");
    return PH_OK;
}

enum ph_err provider_load(const struct provider *provider, const char *state,
                          enum provider_begin begin, const struct ph_key_owners *owners,
                          struct keyring *ring, char why[static PROVIDER_WHY_LEN])
{
    uint8_t blob[BLOB_MAX], *key = ring->secrets->sealing;
    size_t len = 0;

    (void)snprintf(why, PROVIDER_WHY_LEN, "keys cannot be sealed or opened");
    if (provider->kind == PROVIDER_NONE) {
        if (begin == PROVIDER_WAIT)
            keyring_begin(ring);
        else
            keyring_found(ring, owners);
        return PH_OK;
    }
    const enum ph_seal_provider kind =
        provider->kind == PROVIDER_SNP ? PH_SEAL_SNP : PH_SEAL_SIMULATOR_INSECURE;
    const enum ph_err found = read_file(state, BLOB_MIN, BLOB_MAX, blob, &len);
    if (found == PH_ERR_IO)
        return fail(why, found, state, "cannot read the state file");
    if (found == PH_ERR_MALFORMED)
        return fail(why, found, state, "not a state file of phala-keyd");

    enum ph_err err = sealing_key(provider, found == PH_OK, key, why);
    if (err == PH_OK && found == PH_OK)
        err = open_state(state, (struct ph_bytes){blob, len}, key, kind, ring, why);
    else if (err == PH_OK && begin == PROVIDER_WAIT)
        keyring_begin(ring);
    else if (err == PH_OK)
        err = make_state(provider, state, owners, ring, why);
    return err;
}
