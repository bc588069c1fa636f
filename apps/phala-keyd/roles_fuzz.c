/* Datagrams of any content: exactly one whole answer each, and never a signature over a batch that
 * breaks the rules. */
#include "roles.h"

#include "ipc/messages.h"
#include "keys/receipt.h"
#include "keys/secrets.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct keyd keyd;
    struct ph_buf reply = PH_BUF(KEYD_DATAGRAM_MAX);
    struct ph_ipc_frame frame;

    if (!keyd.plain) {
        if (keyring_init(&keyd.ring) != PH_OK ||
            ph_secret_new(PH_SECRETS_SEALED_MAX, &keyd.plain) != PH_OK)
            abort();
        keyring_found(&keyd.ring, &(struct ph_key_owners){0});
        keyd.cluster.policy = calloc(1, sizeof(*keyd.cluster.policy)); /* denies everything */
        if (keyring_derive(&keyd.ring) != PH_OK)
            abort();
    }
    keyd.last_batch_ms = 1000;
    if (keyd_answer(&keyd, (struct ph_bytes){data, len}, -1, &reply) != PH_OK ||
        ph_ipc_decode(ph_buf_view(&reply), &frame) != PH_OK ||
        !ph_ipc_allowed(frame.type, PH_K2D) || keyd.last_batch_ms < 1000)
        abort();
    ph_buf_clear(&reply);
    return 0;
}
