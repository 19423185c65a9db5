/* What each class of SQLSTATE means, from appendix A of PostgreSQL's manual: the exceptions first
 * to be got wrong, and of each class one that has no entry of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kits/sql/text.h"

static const struct state_case {
    const char *sqlstate;
    tenon_status status;
} state_cases[] = {
    /* connections */
    { "08000", TENON_UNAVAILABLE },
    { "08003", TENON_UNAVAILABLE },
    { "08006", TENON_UNAVAILABLE },
    { "08007", TENON_UNAVAILABLE },
    { "08P01", TENON_INTERNAL },
    /* what an engine does not offer */
    { "0A000", TENON_UNSUPPORTED },
    /* inputs */
    { "21000", TENON_INVALID },
    { "22000", TENON_INVALID },
    { "22001", TENON_INVALID },
    { "22003", TENON_INVALID },
    { "22012", TENON_INVALID },
    { "22021", TENON_INVALID },
    { "22P02", TENON_INVALID },
    /* constraints */
    { "23000", TENON_CONSTRAINT },
    { "23001", TENON_CONSTRAINT },
    { "23502", TENON_CONSTRAINT },
    { "23503", TENON_CONSTRAINT },
    { "23505", TENON_EXISTS },
    { "23514", TENON_CONSTRAINT },
    { "23P01", TENON_CONSTRAINT },
    { "2BP01", TENON_CONSTRAINT },
    { "44000", TENON_CONSTRAINT },
    { "P0001", TENON_CONSTRAINT },
    /* states of transactions */
    { "25001", TENON_INTERNAL },
    { "25006", TENON_READ_ONLY },
    { "25P01", TENON_INTERNAL },
    { "25P02", TENON_INTERNAL },
    { "25P03", TENON_UNAVAILABLE },
    { "25P04", TENON_TIMEOUT },
    { "2D000", TENON_INTERNAL },
    { "40000", TENON_CONFLICT },
    { "40001", TENON_CONFLICT },
    { "40002", TENON_CONSTRAINT },
    { "40003", TENON_UNAVAILABLE },
    { "40P01", TENON_CONFLICT },
    { "72000", TENON_CONFLICT },
    /* who may */
    { "28000", TENON_DENIED },
    { "28P01", TENON_DENIED },
    { "42501", TENON_DENIED },
    /* names */
    { "34000", TENON_INTERNAL },
    { "3D000", TENON_NOT_FOUND },
    { "3F000", TENON_SCHEMA },
    { "42601", TENON_SCHEMA },
    { "42703", TENON_SCHEMA },
    { "42P01", TENON_SCHEMA },
    { "42701", TENON_EXISTS },
    { "42710", TENON_EXISTS },
    { "42P04", TENON_EXISTS },
    { "42P06", TENON_EXISTS },
    { "42P07", TENON_EXISTS },
    /* resources and limits */
    { "53000", TENON_FULL },
    { "53100", TENON_FULL },
    { "53200", TENON_NO_MEMORY },
    { "53300", TENON_BUSY },
    { "53400", TENON_FULL },
    { "54000", TENON_INVALID },
    { "54001", TENON_INVALID },
    { "55000", TENON_UNSUPPORTED },
    { "55006", TENON_BUSY },
    { "55P03", TENON_BUSY },
    /* interventions */
    { "57000", TENON_UNAVAILABLE },
    { "57014", TENON_CANCELLED },
    { "57P01", TENON_UNAVAILABLE },
    { "57P02", TENON_UNAVAILABLE },
    { "57P03", TENON_UNAVAILABLE },
    { "57P05", TENON_UNAVAILABLE },
    /* the engine's own */
    { "58000", TENON_IO },
    { "58030", TENON_IO },
    { "58P01", TENON_CORRUPT },
    { "F0000", TENON_CONFIG },
    { "XX000", TENON_INTERNAL },
    { "XX001", TENON_CORRUPT },
    { "XX002", TENON_CORRUPT },
    /* none that is known */
    { "ZZ999", TENON_INTERNAL },
    { "", TENON_INTERNAL },
};

static void
each_sqlstate_has_its_status(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof state_cases / sizeof state_cases[0]; i++) {
        const tenon_status st = tenon_sql_state_status(state_cases[i].sqlstate);

        if (st != state_cases[i].status)
            fail_msg("%s: %s", state_cases[i].sqlstate, tenon_status_name(st));
    }
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sqlstate_has_its_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
