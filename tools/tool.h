/** @file tool.h What the commands of `tenon` share: arguments, errors, opening, output. */
#ifndef TENON_TOOLS_TOOL_H
#define TENON_TOOLS_TOOL_H

#include <jansson.h>

#include "tenon/db.h"

/** Exit statuses; documented in every --help. */
enum {
    TOOL_DONE = 0,         /**< Done, and nothing wrong was found. */
    TOOL_FAILED = 1,       /**< The data or the engine refused. */
    TOOL_USAGE = 2,        /**< Wrong usage or configuration. */
    TOOL_INTERRUPTED = 130 /**< Stopped by SIGINT or SIGTERM. */
};

/** Not an exit status: go on. */
#define TOOL_GO_ON (-1)

/** Bytes of a URL with its password masked, as it is shown. */
#define TOOL_URL_BYTES 4352

/** What an option takes. */
typedef enum tool_kind { TOOL_FLAG, TOOL_NUMBER, TOOL_TEXT, TOOL_LIST } tool_kind;

enum { TOOL_MAX_ARGUMENTS = 4, TOOL_MAX_LIST = 16 };

/** What an option that may be given several times holds, in their order. */
typedef struct tool_list {
    const char *items[TOOL_MAX_LIST];
    size_t count;
} tool_list;

/** An option of a command. */
typedef struct tool_option {
    const char *name; /**< "--threads" */
    tool_kind kind;
    void *out;         /**< bool, uint64_t, const char * or tool_list; holds the default before. */
    uint64_t min, max; /**< TOOL_NUMBER. */
    const char *value; /**< What its value is called in the help; NULL for a flag. */
    const char *help;  /**< One line. */
} tool_option;

/** A command. */
typedef struct tool_command {
    const char *name;
    const char *summary;                       /**< One line. */
    const char *arguments[TOOL_MAX_ARGUMENTS]; /**< Names of what must be given, "URL" last;
 then, in brackets, of what may be. */
    const char *details;                       /**< Further text of its --help. */
    int (*run)(const struct tool_command *command, int argc, char **argv);
} tool_command;

extern const tool_command tool_drivers;
extern const tool_command tool_replay;
extern const tool_command tool_digest;
extern const tool_command tool_verify;
extern const tool_command tool_migrate;
extern const tool_command tool_generate;
extern const tool_command tool_compare;
extern const tool_command tool_bench;
extern const tool_command tool_calls;
extern const tool_command tool_new_driver;
extern const tool_command tool_check;
extern const tool_command tool_check_history;

/**
 * Read the arguments of a command. `--help` is answered here; `--db URL` is the same as the
 * argument URL.
 *
 * @param[in]  argv      from the first argument after the command's name on
 * @param[out] arguments as many as the command has; NULL for one that may be left out and was
 * @retval TOOL_GO_ON, or the exit status
 */
int tool_parse(const tool_command *command, const tool_option *options, size_t option_count,
               int argc, char **argv, const char *arguments[TOOL_MAX_ARGUMENTS]);

/** The exit statuses as text, for the help. */
extern const char tool_exit_help[];

/** `tenon: PLACE: message` on stderr. A password of a URL in `place` is masked. */
void tool_error(const char *place, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same of a call that failed; `err` may be empty. @return TOOL_FAILED, or TOOL_USAGE where the
 * status says that the configuration is wrong */
int tool_failed(const char *place, tenon_status status, const tenon_error *err);

/** Folders of plugins for `driver_path`: next to this program's folder, unless TENON_DRIVER_PATH
 * says where they are. NULL = none. Static. */
const char *tool_driver_path(void);

/** The folder above this program's. @return false: it is not known */
bool tool_prefix(char *out, size_t out_bytes);

/** Whether there is a driver of the name that `url` begins with, or is. */
bool tool_has_driver(const char *url, const char *driver_path);

/** Open, with `driver_path` filled in, and say what failed. @return TOOL_GO_ON or the exit status,
 * which tells a driver that is not there (TOOL_USAGE) from a database that is not (TOOL_FAILED) */
int tool_open(const char *url, tenon_open_options *options, tenon_db **out);

/** As tool_open, but a database that does not exist is no failure: `*out` is NULL then. */
int tool_open_existing(const char *url, tenon_open_options *options, tenon_db **out);

/** Write `root` to `out` (called `place` in an error) as indented JSON; consumes it, NULL is "no
 * memory". @return TOOL_GO_ON or TOOL_FAILED */
int tool_print_json(json_t *root, FILE *out, const char *place);

/** Check all that is stored: each problem as PLACE: WHAT to `out`, and how many there are. @return
 * TOOL_DONE, or TOOL_FAILED where there are problems or it can't be told */
int tool_verify_database(tenon_db *db, FILE *out);

/** Flush stdout. @return `status`, or TOOL_FAILED where something was not written */
int tool_flush(int status);

/** Name of a TENON_DURABLE_ value as it stands in a URL. */
const char *tool_durability(uint32_t durability);

#endif
