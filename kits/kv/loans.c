/* Values that an engine has copied for the kit, or handed over to it. */
#include <stdlib.h>

#include "kv.h"

typedef struct tenon_kv_loan {
    struct tenon_kv_loan *older;
    const void *data;
    void *owner; /* of one that was handed over: what `release` frees */
    void (*release)(void *owner);
    unsigned char bytes[]; /* of a copy */
} tenon_kv_loan;

static void
loan_add(tenon_kv_loans *loans, tenon_kv_loan *loan, uint64_t len, tenon_kv_bytes *value)
{
    loan->older = loans->newest;
    loans->newest = loan;
    *value = (tenon_kv_bytes){ .data = loan->data, .len = len };
}

tenon_status
tenon_kv_lend(tenon_kv_loans *loans, const void *data, uint64_t len, tenon_kv_bytes *value,
              tenon_error *err)
{
    tenon_kv_loan *loan = malloc(sizeof *loan + (size_t)len + 1); /* no two are at one place */

    if (loan == NULL)
        return kv_no_memory(err);
    if (len > 0)
        memcpy(loan->bytes, data, (size_t)len);
    loan->data = loan->bytes;
    loan->release = NULL;
    loan_add(loans, loan, len, value);
    return TENON_OK;
}

tenon_status
tenon_kv_adopt(tenon_kv_loans *loans, const void *data, uint64_t len, void *owner,
               void (*release)(void *owner), tenon_kv_bytes *value, tenon_error *err)
{
    tenon_kv_loan *loan = malloc(sizeof *loan);

    if (loan == NULL) {
        release(owner);
        return kv_no_memory(err);
    }
    loan->data = data;
    loan->owner = owner;
    loan->release = release;
    loan_add(loans, loan, len, value);
    return TENON_OK;
}

void
tenon_kv_take_back(tenon_kv_loans *loans, const void *data)
{
    tenon_kv_loan **link = &loans->newest;

    while (*link != NULL) {
        tenon_kv_loan *loan = *link;

        if (data != NULL && data != loan->data) {
            link = &loan->older;
            continue;
        }
        *link = loan->older;
        if (loan->release != NULL)
            loan->release(loan->owner);
        free(loan);
        if (data != NULL) /* an engine may have handed over the same bytes twice */
            return;
    }
}
