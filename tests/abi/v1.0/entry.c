/* The entry point. */
#include "store.h"

const tenon_driver *
tenon_driver_v1(const tenon_host *host)
{
    return store_v1_0(host);
}
