#include "node/test_verify.h"

#include "attest/synth/synth_world.h"
#include "base/own.h"

const char boot_log[] = "[" BOOT "]";
struct verify_rig rig;

static enum ph_err find(void *ctx, const struct ph_collateral_key *key, struct ph_collateral **out,
                        struct ph_json_why *why)
{
    (void)ctx;
    ph_collateral_key_name(key, rig.asked_for);
    if (!rig.kept) {
        (void)snprintf(why->text, sizeof(why->text), "no collateral %s", rig.asked_for);
        return PH_ERR_NOT_FOUND;
    }
    (void)snprintf(why->text, sizeof(why->text), "means nothing where it was found");
    *out = PH_TAKE(rig.kept);
    return PH_OK;
}

void forget_kept(void)
{
    ph_collateral_free(rig.kept);
    rig.kept = NULL;
}

void quotes(char *text)
{
    for (; *text; text++)
        *text = *text == '\'' ? '"' : *text;
}

uint16_t ask_at(verify_fn *verify, struct ph_bytes request, int64_t now_s)
{
    const struct ph_verify_env env = {
        .now_s = now_s, .roots = &rig.roots, .images = rig.images, .find = find};
    struct ph_json_why why;

    json_decref(rig.doc);
    rig.doc = NULL;
    ph_buf_clear(&rig.answer.body);
    verify(&env, request, &rig.answer);
    CHECK(ph_json_load(ph_buf_view(&rig.answer.body), 1 << 20, &rig.doc, &why) == PH_OK);
    return rig.answer.status;
}

uint16_t ask(verify_fn *verify, const char *request)
{
    return ask_at(verify, ph_bytes_str(request), WORLD_NOW);
}

void done(void)
{
    json_decref(rig.doc);
    rig.doc = NULL;
    ph_buf_clear(&rig.answer.body);
    forget_kept();
}

const json_t *at(const char *a, const char *b)
{
    const json_t *in = json_object_get(rig.doc, a);
    return b ? json_object_get(in, b) : in;
}

bool is(const char *a, const char *b, const char *text)
{
    const char *got = json_string_value(at(a, b));
    if (!got || strcmp(got, text) != 0)
        print_message("# %s %s: %s\n", a, b ? b : "", got ? got : "(none)");
    return got && strcmp(got, text) == 0;
}

bool says(const char *part)
{
    const char *reason = json_string_value(json_object_get(rig.doc, "reason"));
    if (!reason || !strstr(reason, part))
        print_message("# %s\n", reason ? reason : "(no reason)");
    return reason && strstr(reason, part);
}
