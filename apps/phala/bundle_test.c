#include "bundle.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/sourcemap.h"
#include "codec/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/phala-bundle-XXXXXX");
    return mkdtemp(root) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    ph_dir_remove(root);
    return 0;
}

static void put(const char *name, const char *text)
{
    struct ph_path path;
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK);
    *strrchr(path.s, '/') = '\0';
    CHECK(ph_dir_make(path.s) == PH_OK);
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK);
    CHECK(ph_file_write(path.s, ph_bytes_str(text), 0644) == PH_OK);
}

static struct ph_trouble trouble;

/* Build the project at root/name. */
static enum ph_err build(const char *name, struct ph_bundle *out)
{
    struct ph_path path;
    struct ph_project project;
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK);
    PH_TRY(ph_project_open(path.s, &project, &trouble));
    enum ph_err err = ph_bundle_build(&project, out, &trouble);
    ph_project_clear(&project);
    return err;
}

static bool have_esbuild(void)
{
    struct ph_path path;
    return ph_esbuild_find("/", &path) == PH_OK;
}
#define NEEDS_ESBUILD                                                                              \
    do {                                                                                           \
        if (!have_esbuild())                                                                       \
            SKIP_BECAUSE("esbuild is not installed: npm install in the checkout");                 \
    } while (0)

static void put_project(const char *dir)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%s/phat.json", dir);
    put(name, "{\"main\":\"src/worker.js\", \"name\":\"demo\",\"assets\":[\"data/*.json\"]}");
    (void)snprintf(name, sizeof(name), "%s/src/worker.js", dir);
    put(name, "import { twice } from './lib/twice.js';\nimport text from './note.txt';\n"
              "export default { fetch() { return new Response(text + twice(2)); } };\n");
    (void)snprintf(name, sizeof(name), "%s/src/lib/twice.js", dir);
    put(name, "export function twice(n) {\n  return n * 2;\n}\n");
    (void)snprintf(name, sizeof(name), "%s/src/note.txt", dir);
    put(name, "a note\n");
    (void)snprintf(name, sizeof(name), "%s/data/b.json", dir);
    put(name, "2");
    (void)snprintf(name, sizeof(name), "%s/data/a.json", dir);
    put(name, "1");
}

TEST(a_bundle_is_an_archive_whose_files_give_its_hash)
{
    NEEDS_ESBUILD;
    struct ph_bundle b;
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    char why[128];
    put_project("one");
    CHECK(build("one", &b) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&b.tar), tar, why) == PH_OK);
    CHECK(tar->file_cnt == 4 && b.file_cnt == 4);
    assert_string_equal(tar->files[0].path, "data/a.json");
    assert_string_equal(tar->files[1].path, "data/b.json");
    assert_string_equal(tar->files[2].path, "phat.json");
    assert_string_equal(tar->files[3].path, "worker.js");
    CHECK(ph_bytes_is(tar->files[2].data,
                      "{\"assets\":[\"data/*.json\"],\"main\":\"worker.js\",\"name\":\"demo\"}"));
    struct ph_bytes script = tar->files[3].data;
    CHECK(memmem(script.ptr, script.len, "__phat", 6) != NULL);
    CHECK(memmem(script.ptr, script.len, "a note", 6) != NULL);
    CHECK(memmem(script.ptr, script.len, "sourceMappingURL", 16) == NULL);
    struct ph_bundle_file files[4];
    struct ph_hash32 hash;
    for (size_t i = 0; i < 4; i++)
        files[i] = (struct ph_bundle_file){tar->files[i].path, tar->files[i].data};
    ph_bundle_hash(files, 4, &hash);
    assert_memory_equal(hash.b, b.hash.b, 32);
    ph_bundle_clear(&b);
}

TEST(the_same_project_in_another_place_gives_the_same_bytes)
{
    NEEDS_ESBUILD;
    struct ph_bundle a, b, c;
    put_project("one");
    put_project("deeper/in/two");
    CHECK(build("one", &a) == PH_OK && build("deeper/in/two", &b) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&a.tar), ph_buf_view(&b.tar)));
    assert_memory_equal(a.hash.b, b.hash.b, 32);
    put("one/src/note.txt", "another note\n");
    CHECK(build("one", &c) == PH_OK);
    CHECK(memcmp(a.hash.b, c.hash.b, 32) != 0);
    ph_bundle_clear(&a);
    ph_bundle_clear(&b);
    ph_bundle_clear(&c);
}

