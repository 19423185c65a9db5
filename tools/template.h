/** @file template.h The files that `tenon new-driver` writes: those of tools/templates. */
#ifndef TENON_TOOLS_TEMPLATE_H
#define TENON_TOOLS_TEMPLATE_H

#include <stddef.h>

/** What stands for the driver's name, in texts and in names of files. */
#define TEMPLATE_NAME "yourname"

typedef struct template_file {
    const char *kit; /**< "kv", "sql" */
    const char *name;
    const unsigned char *bytes;
    size_t len;
} template_file;

extern const template_file template_files[];
extern const size_t template_file_count;

#endif
