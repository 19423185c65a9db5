/** @file database.h Empty databases on a server that somebody else has started. */
#ifndef TENON_TESTS_POSTGRES_DATABASE_H
#define TENON_TESTS_POSTGRES_DATABASE_H

#include <stdbool.h>
#include <stddef.h>

/** Make what is as good as an empty database, in a hundredth of its time: a schema that the URL's
 * connections look into. It goes with the server. @param[in] server the URL of a database
 * @param[in] name lower-case letters, digits and _ @return false: said on stderr */
bool pg_database_make(const char *server, const char *name, char *url, size_t url_bytes);

#endif
