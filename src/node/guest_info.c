/* /Info: which phat this is, on which machine, whose keys. */

#include "base/own.h"
#include "codec/base64.h"
#include "keys/dstack.h"
#include "node/guest_agent.h"
#include "node/guest_calls_priv.h"
#include "node/keyd_guest.h"
#include "node/measured.h"

#include <fcntl.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, DMI_MAX = 64 };

/* What the boot was measured as; empty where nothing was. */
static void put_measured(struct ph_jput *j, const struct ph_measured *m)
{
    static const char *const names[] = {"rtmr0", "rtmr1", "rtmr2", "rtmr3"};
    const struct ph_bytes none = {0};

    ph_jput_hex(j, "mrtd", m->has_td ? PH_BYTES_OF(m->mr_td) : none);
    for (size_t i = 0; i < PH_LEN(names); i++)
        ph_jput_hex(j, names[i], m->has_td ? PH_BYTES_OF(m->rtmr[i]) : none);
}

static void put_aggregated(struct ph_jput *j, const struct ph_measured *m)
{
    ph_jput_hex(j, "mr_aggregated",
                m->has_td ? PH_BYTES_OF(m->mr_aggregated) : (struct ph_bytes){0});
}

/* JSON inside a string, as dstack has it. What is not measured here is empty. */
static void put_tcb_info(struct ph_jput *out, const struct ph_measured *m,
                         struct ph_bytes bundle_hash)
{
    static const char *const none[] = {"os_image_hash", "device_id", "app_compose"};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_jput j = {.out = &text};

    ph_jput_object(&j, NULL);
    put_measured(&j, m);
    put_aggregated(&j, m);
    for (size_t i = 0; i < PH_LEN(none); i++)
        ph_jput_str(&j, none[i], "");
    ph_jput_hex(&j, "compose_hash", bundle_hash);
    ph_jput_array(&j, "event_log");
    ph_jput_close(&j);
    ph_jput_close(&j);
    if (ph_jput_end(&j) != PH_OK)
        out->err = PH_ERR_NOMEM;
    ph_jput_text(out, "tcb_info", ph_buf_view(&text));
}

/* The phat's authority and the cluster's, PEM. */
static enum ph_err put_authorities(const struct ph_guest_call *call, struct ph_buf *out)
{
    const struct ph_guest_cert_wish wish = {0};
    struct ph_buf chain[3] = {PH_BUF(PEM_MAX), PH_BUF(PEM_MAX), PH_BUF(PEM_MAX)};

    enum ph_err err = ph_keyd_guest_cert(call->node->keyd, &call->id, &wish, chain);
    for (size_t i = 1; err == PH_OK && i < PH_LEN(chain); i++)
        err = ph_pem_encode("CERTIFICATE", ph_buf_view(&chain[i]), out);
    for (size_t i = 0; i < PH_LEN(chain); i++)
        ph_buf_clear(&chain[i]);
    return err;
}

/* What the firmware calls the machine: the host's word. Printable ASCII of it. */
static void put_dmi(struct ph_jput *j, const char *key, const char *path)
{
    char text[DMI_MAX + 1] = "";
    int fd PH_OWNED(ph_closep) = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, DMI_MAX);
    size_t len = 0;

    for (ssize_t i = 0; i < n; i++)
        if (text[i] >= ' ' && text[i] <= '~')
            text[len++] = text[i];
    text[len] = '\0';
    ph_jput_str(j, key, text);
}

void ph_guest_info(struct ph_guest_call *call, const json_t *params)
{
    static const char *const none[] = {"device_id", "os_image_hash", "vm_config"};
    const struct ph_measured *measured = ph_guest_agents_measured(call->node);
    const struct ph_phat *phat = ph_phats_find(call->node->phats, &call->id);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_GUEST_ANSWER_MAX);
    struct ph_jput j = {.out = &text};
    struct ph_buf cert PH_OWNED(ph_buf_clear) = PH_BUF(64 * 1024);
    char provider[PH_DSTACK_PROVIDER_MAX];

    (void)params;
    if (put_authorities(call, &cert) != PH_OK) {
        ph_guest_refuse(call, 500, "the worker's keys cannot be used now; try again later");
        return;
    }
    ph_dstack_key_provider(&call->node->identity.cluster, provider);
    ph_jput_object(&j, NULL);
    ph_jput_text(&j, "app_cert", ph_buf_view(&cert));
    put_dmi(&j, "cloud_vendor", "/sys/class/dmi/id/sys_vendor");
    put_dmi(&j, "cloud_product", "/sys/class/dmi/id/product_name");
    ph_jput_hex(&j, "app_id", PH_BYTES_OF(phat->id.b));
    ph_jput_hex(&j, "instance_id", PH_BYTES_OF(call->node->identity.signer.b));
    ph_jput_str(&j, "app_name", phat->version->request.name);
    ph_jput_hex(&j, "compose_hash", PH_BYTES_OF(phat->version->bundle_hash.b));
    ph_jput_str(&j, "key_provider_info", provider);
    for (size_t i = 0; i < PH_LEN(none); i++)
        ph_jput_str(&j, none[i], "");
    put_aggregated(&j, measured);
    put_tcb_info(&j, measured, PH_BYTES_OF(phat->version->bundle_hash.b));
    ph_guest_answer(call, &j);
}
