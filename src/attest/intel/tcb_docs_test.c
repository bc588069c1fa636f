/* TCB info and QE identity: every key is required in its form, and order does not decide. */

#include "attest/intel/tcb_docs.h"
#include "attest/synth/synth.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

static const uint8_t seed[32] = "documents";
enum { NOW = 1750000000 };

static struct ph_tcb_info info;
static struct ph_enclave_identity identity;
static struct ph_json_why why;

/* `text` with the first `find` replaced. */
static struct ph_buf edited(struct ph_bytes text, const char *find, const char *with)
{
    struct ph_buf out = PH_BUF(1 << 20);
    const uint8_t *at = memmem(text.ptr, text.len, find, strlen(find));
    if (!at)
        fail_msg("not in the document: %s", find);
    const size_t head = (size_t)(at - text.ptr), tail = head + strlen(find);
    CHECK(ph_buf_add(&out, (struct ph_bytes){text.ptr, head}) == PH_OK);
    CHECK(ph_buf_add_str(&out, with) == PH_OK);
    CHECK(ph_buf_add(&out, (struct ph_bytes){text.ptr + tail, text.len - tail}) == PH_OK);
    return out;
}

static struct ph_synth_pki *make(struct ph_synth *s)
{
    struct ph_synth_pki *pki = NULL;
    CHECK(ph_synth_pki_new(s, &pki) == PH_OK);
    return pki;
}

struct row {
    const char *find, *with;
    enum ph_err err;
    const char *names; /* what the reason must name */
};

static void check_rows(struct ph_bytes text, const struct row *rows, size_t cnt, bool is_info)
{
    for (size_t i = 0; i < cnt; i++) {
        struct ph_buf doc PH_OWNED(ph_buf_clear) = edited(text, rows[i].find, rows[i].with);
        why.text[0] = '\0';
        const enum ph_err err = is_info
                                    ? ph_tcb_info_parse(ph_buf_view(&doc), &info, &why)
                                    : ph_enclave_identity_parse(ph_buf_view(&doc), &identity, &why);
        if (err != rows[i].err || !strstr(why.text, rows[i].names))
            fail_msg("%s -> %s: %s, %s", rows[i].find, rows[i].with, ph_err_name(err), why.text);
    }
}

TEST(tcb_info_is_read_whole)
{
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    s.level[0].advisories = "[\"INTEL-SA-00001\",\"INTEL-SA-00002\"]";
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(ph_tcb_info_parse(ph_synth_pki_parts(pki).tcb_info_json, &info, &why) == PH_OK);
    CHECK(info.version == 3 && info.is_tdx && info.evaluation_number == 17);
    CHECK(info.issue_s == s.issue_s && info.next_update_s == s.next_update_s);
    CHECK(memcmp(info.fmspc, s.fmspc, 6) == 0 && memcmp(info.pceid, s.pceid, 2) == 0);
    CHECK(info.level_cnt == 2 && info.level[0].pcesvn == 11 && info.level[0].tdx[0] == 5);
    CHECK(info.level[0].advisories.cnt == 2 && info.level[1].advisories.cnt == 1);
    CHECK(strcmp(info.advisories.id[info.level[0].advisories.first + 1], "INTEL-SA-00002") == 0);
    CHECK(info.identity_cnt == 1 && info.identity[0].version == 1);
    CHECK(info.identity[0].levels.cnt == 2 && info.identity[0].levels.level[0].isvsvn == 4);
    CHECK(info.identity[0].module.attributes_mask[7] == 0xff);
}

