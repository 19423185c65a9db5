/* elevated NAME: opens a database of a driver that only TENON_DRIVER_PATH could find. */
#include <stdio.h>
#include <stdlib.h>

#include "tenon/db.h"

int
main(int argc, char **argv)
{
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    char url[64];
    tenon_status st;

    (void)snprintf(url, sizeof url, "%s:", argc > 1 ? argv[1] : "sound");
    st = tenon_open(url, NULL, &db, &err);
    printf("%s: %s\n", tenon_status_name(st), st == TENON_OK ? "opened" : err.message);
    tenon_close(db);
    (void)fflush(stdout);
    _Exit(0); /* the leak sanitizer, which runs at exit, can't look into a set-uid process */
}
