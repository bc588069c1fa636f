#ifndef PH_NODE_TEST_KEYD_H
#define PH_NODE_TEST_KEYD_H

/* The real phala-keyd for tests, with a state of its own in a folder of its own. PHALA_KEYD names
 * the executable. */

#include "base/test.h"
#include "node/keyd_client.h"

#include <stdlib.h>

static char dir[] = "/tmp/phala-keyd-test-XXXXXX";
static char blob_path[128], seal[160], key_file[128];

static inline const char *keyd_path(void)
{
    const char *path = getenv("PHALA_KEYD");
    CHECK(path);
    return path;
}

static inline struct ph_keyd_client *start(void)
{
    const struct ph_keyd_config config = {.path = keyd_path(), .state = blob_path, .seal = seal};
    struct ph_keyd_client *client = NULL;
    char why[PH_KEYD_WHY_LEN] = "";

    if (ph_keyd_client_start(&config, &client, why) != PH_OK)
        fail_msg("%s", why);
    return client;
}

static inline int make_dir(void **unused)
{
    (void)unused;
    if (!mkdtemp(dir))
        return -1;
    (void)snprintf(blob_path, sizeof(blob_path), "%s/keys.sealed", dir);
    (void)snprintf(key_file, sizeof(key_file), "%s/sealing.key", dir);
    (void)snprintf(seal, sizeof(seal), "simulator:%s", key_file);
    return 0;
}

static inline int remove_dir(void **unused)
{
    (void)unused;
    (void)unlink(blob_path);
    (void)unlink(key_file);
    return rmdir(dir); /* and nothing else was left there */
}

#endif