TEST(tcb_info_is_held_to_its_form)
{
    static const struct row rows[] = {
        {"\"tcbInfo\"", "\"tcbinfo\"", PH_ERR_MALFORMED, "tcbInfo"},
        {"\"signature\"", "\"sig\"", PH_ERR_MALFORMED, "signature"},
        {"{\"tcbInfo\"", "[{\"tcbInfo\"", PH_ERR_MALFORMED, "tcbInfo"},
        {"\"version\":3", "\"version\":3,\"version\":3", PH_ERR_MALFORMED, "strict"},
        {"\"version\":3", "\"version\":4", PH_ERR_MALFORMED, "version"},
        {"\"version\":3", "\"version\":0", PH_ERR_MALFORMED, "version"},
        {"\"version\":3", "\"version\":\"3\"", PH_ERR_MALFORMED, "version"},
        {"\"id\":\"TDX\"", "\"id\":\"TDQ\"", PH_ERR_MALFORMED, "id"},
        {"\"id\":\"TDX\",", "", PH_ERR_MALFORMED, "id"},
        {"\"issueDate\":\"2025", "\"issueDate\":\"25", PH_ERR_MALFORMED, "issueDate"},
        {"\"nextUpdate\"", "\"nextupdate\"", PH_ERR_MALFORMED, "nextUpdate"},
        {"\"fmspc\":\"b0", "\"fmspc\":\"b", PH_ERR_MALFORMED, "fmspc"},
        {"\"fmspc\":\"b0", "\"fmspc\":\"\\u0062", PH_ERR_MALFORMED, "fmspc"},
        {"\"fmspc\":\"b0", "\"fmspc\":\"B0", PH_OK, ""},
        {"\"pceId\"", "\"pceID\"", PH_ERR_MALFORMED, "pceId"},
        {"\"tcbType\":0", "\"tcbType\":1", PH_ERR_MALFORMED, "tcbType"},
        {"\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":4294967296",
         PH_ERR_MALFORMED, "tcbEvaluationDataNumber"},
        {"\"tdxModule\"", "\"tdxModul\"", PH_ERR_MALFORMED, "tdxModule"},
        {"\"mrsigner\"", "\"mrsigne\"", PH_ERR_MALFORMED, "mrsigner"},
        {"\"attributesMask\"", "\"attributesmask\"", PH_ERR_MALFORMED, "attributesMask"},
        {"\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":[1,", PH_ERR_MALFORMED,
         "tdxModuleIdentities"},
        {"\"tdxModuleIdentities\":[", "\"tdxModuleIdentities\":{}, \"x\":[", PH_ERR_MALFORMED,
         "tdxModuleIdentities"},
        {"\"TDX_01\"", "\"TDX_1\"", PH_ERR_MALFORMED, "tdxModuleIdentities.id"},
        {"\"TDX_01\"", "\"TDX_0G\"", PH_ERR_MALFORMED, "tdxModuleIdentities.id"},
        {"\"TDX_01\"", "\"TDX_0x\"", PH_ERR_MALFORMED, "tdxModuleIdentities.id"},
        {"\"TDX_01\"", "\"TDX_0a\"", PH_OK, ""},
        {"\"isvsvn\":4", "\"isvsvn\":65536", PH_ERR_MALFORMED, "isvsvn"},
        {"\"isvsvn\":4", "\"isvsvn\":2", PH_ERR_MALFORMED, "same SVN"},
        {"{\"tcb\":{\"isvsvn\":4", "1,{\"tcb\":{\"isvsvn\":4", PH_ERR_MALFORMED, "tcbLevels"},
        {"\"sgxtcbcomponents\":[", "\"sgxtcbcomponents\":[{\"svn\":1},", PH_ERR_MALFORMED,
         "sgxtcbcomponents"},
        {"\"sgxtcbcomponents\":[{\"svn\":3}", "\"sgxtcbcomponents\":[3", PH_ERR_MALFORMED,
         "sgxtcbcomponents"},
        {"\"sgxtcbcomponents\":[{\"svn\":3}", "\"sgxtcbcomponents\":[{\"svn\":65536}",
         PH_ERR_MALFORMED, "svn"},
        {"\"tdxtcbcomponents\"", "\"tdxcomponents\"", PH_ERR_MALFORMED, "tdxtcbcomponents"},
        {"\"pcesvn\":11", "\"pcesvn\":65536", PH_ERR_MALFORMED, "pcesvn"},
        {"\"tcbStatus\":\"UpToDate\"", "\"tcbStatus\":\"Fine\"", PH_ERR_MALFORMED, "tcbStatus"},
        {"\"tcbDate\":\"2024-03-13T00:00:00Z\"", "\"tcbDate\":\"2024-03-13\"", PH_ERR_MALFORMED,
         "tcbDate"},
        {"\"advisoryIDs\":[", "\"advisoryIDs\":[1,", PH_ERR_MALFORMED, "advisoryIDs"},
        {"\"advisoryIDs\":[", "\"advisoryIDs\":[\"\",", PH_ERR_MALFORMED, "advisoryIDs"},
        {"\"advisoryIDs\":[", "\"advisoryIDs\":[\"INTEL-SA-0000000000000000000000001\",",
         PH_ERR_MALFORMED, "advisoryIDs"},
        {"\"advisoryIDs\":[\"INTEL-SA-01036\"]", "\"advisoryIDs\":\"INTEL-SA-01036\"",
         PH_ERR_MALFORMED, "advisoryIDs"},
        {"\"id\":\"TDX\"", "\"id\":\"TDX\",\"new\":{\"a\":[1,{}]}", PH_OK, ""},
    };
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    check_rows(ph_synth_pki_parts(pki).tcb_info_json, rows, PH_LEN(rows), true);
}

TEST(levels_are_sorted_best_first_and_no_two_are_alike)
{
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    const struct ph_synth_level best = s.level[0];
    s.level[0] = s.level[1]; /* worst first */
    s.level[1] = best;
    s.level[2] = best;
    s.level[2].tdx[15] = 1;
    s.level[3] = best;
    s.level[3].pcesvn = 12;
    s.level_cnt = 4;
    struct ph_synth_isv_level isv = s.qe_level[0];
    s.qe_level[0] = s.qe_level[1];
    s.qe_level[1] = isv;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    const struct ph_collateral_parts parts = ph_synth_pki_parts(pki);
    CHECK(ph_tcb_info_parse(parts.tcb_info_json, &info, &why) == PH_OK && info.level_cnt == 4);
    CHECK(info.level[0].tdx[15] == 1 && info.level[1].pcesvn == 12 && info.level[2].pcesvn == 11);
    CHECK(info.level[3].status == PH_TCB_OUT_OF_DATE);
    CHECK(ph_enclave_identity_parse(parts.qe_identity_json, &identity, &why) == PH_OK);
    CHECK(identity.levels.level[0].isvsvn == 4 && identity.levels.level[1].isvsvn == 1);

    s.level[3] = best;
    struct ph_synth_pki *twice PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(ph_tcb_info_parse(ph_synth_pki_parts(twice).tcb_info_json, &info, &why) ==
          PH_ERR_MALFORMED);
    CHECK(strstr(why.text, "same SVNs"));
}

/* `text` with `unit` repeated `cnt` times after `after`, its @ a number from 10 on. */
static enum ph_err parse_repeated(struct ph_bytes text, const char *after, const char *unit,
                                  size_t cnt)
{
    struct ph_buf with PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    CHECK(ph_buf_add_str(&with, after) == PH_OK);
    const char *at = strchr(unit, '@');
    const struct ph_bytes head = {(const uint8_t *)unit, (size_t)(at - unit)};
    for (size_t i = 0; i < cnt; i++) {
        CHECK(ph_buf_add(&with, head) == PH_OK);
        CHECK(ph_buf_addf(&with, "%zu%s", i + 10, at + 1) == PH_OK);
    }
    CHECK(ph_buf_add(&with, PH_BYTES_LIT("\0")) == PH_OK);
    struct ph_buf doc PH_OWNED(ph_buf_clear) = edited(text, after, (const char *)with.ptr);
    return ph_tcb_info_parse(ph_buf_view(&doc), &info, &why);
}

#define MODULE                                                                                     \
    "{\"id\":\"TDX_@\",\"mrsigner\":"                                                              \
    "\"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000" \
    "0"                                                                                            \
    "00000\",\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\","         \
    "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":4},\"tcbDate\":\"2024-03-13T00:00:00Z\","                 \
    "\"tcbStatus\":\"UpToDate\"}]},"
