/** @file unit.h What every unit test includes. */
#ifndef TENON_TESTS_UNIT_H
#define TENON_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* needs those before it */

#define UNIT_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))

#endif
