/** @file place.h Where a driver's databases are made, and their removal. */
#ifndef BENCH_ENGINES_PLACE_H
#define BENCH_ENGINES_PLACE_H

#include <stdbool.h>
#include <stdint.h>

enum { PLACE_LABEL_BYTES = 64, PLACE_URL_BYTES = 4608, PLACE_PART_BYTES = 512 };

/** A driver to be run, as it was asked for. */
typedef struct place_driver {
    char label[PLACE_LABEL_BYTES]; /**< In tables; no two are the same. */
    char scheme[PLACE_PART_BYTES]; /**< "sqlite", "fault+lmdb", "/path/own.so". */
    char params[PLACE_PART_BYTES]; /**< "key=value&…"; may be empty. */
    const char *server;            /**< URL that databases are made beside; NULL: none is used. */
    const char *given;             /**< A URL that is used as it is; NULL: places are made. */
} place_driver;

/**
 * Read NAME[?key=value&…] where `text` is such, or a URL, of which a server's stands for databases
 * that are made beside it.
 *
 * @param[in] server for drivers that need one; may be NULL
 * @return NULL, or what is wrong with it
 */
const char *place_parse(const char *text, bool is_url, const char *server, place_driver *out);

/** A database that was made. */
typedef struct place {
    const place_driver *driver;
    char url[PLACE_URL_BYTES];     /**< With the durability. */
    char folder[PLACE_PART_BYTES]; /**< Of its files; empty: there are none of its own. */
    char name[48];                 /**< On the server. */
} place;

/** Make a new one. @param[in] root folder for files; `number` tells it from the others.
 * @return false: said on stderr */
bool place_make(const place_driver *driver, const char *root, uint32_t number, uint32_t durability,
                place *out);

/** Whether another database of the driver can be made, as a control. */
bool place_can_repeat(const place_driver *driver);

/** Whether its databases are files in a folder of ours. */
bool place_has_files(const place_driver *driver);

/** Remove it; closed by then. */
void place_drop(place *p);

/** Allocated bytes of its files; 0 where it has none. */
uint64_t place_disk_bytes(const place *p);

#endif
