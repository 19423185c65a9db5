/* tenon bench: programs of their own, so that `tenon` links no engine. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

#define BENCH_PROGRAM "tenon-bench-"

/* Beside this program where it was built, and where it is installed. */
static const char *const bench_folders[] = { "", "../libexec/tenon/" };

/* The program of a benchmark. @return whether it is there and may be run */
static bool
bench_find(const char *name, char *out, size_t out_bytes)
{
    char folder[4096];
    const ssize_t len = readlink("/proc/self/exe", folder, sizeof folder - 1);
    char *slash;

    folder[len < 0 ? 0 : len] = '\0';
    slash = strrchr(folder, '/');
    if (slash == NULL)
        return false;
    slash[1] = '\0';
    for (size_t i = 0; i < sizeof bench_folders / sizeof bench_folders[0]; i++) {
        const int made = snprintf(out, out_bytes, "%s%s%s%s", folder, bench_folders[i],
                                  BENCH_PROGRAM, name);

        if (made > 0 && (size_t)made < out_bytes && access(out, X_OK) == 0)
            return true;
    }
    tool_error("bench", "%s%s is neither in %s nor in %s%s: install it, or build bench-%s",
               BENCH_PROGRAM, name, folder, folder, bench_folders[1], name);
    return false;
}

/* Which program it is that the first argument names. NULL: none */
static const char *
bench_program(const char *name)
{
    if (name == NULL || name[0] == '-' || strcmp(name, "compare") == 0 ||
        strcmp(name, "report") == 0)
        return "engines";
    return strcmp(name, "native") == 0 ? "native" : NULL;
}

/* `argv` ends with NULL, as main's, and has a place before it for the program's name. */
static int
bench_exec(const char *name, char **argv)
{
    char program[4200];
    const char *drivers = tool_driver_path();

    if (!bench_find(name, program, sizeof program))
        return TOOL_USAGE;
    /* It may be in another folder, from where it would look for plugins elsewhere. */
    if (drivers != NULL && setenv("TENON_DRIVER_PATH", drivers, 1) != 0)
        return TOOL_FAILED;
    (void)fflush(stdout);
    argv[0] = program;
    (void)execv(program, argv);
    tool_error(program, "can't be run: %s", strerror(errno));
    return TOOL_FAILED;
}

static int
bench_command(const tool_command *command, int argc, char **argv)
{
    const char *name = bench_program(argc > 0 ? argv[0] : NULL);

    (void)command;
    if (name == NULL) {
        tool_error("bench", "there is no benchmark '%s'; see tenon bench --help", argv[0]);
        return TOOL_USAGE;
    }
    /* The command's own name makes room for the program's where no benchmark is named. */
    return bench_exec(name, strcmp(name, "engines") == 0 ? argv - 1 : argv);
}

const tool_command tool_bench = {
    .name = "bench",
    .summary = "Compare drivers; `tenon bench native` times Tenon beside the engines' own APIs.",
    .run = bench_command,
};