TEST(the_source_map_leads_back_to_the_users_line)
{
    NEEDS_ESBUILD;
    struct ph_bundle b;
    struct ph_sourcemap *map PH_OWNED(ph_sourcemap_freep) = NULL;
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    struct ph_source_pos pos;
    char why[128];
    put_project("one");
    CHECK(build("one", &b) == PH_OK);
    CHECK(ph_tar_parse(ph_buf_view(&b.tar), tar, why) == PH_OK);
    CHECK(ph_sourcemap_parse(ph_buf_view(&b.source_map), &map) == PH_OK);
    struct ph_bytes script = tar->files[3].data;
    const uint8_t *at = memmem(script.ptr, script.len, "return n * 2", 12);
    assert_non_null(at);
    uint32_t line = 1, column = 1;
    for (const uint8_t *p = script.ptr; p < at; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    CHECK(ph_sourcemap_lookup(map, line, column, &pos) == PH_OK);
    assert_string_equal(pos.source, "src/lib/twice.js");
    CHECK(pos.line == 2);
    ph_bundle_clear(&b);
}

TEST(code_that_does_not_build_is_refused_with_file_and_line)
{
    NEEDS_ESBUILD;
    struct ph_bundle b;
    put("bad/worker.js", "export default {\n  fetch() { return new Response( }\n};\n");
    CHECK(build("bad", &b) == PH_ERR_MALFORMED);
    assert_string_equal(trouble.code, "build-failed");
    CHECK(strstr(trouble.message, "worker.js:2:") != NULL);
    put("gone/worker.js", "import './nowhere.js';\n");
    CHECK(build("gone", &b) == PH_ERR_MALFORMED);
    CHECK(strstr(trouble.message, "worker.js:1:") != NULL && strstr(trouble.message, "nowhere"));
}

TEST(wasm_and_text_are_imported_as_values)
{
    NEEDS_ESBUILD;
    struct ph_bundle b;
    put("w/worker.js", "import m from './m.wasm';\nimport h from './h.html';\n"
                       "export default { fetch() { return new Response(m); }, h };\n");
    put("w/m.wasm", "wasm bytes");
    put("w/h.html", "<p>page</p>");
    CHECK(build("w/worker.js", &b) == PH_OK);
    struct ph_bytes tar = ph_buf_view(&b.tar);
    CHECK(memmem(tar.ptr, tar.len, "d2FzbSBieXRlcw==", 16) != NULL); /* base64 of the bytes */
    CHECK(memmem(tar.ptr, tar.len, "<p>page</p>", 11) != NULL);
    ph_bundle_clear(&b);
}

static enum ph_err open_only(const char *name, struct ph_project *out)
{
    struct ph_path path;
    CHECK(ph_path_set(&path, "%s/%s", root, name) == PH_OK);
    return ph_project_open(path.s, out, &trouble);
}

TEST(names_come_from_the_manifest_then_the_file_then_the_folder)
{
    struct ph_project p;
    put("My App/worker.js", "");
    put("My App/Price_Feed.ts", "");
    CHECK(open_only("My App", &p) == PH_OK);
    assert_string_equal(p.name, "my-app");
    ph_project_clear(&p);
    CHECK(open_only("My App/Price_Feed.ts", &p) == PH_OK);
    assert_string_equal(p.name, "price-feed");
    assert_string_equal(p.main, "Price_Feed.ts");
    ph_project_clear(&p);
    put("My App/phat.json", "{\"name\":\"said\"}");
    CHECK(open_only("My App/worker.js", &p) == PH_OK);
    assert_string_equal(p.name, "said");
    ph_project_clear(&p);
}

TEST(a_bad_manifest_is_refused_with_the_reason)
{
    struct ph_project p;
    static const char *const bad[] = {
        "{",
        "[]",
        "{} x",
        "{\"name\":\"Upper\"}",
        "{\"name\":\"-a\"}",
        "{\"name\":5}",
        "{\"main\":\"../out.js\"}",
        "{\"main\":\"/etc/x.js\"}",
        "{\"main\":\"a//b.js\"}",
        "{\"main\":\"x.wasm\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
    };
    put("m/worker.js", "");
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        put("m/phat.json", bad[i]);
        CHECK(open_only("m", &p) == PH_ERR_MALFORMED);
        assert_string_equal(trouble.code, "bad-manifest");
    }
    CHECK(open_only("nowhere", &p) == PH_ERR_NOT_FOUND);
}

