/* Claims of an event log as JSON: docs/attestation.md. */

#include "attest/eventlog/dstack_config.h"
#include "codec/jput.h"

static void put(struct ph_jput *out, const char *key, bool has, struct ph_bytes value)
{
    if (has)
        ph_jput_hex(out, key, value);
    else
        ph_jput_null(out, key);
}

void ph_event_claims_json(const struct ph_event_claims *c, struct ph_jput *out, const char *key)
{
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", c->kind == PH_EVENT_LOG_DSTACK ? "dstack" : "ccel");
    ph_jput_int(out, "events", c->event_cnt);
    ph_jput_int(out, "recomputed", c->recomputed_cnt);
    ph_jput_int(out, "unrecomputable", c->unrecomputable_cnt);
    if (c->kind == PH_EVENT_LOG_DSTACK) {
        ph_jput_bool(out, "boot_done", c->boot_done);
        ph_jput_bool(out, "system_ready", c->system_ready);
        put(out, "app_id", c->has_app_id, PH_BYTES_OF(c->app_id));
        put(out, "compose_hash", c->has_compose_hash, PH_BYTES_OF(c->compose_hash));
        put(out, "instance_id", c->has_instance_id, PH_BYTES_OF(c->instance_id));
        put(out, "os_image_hash", c->has_os_image_hash, PH_BYTES_OF(c->os_image_hash));
        put(out, "key_provider", c->has_key_provider,
            (struct ph_bytes){c->key_provider, c->key_provider_len});
        put(out, "mr_key_provider", c->has_mrs, PH_BYTES_OF(c->mr_key_provider));
        put(out, "mr_system", c->has_mrs, PH_BYTES_OF(c->mr_system));
        put(out, "mr_aggregated", c->has_mrs, PH_BYTES_OF(c->mr_aggregated));
        ph_jput_bool(out, "config_id_checked", c->config_id_checked);
        if (c->has_config)
            ph_dstack_config_json(&c->config, out, "config");
        else
            ph_jput_null(out, "config");
        put(out, "image_hash", c->has_image, PH_BYTES_OF(c->image_hash));
        ph_jput_bool(out, "rtmr3_alone", c->rtmr3_alone);
    }
    ph_jput_close(out);
}
