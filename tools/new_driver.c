/* tenon new-driver */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "template.h"
#include "tool.h"

#define NEW_PATH_BYTES 4096
/* Of a driver's name, see tenon/driver.h. */
#define NEW_NAME_BYTES 16

/* Lower-case letters and digits, a letter first. Functions of the new driver begin with it, so it
 * is not what those of Tenon begin with. */
static const char *
new_refuse_name(const char *name)
{
    const size_t len = strlen(name);

    if (len == 0 || len > NEW_NAME_BYTES || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789") != len)
        return "is not a driver's name: at most 16 lower-case letters and digits, a letter first";
    if (strcmp(name, "tenon") == 0 || strcmp(name, "kv") == 0 || strcmp(name, "sql") == 0)
        return "is a name that Tenon's own functions begin with";
    return NULL;
}

/* Text of a template with the driver's name in it. @return its length, or SIZE_MAX: it is too long
 * for `out` */
static size_t
new_expand(const void *text, size_t len, const char *name, char *out, size_t out_bytes)
{
    const size_t mark_len = strlen(TEMPLATE_NAME), name_len = strlen(name);
    const char *from = text;
    size_t made = 0;

    for (size_t at = 0; at < len;) {
        const bool is_mark = len - at >= mark_len &&
                             memcmp(from + at, TEMPLATE_NAME, mark_len) == 0;
        const size_t take = is_mark ? name_len : 1;

        if (made + take >= out_bytes)
            return SIZE_MAX;
        memcpy(out + made, is_mark ? name : from + at, take);
        made += take;
        at += is_mark ? mark_len : 1;
    }
    out[made] = '\0';
    return made;
}

static int
new_path_too_long(const char *folder)
{
    tool_error(folder, "the path is too long");
    return TOOL_USAGE;
}

/* Write one file, which is not there. */
static int
new_write(const char *path, const char *text, size_t len)
{
    FILE *file = fopen(path, "wx");
    bool ok = file != NULL && fwrite(text, 1, len, file) == len;
    const int why = errno;

    if (file != NULL && fclose(file) != 0)
        ok = false;
    if (ok)
        return TOOL_GO_ON;
    tool_error(path, "can't be written: %s", strerror(why));
    return TOOL_FAILED;
}

static int
new_write_template(const char *folder, const char *name, const template_file *t)
{
    const size_t room = t->len * 2 + 1; /* a mark of 8 bytes becomes a name of 16 at most */
    char path[NEW_PATH_BYTES], file[64];
    char *text = malloc(room);
    int rc = TOOL_FAILED, len;
    size_t made;

    if (text == NULL) {
        tool_error(folder, "no memory");
        return TOOL_FAILED;
    }
    made = new_expand(t->bytes, t->len, name, text, room);
    (void)new_expand(t->name, strlen(t->name), name, file, sizeof file);
    len = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (len < 0 || (size_t)len >= sizeof path)
        rc = new_path_too_long(folder);
    else
        rc = new_write(path, text, made);
    if (rc == TOOL_GO_ON)
        (void)printf("%s\n", path);
    free(text);
    return rc;
}

static int
new_write_all(const char *folder, const char *name, const char *kit)
{
    int rc = TOOL_GO_ON;

    if (mkdir(folder, S_IRWXU | S_IRWXG | S_IRWXO) != 0) {
        const int why = errno;

        tool_error(folder, "can't be made: %s", strerror(why));
        return why == EEXIST ? TOOL_USAGE : TOOL_FAILED;
    }
    for (size_t i = 0; i < template_file_count && rc == TOOL_GO_ON; i++) {
        if (strcmp(template_files[i].kit, kit) == 0)
            rc = new_write_template(folder, name, &template_files[i]);
    }
    return rc;
}

/* What to do with it, on stderr: stdout names the files. The steps are those of
 * docs/writing-a-driver.md. */
static void
new_tell(const char *folder, const char *name)
{
    char prefix[NEW_PATH_BYTES];
    const bool known = tool_prefix(prefix, sizeof prefix);

    (void)fprintf(stderr,
                  "\nNext, as in docs/writing-a-driver.md:\n"
                  "  cd %s\n"
                  "  cmake -B build -DCMAKE_PREFIX_PATH=%s && cmake --build build\n"
                  "  %s%s check \"$PWD/build/%s.so\" --db '%s:@DIR@/db' --stop\n"
                  "The last one names the next function of %s.c to write.\n",
                  folder, known ? prefix : "...", known ? prefix : "",
                  known ? "/bin/tenon" : "tenon", name, name, name);
}

static bool
new_has_kit(const char *kit)
{
    for (size_t i = 0; i < template_file_count; i++) {
        if (strcmp(template_files[i].kit, kit) == 0)
            return true;
    }
    return false;
}

static int
new_command(const tool_command *command, int argc, char **argv)
{
    const char *arguments[TOOL_MAX_ARGUMENTS];
    const char *kit = NULL, *folder = NULL, *why;
    const tool_option choices[] = {
        { "--kit", TOOL_TEXT, &kit, 0, 0, "KIT",
          "kv: an ordered key-value engine; sql: an SQL engine" },
        { "--directory", TOOL_TEXT, &folder, 0, 0, "DIR", "the folder that is made (NAME)" },
    };
    int rc = tool_parse(command, choices, sizeof choices / sizeof choices[0], argc, argv,
                        arguments);

    if (rc != TOOL_GO_ON)
        return rc;
    why = new_refuse_name(arguments[0]);
    if (why != NULL) {
        tool_error(command->name, "'%s' %s", arguments[0], why);
        return TOOL_USAGE;
    }
    if (tool_has_driver(arguments[0], tool_driver_path())) {
        tool_error(command->name, "there is a driver named '%s' already: see tenon drivers",
                   arguments[0]);
        return TOOL_USAGE;
    }
    if (kit == NULL) {
        tool_error(command->name, "--kit is missing: kv for an ordered key-value engine, sql for "
                                  "an SQL engine");
        return TOOL_USAGE;
    }
    if (!new_has_kit(kit)) {
        tool_error(command->name, "--kit must be kv or sql, not %s", kit);
        return TOOL_USAGE;
    }
    if (folder == NULL)
        folder = arguments[0];
    rc = new_write_all(folder, arguments[0], kit);
    if (rc != TOOL_GO_ON)
        return rc;
    rc = tool_flush(TOOL_DONE);
    if (rc == TOOL_DONE)
        new_tell(folder, arguments[0]);
    return rc;
}

const tool_command tool_new_driver = {
    .name = "new-driver",
    .summary = "Make a folder with a driver to be written, its build and its test.",
    .arguments = { "NAME" },
    .details = "The folder is outside of Tenon's tree and builds against the installed Tenon. It "
               "must not\n"
               "exist. What each function has to do is in docs/writing-a-driver.md.\n",
    .run = new_command,
};
