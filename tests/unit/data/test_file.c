/* Whatever a path may name, mapping it ends, and says what it found. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jobs/data/file.h"
#include "tests/unit/data/scratch.h"
#include "tests/unit/suite.h"

static void expect(const char *path, enum vain_status expected, const char *words)
{
    void *mapping = &mapping;
    size_t bytes = 1;
    CU_ASSERT_EQUAL(vain_file_map(path, &mapping, &bytes), expected);
    CU_ASSERT_PTR_NULL(mapping);
    CU_ASSERT_EQUAL(bytes, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), path));
    CU_ASSERT_PTR_NOT_NULL(strstr(vain_fail_message(), words));
}

static void a_file_is_mapped_whole(void)
{
    const char *path = scratch_write("whole", "four words of text", 18);
    void *mapping;
    size_t bytes;
    CU_ASSERT_EQUAL_FATAL(vain_file_map(path, &mapping, &bytes), VAIN_OK);
    CU_ASSERT_EQUAL(bytes, 18);
    CU_ASSERT_EQUAL(memcmp(mapping, "four words of text", 18), 0);
    vain_file_unmap(mapping, bytes);
    vain_file_unmap(NULL, 0);
}

static void a_missing_file_is_named(void)
{
    expect(scratch_path("missing"), VAIN_ERR_NOT_FOUND, "no such file");
    expect(scratch_path("missing/below"), VAIN_ERR_NOT_FOUND, "relative to the job spec");
    expect("./$DATA/text", VAIN_ERR_NOT_FOUND, "variables such as $HOME are not expanded");
    expect("~/text", VAIN_ERR_NOT_FOUND, "\"~\" is not expanded");
    expect("/~/text", VAIN_ERR_NOT_FOUND, "\"~\" is not expanded");
}

static void an_empty_file_is_refused(void)
{
    expect(scratch_write("empty", "", 0), VAIN_ERR_INPUT, "is empty");
}

static void folders_and_devices_are_refused(void)
{
    expect(scratch_folder(), VAIN_ERR_INPUT, "is a folder");
    expect("/dev/null", VAIN_ERR_INPUT, "is a device");
}

static void a_fifo_without_a_writer_does_not_hang(void)
{
    const char *path = scratch_path("fifo");
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    expect(path, VAIN_ERR_INPUT, "is a FIFO");
}

static void a_socket_is_refused(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = scratch_path("socket");
    CU_ASSERT_FATAL(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    const int handle = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(bind(handle, (const struct sockaddr *)&address, sizeof address), 0);
    expect(path, VAIN_ERR_INPUT, "regular file");
    close(handle);
}

static void a_loop_of_links_is_refused(void)
{
    const char *path = scratch_path("loop");
    CU_ASSERT_EQUAL_FATAL(symlink(path, path), 0);
    expect(path, VAIN_ERR_INPUT, "regular file");
}

/* Root may read everything, so a child gives root up first. */
static void a_file_of_another_user_is_refused(void)
{
    const char *path = scratch_write("closed", "secret", 6);
    CU_ASSERT_EQUAL_FATAL(chmod(path, 0), 0);
    const pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) != 0)
            _exit(2);
        void *mapping;
        size_t bytes;
        const bool refused = vain_file_map(path, &mapping, &bytes) == VAIN_ERR_REFUSED &&
                             strstr(vain_fail_message(), "may not read") != NULL;
        _exit(refused ? 0 : 1);
    }
    int ended = -1;
    CU_ASSERT_EQUAL(waitpid(child, &ended, 0), child);
    CU_ASSERT_EQUAL(ended, 0);
}

static const struct vain_test tests[] = {
    {"a file is mapped whole", a_file_is_mapped_whole},
    {"a missing file is named, with the way out", a_missing_file_is_named},
    {"an empty file is refused", an_empty_file_is_refused},
    {"folders and devices are refused", folders_and_devices_are_refused},
    {"a FIFO without a writer does not hang", a_fifo_without_a_writer_does_not_hang},
    {"a socket is refused", a_socket_is_refused},
    {"a loop of links is refused", a_loop_of_links_is_refused},
    {"a file of another user is refused", a_file_of_another_user_is_refused},
    {NULL, NULL}};
const struct vain_suite vain_suite_file = {"data: file", tests};
