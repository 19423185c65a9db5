/* Values that an engine has copied for the kit. */
#include <stdlib.h>

#include "kv.h"

typedef struct tenon_kv_loan {
    struct tenon_kv_loan *older;
    unsigned char bytes[];
} tenon_kv_loan;

tenon_status
tenon_kv_lend(tenon_kv_loans *loans, const void *data, uint64_t len, tenon_kv_bytes *value,
              tenon_error *err)
{
    tenon_kv_loan *loan = malloc(sizeof *loan + (size_t)len + 1); /* no two are at one place */

    if (loan == NULL)
        return kv_no_memory(err);
    if (len > 0)
        memcpy(loan->bytes, data, (size_t)len);
    loan->older = loans->newest;
    loans->newest = loan;
    *value = (tenon_kv_bytes){ .data = loan->bytes, .len = len };
    return TENON_OK;
}

void
tenon_kv_take_back(tenon_kv_loans *loans, const void *data)
{
    tenon_kv_loan **link = &loans->newest;

    while (*link != NULL) {
        tenon_kv_loan *loan = *link;

        if (data == NULL || data == loan->bytes) {
            *link = loan->older;
            free(loan);
        } else {
            link = &loan->older;
        }
    }
}
