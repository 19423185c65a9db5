/** @file library.h A small database to be damaged, and what verify is to say of it. */
#ifndef TENON_TESTS_DAMAGE_LIBRARY_H
#define TENON_TESTS_DAMAGE_LIBRARY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs those before it */

#include "tenon/tenon.h"

/** The driver under test: "sqlite" or "lmdb". Each test has a file of its own. */
extern const char *const library_driver;
extern char library_path[64];

/** Titles of the first two books, as texts in the file. */
#define LIBRARY_FIRST "first-book"
#define LIBRARY_SECOND "second-book"

/** A file with one shelf (16 times the byte 7) and four books on it, two of them without
 * a title, with which verify is content.
 * A test's setup; library_teardown takes it away. */
int library_setup(void **state);
int library_teardown(void **state);

/** Verify; the test fails unless one of the problems is just "WHERE: WHAT". */
void library_expect(const char *problem);

/** Verify; the test fails if there is a problem. */
void library_expect_none(void);

/** Verify; the test fails unless that is TENON_CORRUPT as a whole. */
void library_expect_unreadable(void);

#define LIBRARY_CASE(test) cmocka_unit_test_setup_teardown(test, library_setup, library_teardown)

#endif
