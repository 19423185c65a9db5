/* The squares of Williams, 1949: one for an even number of sides; for an odd one, one and its
 * mirror. */
#include "order.h"

uint32_t
order_count(uint32_t sides)
{
    return sides % 2 == 0 || sides == 1 ? sides : 2 * sides;
}

uint32_t
order_side(uint32_t sides, uint32_t order, uint32_t place)
{
    /* 0, 1, n-1, 2, n-2, …: the differences of neighbours are all different. */
    const uint32_t from_end = order >= sides ? sides - 1 - place : place;
    const uint32_t step = from_end % 2 != 0 ? from_end / 2 + 1 : (sides - from_end / 2) % sides;

    return (step + order) % sides;
}
