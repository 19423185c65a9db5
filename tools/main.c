/* The command line `tenon`. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const tool_command *const main_commands[] = {
    &tool_drivers,  &tool_check,  &tool_check_history, &tool_replay,
    &tool_compare,  &tool_digest, &tool_verify,        &tool_migrate,
    &tool_generate, &tool_bench,  &tool_calls,         &tool_new_driver,
};

#define MAIN_COMMAND_COUNT (sizeof main_commands / sizeof main_commands[0])

static int
main_help(void)
{
    (void)printf("usage: tenon COMMAND [ARGUMENT]... [OPTION]...\n\n");
    for (size_t i = 0; i < MAIN_COMMAND_COUNT; i++)
        (void)printf("  %-13s %s\n", main_commands[i]->name, main_commands[i]->summary);
    (void)printf(
        "\n"
        "tenon COMMAND --help tells more. A URL is DRIVER:PLACE?key=value&..., such as\n"
        "sqlite:/var/lib/chat.db, lmdb:chat.mdb?durability=os, memory:. Drivers are looked\n"
        "for in the folders of TENON_DRIVER_PATH or, without it, next to this program's\n"
        "folder (../lib/tenon/drivers), and where the library was installed.\n\n%s",
        tool_exit_help);
    return tool_flush(TOOL_DONE);
}

int
main(int argc, char **argv)
{
    if (argc < 2) {
        tool_error("usage", "COMMAND is missing; see tenon --help");
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return main_help();
    for (size_t i = 0; i < MAIN_COMMAND_COUNT; i++)
        if (strcmp(main_commands[i]->name, argv[1]) == 0)
            return main_commands[i]->run(main_commands[i], argc - 2, argv + 2);
    tool_error("usage", "unknown command '%s'; see tenon --help", argv[1]);
    return TOOL_USAGE;
}
