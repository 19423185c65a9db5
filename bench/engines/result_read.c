#include "result_read.h"

#include <string.h>

#include "result.h"
#include "tool.h"

const char *
result_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

const json_t *
result_find(const json_t *list, const char *key, const char *text)
{
    const json_t *entry;
    size_t i;

    json_array_foreach(list, i, entry)
    {
        if (strcmp(result_text(entry, key), text) == 0)
            return entry;
    }
    return NULL;
}

const json_t *
result_find_run(const json_t *load, const json_t *like)
{
    const json_int_t threads = json_integer_value(json_object_get(like, "threads"));
    const char *phase = result_text(like, "phase");
    const json_t *run;
    size_t i;

    json_array_foreach(json_object_get(load, "runs"), i, run)
    {
        if (json_integer_value(json_object_get(run, "threads")) == threads &&
            strcmp(result_text(run, "phase"), phase) == 0)
            return run;
    }
    return NULL;
}

const json_t *
result_find_driver(const json_t *run, const char *driver)
{
    const json_t *result;
    size_t i;

    json_array_foreach(json_object_get(run, "results"), i, result)
    {
        if (strcmp(result_text(result, "driver"), driver) == 0 &&
            !json_is_true(json_object_get(result, "control")))
            return result;
    }
    return NULL;
}

json_t *
result_read(const char *path)
{
    json_error_t err;
    json_t *result = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
    json_int_t version;

    if (result == NULL) {
        tool_error(path, "line %d: %s", err.line, err.text);
        return NULL;
    }
    version = json_integer_value(json_object_get(result, "schema_version"));
    if (strcmp(result_text(result, "schema"), "tenon-bench") == 0 &&
        version == RESULT_SCHEMA_VERSION)
        return result;
    if (strcmp(result_text(result, "schema"), "tenon-bench") == 0)
        tool_error(path, "its form is of version %lld, and this program knows %d",
                   (long long)version, RESULT_SCHEMA_VERSION);
    else
        tool_error(path, "it is no result of tenon bench");
    json_decref(result);
    return NULL;
}
