#ifndef PH_STORE_TEST_FOLDER_H
#define PH_STORE_TEST_FOLDER_H

/* Test support: an empty folder under /tmp, another one whenever a test begins.
 *
 * Layer: store (tests only).
 */

struct test_folder {
    char path[64];
    int fd; /* -1: none yet */
};

/* The folder before is removed, with all that is in it. Fails the test when that cannot be done. */
void test_folder_fresh(struct test_folder *folder);

#endif
