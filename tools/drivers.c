/* tenon drivers */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const struct {
    uint64_t bit;
    const char *word;
} drivers_words[] = {
    { TENON_CAP_PERSISTENT, "persistent" },
    { TENON_CAP_SINGLE_WRITER, "single-writer" },
    { TENON_CAP_MULTI_PROCESS, "multi-process" },
    { TENON_CAP_SAVEPOINTS, "savepoints" },
    { TENON_CAP_TRANSACTIONAL_DDL, "transactional-ddl" },
    { TENON_CAP_SQL, "sql" },
    { TENON_CAP_TWO_PHASE, "two-phase" },
    { TENON_CAP_READ_COMMITTED, "read-committed" },
    { TENON_CAP_SNAPSHOT, "snapshot" },
    { TENON_CAP_SERIALIZABLE, "serializable" },
    { TENON_CAP_DURABLE_POWER, "durable-power" },
    { TENON_CAP_DURABLE_OS, "durable-os" },
    { TENON_CAP_DURABLE_PROCESS, "durable-process" },
    { TENON_CAP_DURABLE_NONE, "durable-none" },
    { TENON_CAP_INTERRUPT, "interrupt" },
};

#define DRIVERS_WORD_COUNT (sizeof drivers_words / sizeof drivers_words[0])

static json_t *
drivers_capabilities(uint64_t bits)
{
    json_t *words = json_array();

    for (size_t i = 0; i < DRIVERS_WORD_COUNT; i++)
        if ((bits & drivers_words[i].bit) != 0)
            (void)json_array_append_new(words, json_string(drivers_words[i].word));
    return words;
}

/* The list as JSON: what the table is printed from too. */
typedef struct drivers_list {
    json_t *list;
    bool out_of_memory;
} drivers_list;

static void
drivers_note(void *arg, const tenon_driver_info *info)
{
    drivers_list *list = (drivers_list *)arg;
    char abi[24];
    json_t *driver;

    (void)snprintf(abi, sizeof abi, "%u.%u", info->abi_major, info->abi_minor);
    if (info->refused != NULL)
        driver = json_pack("{s:s, s:s, s:s}", "name", info->name, "path", info->path, "refused",
                           info->refused);
    else
        driver = json_pack("{s:s, s:s?, s:s, s:s?, s:o}", "name", info->name, "version",
                           info->version, "abi", abi, "path", info->path, "capabilities",
                           drivers_capabilities(info->capabilities));
    if (json_array_append_new(list->list, driver) != 0)
        list->out_of_memory = true;
}

static const char *
drivers_text(const json_t *driver, const char *key)
{
    const char *text = json_string_value(json_object_get(driver, key));

    return text != NULL ? text : "-";
}

/* Width of a column: its longest text. */
static int
drivers_width(const json_t *list, const char *key, const char *title)
{
    size_t width = strlen(title);

    for (size_t i = 0; i < json_array_size(list); i++) {
        const size_t len = strlen(drivers_text(json_array_get(list, i), key));

        width = len > width ? len : width;
    }
    return (int)width;
}

static void
drivers_print(const json_t *list)
{
    const int name = drivers_width(list, "name", "NAME");
    const int version = drivers_width(list, "version", "VERSION");
    const int abi = drivers_width(list, "abi", "ABI");
    const int path = drivers_width(list, "path", "PATH");

    (void)printf("%-*s  %-*s  %-*s  %-*s  %s\n", name, "NAME", version, "VERSION", abi, "ABI", path,
                 "PATH", "CAPABILITIES");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *driver = json_array_get(list, i);
        const json_t *words = json_object_get(driver, "capabilities");

        (void)printf("%-*s  %-*s  %-*s  %-*s  ", name, drivers_text(driver, "name"), version,
                     drivers_text(driver, "version"), abi, drivers_text(driver, "abi"), path,
                     drivers_text(driver, "path"));
        if (words == NULL)
            (void)printf("refused: %s", drivers_text(driver, "refused"));
        for (size_t w = 0; w < json_array_size(words); w++)
            (void)printf("%s%s", w > 0 ? " " : "", json_string_value(json_array_get(words, w)));
        (void)putchar('\n');
    }
}

static int
drivers_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    drivers_list list = { .out_of_memory = false };
    bool as_json = false;
    const tool_option choices[] = {
        { "--json", TOOL_FLAG, &as_json, 0, 0, NULL, "print as JSON" },
    };
    tenon_error err = { 0 };
    tenon_status status;
    int rc = tool_parse(command, choices, 1, argc, argv, arguments);

    if (rc != TOOL_GO_ON)
        return rc;
    list.list = json_array();
    status = tenon_drivers(tool_driver_path(), drivers_note, &list, &err);
    if (status == TENON_OK && (list.list == NULL || list.out_of_memory))
        status = TENON_NO_MEMORY;
    if (status != TENON_OK) {
        json_decref(list.list);
        return tool_failed("drivers", status, &err);
    }
    if (as_json)
        return tool_print_json(json_pack("{s:o}", "drivers", list.list), stdout, "stdout") ==
                       TOOL_GO_ON
                   ? TOOL_DONE
                   : TOOL_FAILED;
    drivers_print(list.list);
    json_decref(list.list);
    return tool_flush(TOOL_DONE);
}

const tool_command tool_drivers = {
    .name = "drivers",
    .summary = "Print the drivers found, what they can do, and why one was refused.",
    .details = "Folders are looked at in the order in which a URL's driver is looked for.\n",
    .run = drivers_command,
};