TEST(assets_are_what_the_patterns_name_and_nothing_linked_or_hidden)
{
    struct ph_project p;
    struct ph_assets a;
    struct ph_path link;
    put("p/worker.js", "");
    put("p/phat.json", "{\"assets\":[\"**/*.txt\",\"x.bin\"]}");
    put("p/b.txt", "");
    put("p/x.bin", "");
    put("p/sub/deep/a.txt", "");
    put("p/node_modules/n.txt", "");
    put("p/.secret/s.txt", "");
    put("outside.txt", "");
    CHECK(ph_path_set(&link, "%s/p/link.txt", root) == PH_OK);
    CHECK(symlink("../outside.txt", link.s) == 0);
    CHECK(open_only("p", &p) == PH_OK && ph_assets_find(&p, &a, &trouble) == PH_OK);
    CHECK(a.cnt == 3);
    assert_string_equal(a.paths[0], "b.txt");
    assert_string_equal(a.paths[1], "sub/deep/a.txt");
    assert_string_equal(a.paths[2], "x.bin");
    ph_assets_clear(&a);
    ph_project_clear(&p);
    put("p/phat.json", "{\"assets\":[\"b.txt\",\"typo.txt\"]}");
    CHECK(open_only("p", &p) == PH_OK);
    CHECK(ph_assets_find(&p, &a, &trouble) == PH_ERR_NOT_FOUND);
    CHECK(strstr(trouble.message, "typo.txt") != NULL);
    ph_project_clear(&p);
    put("p/phat.json", "{\"assets\":[\"worker.js\"]}");
    CHECK(open_only("p", &p) == PH_OK);
    CHECK(ph_assets_find(&p, &a, &trouble) == PH_ERR_LIMIT);
    ph_project_clear(&p);
}

TEST(patterns_match_as_documented)
{
    static const struct {
        const char *pattern, *path;
        bool match;
    } t[] = {
        {"a.txt", "a.txt", true},
        {"a.txt", "b.txt", false},
        {"*.txt", "a.txt", true},
        {"*.txt", "d/a.txt", false},
        {"d/*", "d/a", true},
        {"d/*", "d/e/a", false},
        {"**", "d/e/a", true},
        {"**/*.txt", "a.txt", true},
        {"**/*.txt", "d/e/a.txt", true},
        {"d/**/x", "d/x", true},
        {"d/**/x", "d/e/f/x", true},
        {"d/**/x", "e/x", false},
        {"?.js", "a.js", true},
        {"?.js", "/.js", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "aXbY", false},
        {"*", "", true},
        {"", "a", false},
    };
    for (size_t i = 0; i < PH_LEN(t); i++)
        CHECK(ph_glob_match(t[i].pattern, t[i].path) == t[i].match);
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
PH_TEST_MAIN(IN_FOLDER(a_bundle_is_an_archive_whose_files_give_its_hash),
             IN_FOLDER(the_same_project_in_another_place_gives_the_same_bytes),
             IN_FOLDER(the_source_map_leads_back_to_the_users_line),
             IN_FOLDER(code_that_does_not_build_is_refused_with_file_and_line),
             IN_FOLDER(wasm_and_text_are_imported_as_values),
             IN_FOLDER(names_come_from_the_manifest_then_the_file_then_the_folder),
             IN_FOLDER(a_bad_manifest_is_refused_with_the_reason),
             IN_FOLDER(assets_are_what_the_patterns_name_and_nothing_linked_or_hidden),
             IN_FOLDER(patterns_match_as_documented))
