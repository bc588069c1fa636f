/* Phats as users name them: the second half of api.h. */

#include "api.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "project.h"

#include <stdio.h>

bool ph_target_is_name(const char *text)
{
    uint8_t id[20];
    return strlen(text) != 40 || ph_hex_decode(ph_bytes_str(text), id, sizeof(id)) != PH_OK;
}

int ph_target_of(const struct ph_cli *cli, const char *text, const struct ph_eth_address *owner,
                 struct ph_target *out)
{
    struct ph_target t = {0};
    struct ph_phat_id id;
    if (!ph_target_is_name(text)) {
        if (ph_hex_decode(ph_bytes_str(text), id.b, sizeof(id.b)) != PH_OK)
            return PH_EXIT_REFUSED;
    } else if (ph_name_valid(text)) {
        ph_phat_id_derive(owner, text, &id);
        (void)snprintf(t.name, sizeof(t.name), "%s", text);
    } else {
        return ph_fail_usage(cli, "\"%.100s\" is neither a phat's id (40 hex digits) nor a name",
                             text);
    }
    ph_hex_encode(PH_BYTES_OF(id.b), t.id);
    *out = t;
    return PH_EXIT_OK;
}

int ph_target_look_up(const struct ph_cli *cli, const struct ph_api *api, struct ph_target *target)
{
    struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    char path[64];
    (void)snprintf(path, sizeof(path), "/v1/phats/%s", target->id);
    int rc = ph_api_do(cli, api, &(struct ph_api_call){.method = "GET", .path = path}, &answer);
    if (rc != PH_EXIT_OK)
        return rc;
    if (answer.status == 404 || answer.status == 410)
        return PH_EXIT_OK;
    if (answer.status != 200)
        return ph_api_refused(cli, api, &answer);
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why;
    if (ph_json_load(ph_buf_view(&answer.body), 1 << 20, &doc, &why) != PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "the phat's description is no JSON");
    const char *name = json_string_value(json_object_get(doc, "name"));
    json_int_t sequence = json_integer_value(json_object_get(doc, "sequence"));
    target->sequence = sequence > 0 ? (uint64_t)sequence : 0;
    if (json_is_true(json_object_get(doc, "deleted")))
        return PH_EXIT_OK; /* its sequence outlives it, so that old requests stay refused */
    if (name == NULL || !ph_name_valid(name) || sequence < 0)
        return ph_fail(cli, "bad-answer", api->url.value, NULL,
                       "the phat's description names no name or sequence");
    (void)snprintf(target->name, sizeof(target->name), "%s", name);
    target->exists = true;
    return PH_EXIT_OK;
}

uint64_t ph_target_next_sequence(const struct ph_target *target)
{
    uint64_t now = (uint64_t)ph_clock_wall_ms();
    return target->sequence >= now ? target->sequence + 1 : now;
}
