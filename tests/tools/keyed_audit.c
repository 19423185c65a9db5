/* keyed_audit URL KEY: a database with one row of audit, its chain made with a key. */
#include <stdio.h>
#include <string.h>

#include "tenon/audit.h"
#include "tenon/tenon.h"

static tenon_status
body(tenon_txn *txn, void *arg, tenon_error *err)
{
    const tenon_audit_entry entry = { .size = sizeof entry, .actor = "ada", .action = "weave" };

    (void)arg;
    return tenon_audit(txn, &entry, err);
}

int
main(int argc, char **argv)
{
    tenon_open_options options = { .size = sizeof options, .audit_by_hand = true };
    tenon_error err = { 0 };
    tenon_db *db = NULL;
    tenon_status st;

    if (argc != 3)
        return 2;
    options.audit_key = argv[2];
    options.audit_key_bytes = (uint32_t)strlen(argv[2]);
    st = tenon_open(argv[1], &options, &db, &err);
    if (st == TENON_OK)
        st = tenon_run(db, NULL, body, NULL, &err);
    if (st != TENON_OK)
        (void)fprintf(stderr, "%s: %s\n", tenon_status_name(st), err.message);
    tenon_close(db);
    return st == TENON_OK ? 0 : 1;
}