#define ISV_LEVEL                                                                                  \
    "{\"tcb\":{\"isvsvn\":@},\"tcbDate\":\"2024-03-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"},"

TEST(counts_are_limited)
{
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    s.level[1].advisories = "[\"A\"]";
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    const struct ph_bytes text = ph_synth_pki_parts(pki).tcb_info_json;
    const char *modules = "\"tdxModuleIdentities\":[", *ids = "\"advisoryIDs\":[";
    const char *isv = "\"tcbLevels\":[";
    CHECK(parse_repeated(text, modules, MODULE, PH_TCB_MODULES_MAX - 1) == PH_OK);
    CHECK(parse_repeated(text, modules, MODULE, PH_TCB_MODULES_MAX) == PH_ERR_LIMIT);
    CHECK(parse_repeated(text, isv, ISV_LEVEL, PH_ISV_LEVELS_MAX - 2) == PH_OK);
    CHECK(parse_repeated(text, isv, ISV_LEVEL, PH_ISV_LEVELS_MAX - 1) == PH_ERR_LIMIT);
    CHECK(parse_repeated(text, ids, "\"A@\",", PH_TCB_ADVISORIES_MAX - 2) == PH_OK);
    CHECK(parse_repeated(text, ids, "\"A@\",", PH_TCB_ADVISORIES_MAX) == PH_ERR_LIMIT);
    CHECK(parse_repeated(text, "\"id\":", "0,\"x@\":", 20000) == PH_ERR_LIMIT); /* values */

    struct ph_buf big PH_OWNED(ph_buf_clear) = PH_BUF(PH_TCB_DOC_MAX + 16);
    CHECK(ph_buf_add(&big, text) == PH_OK);
    while (big.len <= PH_TCB_DOC_MAX)
        CHECK(ph_buf_add_str(&big, " ") == PH_OK);
    CHECK(ph_tcb_info_parse(ph_buf_view(&big), &info, &why) == PH_ERR_LIMIT);
    big.len--;
    CHECK(ph_tcb_info_parse(ph_buf_view(&big), &info, &why) == PH_OK);
}

