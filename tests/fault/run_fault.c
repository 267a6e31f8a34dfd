/* Harms save_loop at every single call that changes a file, one run each, and looks at what is
 * left.
 *
 *   run_fault LIBRARY SAVE_LOOP SAVE_CHECK MODE [STRIDE]
 *
 * For k = 1, 1 + STRIDE, ... until a run ends without harm: run save_loop with the k-th call
 * harmed; save_check must be content; after a failed (not killed) run no part file may be left;
 * then save_loop runs unharmed on the same folder and must finish, save_check must be content with
 * the last round, and no part file may be left of anybody. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fault/save_scene.h"

enum { PATH_MAX_BYTES = 4096, CALLS_MAX = 100000 };

struct plan {
    const char *library, *save_loop, *save_check, *mode;
    char folder[PATH_MAX_BYTES];
};

static void remove_folder(const char *folder, bool with_itself)
{
    DIR *directory = opendir(folder);
    if (directory == NULL)
        return;
    for (const struct dirent *entry = readdir(directory); entry != NULL;
         entry = readdir(directory)) {
        char path[2 * PATH_MAX_BYTES];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)remove(path);
    }
    closedir(directory);
    if (with_itself)
        (void)rmdir(folder);
}

static int count_parts(const char *folder)
{
    DIR *directory = opendir(folder);
    int count = 0;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += strstr(entry->d_name, ".part-") != NULL ? 1 : 0;
    closedir(directory);
    return count;
}

/* Run save_loop, harmed at call `at` (0: not). The last round that it acknowledged, and how it
 * ended (wait status). */
static int run_save_loop(const struct plan *plan, long at, int *acknowledged)
{
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0)
        exit(2);
    const pid_t child = fork();
    if (child == 0) {
        char number[32];
        snprintf(number, sizeof number, "%ld", at);
        dup2(pipe_ends[1], STDOUT_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        if (at > 0) {
            setenv("LD_PRELOAD", plan->library, 1);
            setenv("VAIN_FAULT_PATH", plan->folder, 1);
            setenv("VAIN_FAULT_AT", number, 1);
            setenv("VAIN_FAULT_MODE", plan->mode, 1);
            if (freopen("/dev/null", "w", stderr) == NULL) /* the message is expected */
                _exit(2);
        }
        execl(plan->save_loop, plan->save_loop, plan->folder, (char *)NULL);
        _exit(2);
    }
    close(pipe_ends[1]);
    FILE *output = fdopen(pipe_ends[0], "r");
    char line[64];
    while (fgets(line, sizeof line, output) != NULL)
        *acknowledged = (int)strtol(line, NULL, 10);
    fclose(output);
    int status = 0;
    (void)waitpid(child, &status, 0);
    return status;
}

static bool check(const struct plan *plan, int acknowledged)
{
    const pid_t child = fork();
    if (child == 0) {
        char number[32];
        snprintf(number, sizeof number, "%d", acknowledged);
        execl(plan->save_check, plan->save_check, plan->folder, number, (char *)NULL);
        _exit(2);
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool complain(const struct plan *plan, long at, const char *what)
{
    fprintf(stderr, "mode %s, call %ld: %s\n", plan->mode, at, what);
    return false;
}

/* One run harmed at `at`, and the unharmed one after it. `harmed`: it was reached. */
static bool try_at(const struct plan *plan, long at, bool *harmed)
{
    int acknowledged = -1;
    remove_folder(plan->folder, false);
    const int status = run_save_loop(plan, at, &acknowledged);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const bool failed = WIFEXITED(status) && WEXITSTATUS(status) == 1;
    const bool kills = strcmp(plan->mode, "enospc") != 0 && strcmp(plan->mode, "eio") != 0;
    *harmed = killed || failed;
    if (!*harmed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        return complain(plan, at, "save_loop crashed");
    if (killed != (kills && *harmed))
        return complain(plan, at, "save_loop did not end as the mode says");
    if (!check(plan, acknowledged))
        return complain(plan, at, "what is left is not what it must be");
    if (failed && count_parts(plan->folder) > 0)
        return complain(plan, at, "a failed save left a part file");
    if (run_save_loop(plan, 0, &acknowledged) != 0)
        return complain(plan, at, "save_loop could not go on");
    if (!check(plan, SCENE_ROUNDS - 1))
        return complain(plan, at, "the files of the run that went on are not what they must be");
    return true;
}

/* In memory where there is such a file system: a thousand runs sync tens of thousands of times, and
 * what a sync does is not what is tested. */
static bool make_folder(char folder[PATH_MAX_BYTES])
{
    const char *given = getenv("TMPDIR");
    const char *const bases[] = {given == NULL ? "/dev/shm" : given, "/tmp"};
    for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
        snprintf(folder, PATH_MAX_BYTES, "%s/vain-fault-XXXXXX", bases[i]);
        if (mkdtemp(folder) != NULL)
            return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6)
        return 2;
    struct plan plan = {argv[1], argv[2], argv[3], argv[4], ""};
    const long stride = argc > 5 ? strtol(argv[5], NULL, 10) : 1;
    if (!make_folder(plan.folder))
        return 2;
    bool fine = true;
    long at = 1, harmed_count = 0;
    int unharmed_in_a_row = 0;
    /* An EIO may be survived (removing what was gone already): the end is where several in a row
     * are without harm. */
    while (fine && unharmed_in_a_row < 8 && at < CALLS_MAX) {
        bool harmed = false;
        fine = try_at(&plan, at, &harmed);
        unharmed_in_a_row = harmed ? 0 : unharmed_in_a_row + 1;
        harmed_count += harmed ? 1 : 0;
        at += stride;
    }
    printf("mode %s: %ld runs harmed\n", plan.mode, harmed_count);
    remove_folder(plan.folder, true);
    return fine && harmed_count > 0 ? 0 : 1;
}
