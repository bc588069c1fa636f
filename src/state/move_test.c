/* Export files, heads of imports, tokens: what is made is read, and whatever is altered is refused.
 */

#include "state/move.h"

#include "base/hex.h"
#include "base/test.h"
#include "crypto/hash.h"

static const uint8_t key[32] = {5}, state_key[32] = {1, 2, 3};

static struct ph_export_head head_of(uint32_t page_cnt)
{
    struct ph_export_head h = {.index = 77, .page_cnt = page_cnt, .time_ms = 1763700000123};
    memset(h.phat.b, 0x11, 20);
    memset(h.cluster.b, 0x22, 20);
    memset(h.hash.b, 0x33, 32);
    memset(h.root.b, 0x44, 32);
    return h;
}

TEST(an_export_head_has_one_form)
{
    const struct ph_export_head h = head_of(9);
    struct ph_export_head got;
    uint8_t raw[PH_EXPORT_HEAD_LEN], again[PH_EXPORT_HEAD_LEN];

    ph_export_head_encode(&h, raw);
    CHECK(ph_export_head_parse(PH_BYTES_OF(raw), &got) == PH_OK);
    CHECK(got.index == 77 && got.page_cnt == 9 && got.time_ms == h.time_ms);
    CHECK(memcmp(got.phat.b, h.phat.b, 20) == 0 && memcmp(got.cluster.b, h.cluster.b, 20) == 0);
    CHECK(memcmp(got.hash.b, h.hash.b, 32) == 0 && memcmp(got.root.b, h.root.b, 32) == 0);
    for (size_t len = 0; len < sizeof(raw); len++)
        CHECK(ph_export_head_parse((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(raw); i++) {
        raw[i] ^= 0x80;
        if (ph_export_head_parse(PH_BYTES_OF(raw), &got) == PH_OK) {
            ph_export_head_encode(&got, again);
            CHECK(memcmp(raw, again, sizeof(raw)) == 0);
        } else {
            CHECK(i < 8 || (i >= 120 && i < 128) || i >= 136);
        }
        raw[i] ^= 0x80;
    }
}

TEST(pieces_cover_the_pages)
{
    CHECK(ph_export_piece_cnt(0) == 0 && ph_export_pieces_len(0) == 0);
    CHECK(ph_export_piece_cnt(16) == 1 && ph_export_piece_cnt(17) == 2);
    CHECK(ph_export_piece_len(17, 0) == PH_EXPORT_PIECE && ph_export_piece_len(17, 1) == 4096);
    CHECK(ph_export_piece_len(17, 2) == 0);
    CHECK(ph_export_pieces_len(17) == 17 * 4096 + 32);
    CHECK(ph_export_pieces_len(PH_STATE_PAGES_MAX) > UINT32_MAX);
}

TEST(a_piece_opens_in_its_place_of_its_file_only)
{
    struct ph_hash32 binding = {{7}}, other = {{8}};
    uint8_t plain[4096] = {1, 2}, sealed[4096 + 16], got[4096];
    const uint8_t other_key[32] = {6};

    CHECK(ph_export_piece_seal(key, &binding, 3, PH_BYTES_OF(plain), sealed) == PH_OK);
    CHECK(ph_export_piece_open(key, &binding, 3, PH_BYTES_OF(sealed), got) == PH_OK);
    CHECK(memcmp(plain, got, sizeof(got)) == 0);
    CHECK(ph_export_piece_open(key, &binding, 4, PH_BYTES_OF(sealed), got) == PH_ERR_UNTRUSTED);
    CHECK(ph_export_piece_open(key, &binding, 3 + (1ULL << 40), PH_BYTES_OF(sealed), got) ==
          PH_ERR_UNTRUSTED);
    CHECK(ph_export_piece_open(key, &other, 3, PH_BYTES_OF(sealed), got) == PH_ERR_UNTRUSTED);
    CHECK(ph_export_piece_open(other_key, &binding, 3, PH_BYTES_OF(sealed), got) ==
          PH_ERR_UNTRUSTED);
    for (size_t i = 0; i < sizeof(sealed); i += 97) {
        sealed[i] ^= 1;
        CHECK(ph_export_piece_open(key, &binding, 3, PH_BYTES_OF(sealed), got) == PH_ERR_UNTRUSTED);
        sealed[i] ^= 1;
    }
    CHECK(ph_export_piece_open(key, &binding, 3, (struct ph_bytes){sealed, 15}, got) ==
          PH_ERR_MALFORMED);
}

TEST(an_import_head_has_one_form_and_hashes_the_export_head_as_it_stands)
{
    struct ph_import_head h = {.over_index = 5, .from = head_of(3)}, got;
    uint8_t raw[PH_IMPORT_HEAD_LEN], again[PH_IMPORT_HEAD_LEN], from[PH_EXPORT_HEAD_LEN];
    struct ph_hash32 binding;

    memset(h.phat.b, 0x51, 20);
    memset(h.over_hash.b, 0x52, 32);
    memset(h.pieces.b, 0x53, 32);
    memset(h.wrapped, 0x54, sizeof(h.wrapped));
    ph_import_head_encode(&h, raw);
    ph_export_head_encode(&h.from, from);
    ph_sha256(PH_BYTES_OF(from), binding.b);
    CHECK(ph_import_head_parse(PH_BYTES_OF(raw), &got) == PH_OK);
    CHECK(got.over_index == 5 && got.from.index == 77);
    CHECK(memcmp(got.binding.b, binding.b, 32) == 0);
    CHECK(memcmp(got.phat.b, h.phat.b, 20) == 0 && memcmp(got.pieces.b, h.pieces.b, 32) == 0);
    CHECK(memcmp(got.over_hash.b, h.over_hash.b, 32) == 0);
    CHECK(memcmp(got.wrapped, h.wrapped, sizeof(h.wrapped)) == 0);
    for (size_t len = 0; len < sizeof(raw); len++)
        CHECK(ph_import_head_parse((struct ph_bytes){raw, len}, &got) == PH_ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(raw); i++) {
        raw[i] ^= 0x80;
        if (ph_import_head_parse(PH_BYTES_OF(raw), &got) == PH_OK) {
            ph_import_head_encode(&got, again);
            CHECK(memcmp(raw, again, sizeof(raw)) == 0);
        }
        raw[i] ^= 0x80;
    }
}

TEST(a_token_opens_for_its_state_its_kind_and_what_it_is_bound_to_only)
{
    const struct ph_bytes bound = PH_BYTES_LIT("bound to");
    const uint8_t other_key[32] = {4};
    uint8_t tokens[2 * PH_MOVE_TOKEN_LEN], got[32];
    const struct ph_bytes second = {tokens + PH_MOVE_TOKEN_LEN, PH_MOVE_TOKEN_LEN};

    CHECK(ph_move_token_seal(other_key, PH_MOVE_EXPORT, bound, key, tokens) == PH_OK);
    CHECK(ph_move_token_seal(state_key, PH_MOVE_EXPORT, bound, key, tokens + PH_MOVE_TOKEN_LEN) ==
          PH_OK);
    CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, bound, PH_BYTES_OF(tokens), got) == PH_OK);
    CHECK(memcmp(got, key, 32) == 0);
    CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, bound, second, got) == PH_OK);
    CHECK(ph_move_token_open(other_key, PH_MOVE_EXPORT, bound, second, got) == PH_ERR_UNTRUSTED);
    CHECK(ph_move_token_open(state_key, PH_MOVE_IMPORT, bound, second, got) == PH_ERR_UNTRUSTED);
    CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, PH_BYTES_LIT("bound to."), second, got) ==
          PH_ERR_UNTRUSTED);
    for (size_t i = PH_MOVE_TOKEN_LEN; i < sizeof(tokens); i++) {
        tokens[i] ^= 1;
        CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, bound, second, got) ==
              PH_ERR_UNTRUSTED);
        tokens[i] ^= 1;
    }
    CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, bound, (struct ph_bytes){tokens, 0}, got) ==
          PH_ERR_MALFORMED);
    CHECK(ph_move_token_open(state_key, PH_MOVE_EXPORT, bound, (struct ph_bytes){tokens, 79},
                             got) == PH_ERR_MALFORMED);
}

