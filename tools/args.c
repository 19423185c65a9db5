/* Arguments of a command, and its help. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

const char tool_exit_help[] =
    "exit status:\n"
    "  0    done, and nothing wrong was found\n"
    "  1    the data or the engine refused: a failure while running, a problem found\n"
    "  2    wrong usage or configuration: an option, a URL's parameter, a driver that is\n"
    "       not there, a file that can't be read or written to begin with\n"
    "  130  stopped by SIGINT or SIGTERM, at the end of an event\n";

static void
args_help_option(const char *name, const char *value, const char *help)
{
    char left[64];

    (void)snprintf(left, sizeof left, "%s%s%s", name, value != NULL ? " " : "",
                   value != NULL ? value : "");
    (void)printf("  %-16s %s\n", left, help);
}

static int
args_help(const tool_command *command, const tool_option *options, size_t option_count)
{
    (void)printf("usage: tenon %s", command->name);
    for (size_t i = 0; i < TOOL_MAX_ARGUMENTS && command->arguments[i] != NULL; i++)
        (void)printf(" %s", command->arguments[i]);
    (void)printf("%s\n\n%s\n\n", option_count > 0 ? " [OPTION]..." : "", command->summary);
    if (command->details != NULL)
        (void)printf("%s\n", command->details);
    (void)printf("options:\n");
    for (size_t i = 0; i < option_count; i++)
        args_help_option(options[i].name, options[i].value, options[i].help);
    args_help_option("--help", NULL, "this text");
    (void)printf("\n%s", tool_exit_help);
    return tool_flush(TOOL_DONE);
}

/* A decimal number; no sign, no blanks. */
static bool
args_number(const char *text, uint64_t *out)
{
    char *end;
    unsigned long long n;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    *out = n;
    return errno == 0 && *end == '\0';
}

static int
args_take(const char *command, const tool_option *option, const char *value)
{
    uint64_t n;

    if (option->kind == TOOL_TEXT) {
        *(const char **)option->out = value;
        return TOOL_GO_ON;
    }
    if (option->kind == TOOL_LIST) {
        tool_list *list = option->out;

        if (list->count == TOOL_MAX_LIST) {
            tool_error(command, "%s is given more than %d times", option->name, TOOL_MAX_LIST);
            return TOOL_USAGE;
        }
        list->items[list->count++] = value;
        return TOOL_GO_ON;
    }
    if (!args_number(value, &n) || n < option->min || n > option->max) {
        tool_error(command, "%s must be a number from %llu to %llu, not '%s'", option->name,
                   (unsigned long long)option->min, (unsigned long long)option->max, value);
        return TOOL_USAGE;
    }
    *(uint64_t *)option->out = n;
    return TOOL_GO_ON;
}

/* One option; `*at` moves on past its value. */
static int
args_option(const char *command, const tool_option *options, size_t option_count, int argc,
            char **argv, int *at)
{
    const char *arg = argv[*at];
    const size_t len = strcspn(arg, "=");
    const tool_option *option = NULL;

    for (size_t i = 0; i < option_count && option == NULL; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0)
            option = &options[i];
    if (option == NULL) {
        tool_error(command, "unknown option '%.*s'; see tenon %s --help", (int)len, arg, command);
        return TOOL_USAGE;
    }
    if (option->kind == TOOL_FLAG && arg[len] == '=') {
        tool_error(command, "%s takes no value", option->name);
        return TOOL_USAGE;
    }
    if (option->kind == TOOL_FLAG) {
        *(bool *)option->out = true;
        return TOOL_GO_ON;
    }
    if (arg[len] == '=')
        return args_take(command, option, arg + len + 1);
    if (*at + 1 >= argc) {
        tool_error(command, "%s needs %s", option->name, option->value);
        return TOOL_USAGE;
    }
    return args_take(command, option, argv[++*at]);
}

/* Put what was given in its places. */
static int
args_place(const tool_command *command, const char **given, size_t count, const char *db,
           const char *arguments[TOOL_MAX_ARGUMENTS])
{
    size_t needed = 0, most = 0;

    for (; most < TOOL_MAX_ARGUMENTS && command->arguments[most] != NULL; most++) {
        needed += command->arguments[most][0] != '[';
        arguments[most] = NULL;
    }
    if (db != NULL && count <= TOOL_MAX_ARGUMENTS)
        given[count++] = db;
    if (count > most) {
        tool_error(command->name, "too many arguments: '%s'; see tenon %s --help", given[most],
                   command->name);
        return TOOL_USAGE;
    }
    if (count < needed) {
        tool_error(command->name, "%s is missing; see tenon %s --help", command->arguments[count],
                   command->name);
        return TOOL_USAGE;
    }
    for (size_t i = 0; i < count; i++)
        arguments[i] = given[i];
    return TOOL_GO_ON;
}

int
tool_parse(const tool_command *command, const tool_option *options, size_t option_count, int argc,
           char **argv, const char *arguments[TOOL_MAX_ARGUMENTS])
{
    const char *given[TOOL_MAX_ARGUMENTS + 2];
    const char *db = NULL;
    bool all_options = true;
    size_t count = 0;
    int rc = TOOL_GO_ON;

    for (int i = 0; i < argc && rc == TOOL_GO_ON; i++) {
        const char *arg = argv[i];

        if (!all_options || arg[0] != '-' || arg[1] == '\0') {
            if (count <= TOOL_MAX_ARGUMENTS) /* one too many is enough to say so */
                given[count++] = arg;
        } else if (strcmp(arg, "--") == 0) {
            all_options = false;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            return args_help(command, options, option_count);
        } else if (strcmp(arg, "--db") == 0 && command->arguments[0] != NULL && i + 1 < argc) {
            db = argv[++i];
        } else {
            rc = args_option(command->name, options, option_count, argc, argv, &i);
        }
    }
    return rc == TOOL_GO_ON ? args_place(command, given, count, db, arguments) : rc;
}