TEST(levels_are_there_and_not_too_many)
{
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    s.level_cnt = 0;
    struct ph_synth_pki *none PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(ph_tcb_info_parse(ph_synth_pki_parts(none).tcb_info_json, &info, &why) ==
          PH_ERR_MALFORMED);
    s.level_cnt = 1;
    s.qe_level_cnt = 0;
    struct ph_synth_pki *no_qe PH_OWNED(ph_synth_pki_freep) = make(&s);
    const struct ph_collateral_parts parts = ph_synth_pki_parts(no_qe);
    CHECK(ph_enclave_identity_parse(parts.qe_identity_json, &identity, &why) == PH_ERR_MALFORMED);

    struct ph_buf list PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    CHECK(ph_buf_add_str(&list, "\"tcbLevels\":[") == PH_OK);
    for (unsigned i = 0; i < PH_TCB_LEVELS_MAX; i++)
        CHECK(ph_buf_add_str(&list, "{},") == PH_OK);
    CHECK(ph_buf_add(&list, PH_BYTES_LIT("\0")) == PH_OK);
    s.tdx = false;
    struct ph_synth_pki *sgx PH_OWNED(ph_synth_pki_freep) = make(&s);
    const struct ph_bytes text = ph_synth_pki_parts(sgx).tcb_info_json;
    CHECK(ph_tcb_info_parse(text, &info, &why) == PH_OK && !info.is_tdx && info.level_cnt == 1);
    struct ph_buf doc PH_OWNED(ph_buf_clear) =
        edited(text, "\"tcbLevels\":[", (const char *)list.ptr);
    CHECK(ph_tcb_info_parse(ph_buf_view(&doc), &info, &why) == PH_ERR_LIMIT);
}

TEST(enclave_identity_is_held_to_its_form)
{
    static const struct row rows[] = {
        {"\"enclaveIdentity\"", "\"identity\"", PH_ERR_MALFORMED, "enclaveIdentity"},
        {"\"id\":\"TD_QE\"", "\"id\":\"TDQE\"", PH_ERR_MALFORMED, "id"},
        {"\"id\":\"TD_QE\"", "\"id\":\"QVE\"", PH_OK, ""},
        {"\"version\":2", "\"version\":1", PH_ERR_MALFORMED, "version"},
        {"\"version\":2", "\"version\":4", PH_ERR_MALFORMED, "version"},
        {"\"version\":2", "\"version\":3", PH_OK, ""},
        {"\"miscselect\":\"00000000\"", "\"miscselect\":\"000000\"", PH_ERR_MALFORMED,
         "miscselect"},
        {"\"miscselectMask\"", "\"miscSelectMask\"", PH_ERR_MALFORMED, "miscselectMask"},
        {"\"attributes\"", "\"attribute\"", PH_ERR_MALFORMED, "attributes"},
        {"\"attributesMask\"", "\"attributeMask\"", PH_ERR_MALFORMED, "attributesMask"},
        {"\"mrsigner\"", "\"signer\"", PH_ERR_MALFORMED, "mrsigner"},
        {"\"isvprodid\":2", "\"isvprodid\":65536", PH_ERR_MALFORMED, "isvprodid"},
        {"\"tcbLevels\":[", "\"tcbLevels\":7,\"x\":[", PH_ERR_MALFORMED, "tcbLevels"},
        {"\"isvsvn\":4", "\"isvsvn\":-4", PH_ERR_MALFORMED, "isvsvn"},
        {"\"tcbEvaluationDataNumber\"", "\"evaluation\"", PH_ERR_MALFORMED,
         "tcbEvaluationDataNumber"},
        {"\"issueDate\"", "\"issued\"", PH_ERR_MALFORMED, "issueDate"},
    };
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    check_rows(ph_synth_pki_parts(pki).qe_identity_json, rows, PH_LEN(rows), false);
}

