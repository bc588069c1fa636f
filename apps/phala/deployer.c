#include "deployer.h"

#include "base/own.h"
#include "log_lines.h"

#include <stdio.h>

int ph_fail_trouble(const struct ph_cli *cli, const struct ph_trouble *trouble)
{
    return ph_fail(cli, trouble->code, trouble->where[0] != '\0' ? trouble->where : NULL,
                   trouble->todo[0] != '\0' ? trouble->todo : NULL, "%s", trouble->message);
}

/* A script that throws while it starts is refused with its stack: in terms of the user's files. */
static void map_body(const struct ph_bundle *bundle, struct ph_http_answer *answer)
{
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = NULL;
    struct ph_buf mapped = PH_BUF(PH_HTTP_ANSWER_MAX);
    if (ph_sourcemap_parse(ph_buf_view(&bundle->source_map), &map) != PH_OK ||
        ph_log_map_positions(ph_buf_view(&answer->body), map, &mapped) != PH_OK) {
        ph_buf_clear(&mapped); /* then the positions stay the bundle's */
        return;
    }
    ph_buf_clear(&answer->body);
    answer->body = mapped;
}

int ph_deploy_send(const struct ph_cli *cli, const struct ph_api *api, const struct ph_owner *owner,
                   const struct ph_target *target, const struct ph_bundle *bundle,
                   struct ph_bytes archive, uint64_t sequence, const char *path, json_t **answer)
{
    struct ph_buf auth PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_http_answer got PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    struct ph_json_why why;
    int rc =
        ph_api_authorize(cli, api, owner, "deploy", target->name, &bundle->hash, sequence, &auth);
    if (rc == PH_EXIT_OK)
        rc = ph_api_do(cli, api,
                       &(struct ph_api_call){.method = "POST",
                                             .path = path,
                                             .auth = (const char *)auth.ptr,
                                             .content_type = "application/x-tar",
                                             .body = archive},
                       &got);
    if (rc != PH_EXIT_OK)
        return rc;
    if (got.status != 200 && got.status != 201) {
        map_body(bundle, &got);
        return ph_api_refused(cli, api, &got);
    }
    if (ph_json_load(ph_buf_view(&got.body), 1 << 20, answer, &why) != PH_OK)
        return ph_fail(cli, "bad-answer", api->url.value, NULL, "the answer is no JSON: %s",
                       why.text);
    return PH_EXIT_OK;
}