TEST(databases_that_no_phat_could_open_are_refused)
{
    uint8_t page[PH_STATE_PAGE] = "SQLite format 3";
    char why[128];

    page[16] = 0x10; /* 4096 */
    page[18] = page[19] = 1;
    page[31] = 7;
    CHECK(ph_import_check_database(PH_BYTES_OF(page), 7, why) == PH_OK);
    CHECK(ph_import_check_database(PH_BYTES_OF(page), 8, why) == PH_ERR_MALFORMED);
    CHECK(ph_import_check_database((struct ph_bytes){page, 99}, 7, why) == PH_ERR_MALFORMED);
    static const size_t changed[] = {0, 15, 16, 17, 18, 19, 20, 28};
    for (size_t i = 0; i < PH_LEN(changed); i++) {
        page[changed[i]] ^= 2;
        CHECK(ph_import_check_database(PH_BYTES_OF(page), 7, why) == PH_ERR_MALFORMED);
        page[changed[i]] ^= 2;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_export_head_has_one_form),
        CASE(pieces_cover_the_pages),
        CASE(a_piece_opens_in_its_place_of_its_file_only),
        CASE(an_import_head_has_one_form_and_hashes_the_export_head_as_it_stands),
        CASE(a_token_opens_for_its_state_its_kind_and_what_it_is_bound_to_only),
        CASE(databases_that_no_phat_could_open_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