#define IDENTITY_V1                                                                                \
    "{\"qeIdentity\":{\"version\":1,\"issueDate\":\"2025-01-01T00:00:00Z\",\"nextUpdate\":"        \
    "\"2025-02-01T00:00:00Z\",\"miscselect\":\"01000002\",\"miscselectMask\":\"ffffff0f\","        \
    "\"attributes\":\"11000000000000000000000000000022\",\"attributesMask\":"                      \
    "\"fbffffffffffffff0000000000000033\",\"mrsigner\":\"" H32 "\",\"isvprodid\":258,"             \
    "\"isvsvn\":65534},\"signature\":\"" H32 H32 "\"}"
#define H32 "8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff"

/* Documents of version 1 are read, so that the verdict can say what is wrong with them. */
TEST(identity_of_version_one_is_read_whole_and_held_to_its_form)
{
    static const struct row rows[] = {
        {"\"version\":1", "\"version\":0", PH_ERR_MALFORMED, "version"},
        {"\"version\":1", "\"version\":2", PH_ERR_MALFORMED, "version"},
        {"\"version\":1", "\"v\":1", PH_ERR_MALFORMED, "version"},
        {"\"qeIdentity\"", "\"identity\"", PH_ERR_MALFORMED, "enclaveIdentity"},
        {"\"issueDate\"", "\"issued\"", PH_ERR_MALFORMED, "issueDate"},
        {"\"nextUpdate\"", "\"next\"", PH_ERR_MALFORMED, "nextUpdate"},
        {"\"miscselect\"", "\"misc\"", PH_ERR_MALFORMED, "miscselect"},
        {"\"mrsigner\"", "\"signer\"", PH_ERR_MALFORMED, "mrsigner"},
        {"65534", "65536", PH_ERR_MALFORMED, "isvsvn"},
        {"\"isvsvn\"", "\"svn\"", PH_ERR_MALFORMED, "isvsvn"},
        {"65534", "65535", PH_OK, ""},
    };
    const struct ph_bytes text = PH_BYTES_LIT(IDENTITY_V1);

    CHECK(ph_enclave_identity_parse(text, &identity, &why) == PH_OK);
    CHECK(identity.version == 1 && identity.issue_s == 1735689600);
    CHECK(identity.next_update_s == 1735689600 + 31 * 86400 && identity.evaluation_number == 0);
    CHECK(memcmp(identity.miscselect, "\x01\0\0\x02", 4) == 0);
    CHECK(memcmp(identity.miscselect_mask, "\xff\xff\xff\x0f", 4) == 0);
    CHECK(identity.attributes[0] == 0x11 && identity.attributes[15] == 0x22);
    CHECK(identity.attributes_mask[0] == 0xfb && identity.attributes_mask[15] == 0x33);
    CHECK(identity.mrsigner[0] == 0x8c && identity.mrsigner[31] == 0xff);
    CHECK(identity.isvprodid == 258 && identity.levels.cnt == 1);
    CHECK(identity.levels.level[0].isvsvn == 65534);
    CHECK(identity.levels.level[0].status == PH_TCB_UP_TO_DATE);
    check_rows(text, rows, PH_LEN(rows), false);
}

TEST(the_digest_is_of_the_exact_bytes)
{
    struct ph_synth s;
    uint8_t before[32];
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    const struct ph_bytes text = ph_synth_pki_parts(pki).tcb_info_json;
    CHECK(ph_tcb_info_parse(text, &info, &why) == PH_OK);
    memcpy(before, info.digest, sizeof(before));
    struct ph_buf outside PH_OWNED(ph_buf_clear) =
        edited(text, "{\"tcbInfo\":", "{ \"tcbInfo\" : ");
    CHECK(ph_tcb_info_parse(ph_buf_view(&outside), &info, &why) == PH_OK);
    CHECK(memcmp(before, info.digest, sizeof(before)) == 0);
    struct ph_buf within PH_OWNED(ph_buf_clear) = edited(text, "\"version\":3", "\"version\": 3");
    CHECK(ph_tcb_info_parse(ph_buf_view(&within), &info, &why) == PH_OK);
    CHECK(memcmp(before, info.digest, sizeof(before)) != 0);
}

PH_TEST_MAIN(CASE(tcb_info_is_read_whole), CASE(tcb_info_is_held_to_its_form),
             CASE(levels_are_sorted_best_first_and_no_two_are_alike), CASE(counts_are_limited),
             CASE(levels_are_there_and_not_too_many), CASE(enclave_identity_is_held_to_its_form),
             CASE(identity_of_version_one_is_read_whole_and_held_to_its_form),
             CASE(the_digest_is_of_the_exact_bytes))
