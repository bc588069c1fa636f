#include "store/test_folder.h"

#include "base/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

void test_folder_fresh(struct test_folder *folder)
{
    char command[128];

    if (folder->fd >= 0) {
        (void)close(folder->fd);
        (void)snprintf(command, sizeof(command), "rm -rf %s", folder->path);
        CHECK(system(command) == 0);
    }
    (void)snprintf(folder->path, sizeof(folder->path), "/tmp/phala-store-XXXXXX");
    CHECK(mkdtemp(folder->path));
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(folder->fd >= 0);
}
