/** @file shop.h A schema in three versions, for the cases of migrations. */
#ifndef TENON_CHECK_CASES_SHOP_H
#define TENON_CHECK_CASES_SHOP_H

#include "check/conf.h"

/** Steps from version 1 to version 3, and where those of version 3 begin. */
enum { SHOP_STEPS = 9, SHOP_V3 = 5 };

extern const tenon_schema shop_v1, shop_v2, shop_v3;
extern const tenon_step shop_steps[SHOP_STEPS];

/** How often the data step of version 2 has run in this process. */
extern int shop_data_runs;

/** Fill version 1 with four people, and witness 1. */
void shop_fill(conf *c);
/** Look that all is in version 3 as it must be, and works. Leaves it as it was. */
void shop_check(conf *c);

/** Insert into the table witness, which is the same in all versions. */
tenon_status shop_witness(tenon_txn *txn, int64_t id, tenon_error *err);
/** The ids in it: "1;2". */
extern const tenon_query shop_witnesses;
/** Add a person (id, name, nick), in version 1. */
extern const tenon_query shop_add_person;
/** Remove the person with that id, in version 2. */
extern const tenon_query shop_remove_person;

#endif
