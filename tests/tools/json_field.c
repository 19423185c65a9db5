/* json_field FILE KEY[.KEY]...: print a member of a JSON file; in a list a key is a place, from 0
 * on. Exit status 1: it is no JSON, or has
 * no such member. Without KEY: whether it is JSON. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
main(int argc, char **argv)
{
    json_error_t err = { .text = "no file was named" };
    json_t *root = argc >= 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &err) : NULL;
    const json_t *at = root;
    char *keys = argc >= 3 ? argv[2] : NULL;

    if (root == NULL) {
        (void)fprintf(stderr, "%s: no JSON: %s\n", argc >= 2 ? argv[1] : "?", err.text);
        return 1;
    }
    for (char *key = keys != NULL ? strtok(keys, ".") : NULL; key != NULL; key = strtok(NULL, "."))
        at = json_is_array(at) ? json_array_get(at, strtoul(key, NULL, 10))
                               : json_object_get(at, key);
    if (at == NULL)
        (void)fprintf(stderr, "%s: there is no such member\n", argv[1]);
    else if (json_is_string(at))
        (void)printf("%s\n", json_string_value(at));
    else if (keys != NULL)
        (void)(json_dumpf(at, stdout, JSON_ENCODE_ANY | JSON_COMPACT) == 0 && putchar('\n'));
    json_decref(root);
    return at == NULL ? 1 : 0;
}
