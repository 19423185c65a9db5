/* Connections that stay with their threads. */
#include "core/parking.h"

#include "core/env.h"
#include "core/pool.h"

static tni_parking_place *
parking_own(tni_parking *parking, uintptr_t thread)
{
    /* tni_self is an address in the thread's stack or near it: these are far apart. */
    return &parking->places[tni_map_start((const void *)thread, TNI_PARKING_PLACES)];
}

tni_conn *
tni_parking_take(tni_parking *parking, uintptr_t thread)
{
    tni_parking_place *place = parking_own(parking, thread);

    if (atomic_load_explicit(&place->conn, memory_order_relaxed) == NULL)
        return NULL;
    tni_step();
    return atomic_exchange(&place->conn, NULL);
}

bool
tni_parking_put(tni_parking *parking, uintptr_t thread, tni_conn *conn)
{
    tni_parking_place *place = parking_own(parking, thread);
    tni_conn *found = NULL;

    if (atomic_load_explicit(&parking->crowded, memory_order_relaxed))
        return false;
    if (!atomic_compare_exchange_strong(&place->conn, &found, conn))
        return false;
    tni_step();
    /* Who waits says so first, then looks into all places: either he finds this connection, or it
     * is seen here that he waits. */
    if (!atomic_load(&parking->crowded))
        return true;
    tni_step();
    found = conn;
    return !atomic_compare_exchange_strong(&place->conn, &found, NULL);
}

tni_conn *
tni_parking_clear(tni_parking *parking, uint32_t *at)
{
    while (*at < TNI_PARKING_PLACES) {
        tni_parking_place *place = &parking->places[(*at)++];
        tni_conn *conn = NULL;

        tni_step();
        if (atomic_load(&place->conn) != NULL)
            conn = atomic_exchange(&place->conn, NULL);
        if (conn != NULL)
            return conn;
    }
    return NULL;
}

uint32_t
tni_parking_count(const tni_parking *parking)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < TNI_PARKING_PLACES; i++)
        count += atomic_load_explicit(&parking->places[i].conn, memory_order_relaxed) != NULL;
    return count;
}
