/* What a frozen layout.inc says holds for the headers that this is compiled with. EXACT: they are
 * those that it was made of, nothing has been appended. */
#include "tenon/driver.h"

#define ABI_FROZEN(type, bytes)                                                                    \
    _Static_assert(sizeof(type) == (bytes), #type " is frozen: it has another size");
#ifdef EXACT
#define ABI_GROWS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size");
#else
#define ABI_GROWS(type, bytes) _Static_assert(sizeof(type) >= (bytes), #type " has lost a member");
#endif
#define ABI_MEMBER(type, member, offset, bytes, what)                                              \
    _Static_assert(offsetof(type, member) == (offset), #type ": " #member " has moved");           \
    _Static_assert(sizeof(((type *)0)->member) == (bytes),                                         \
                   #type ": " #member " has another size");                                        \
    _Static_assert(_Generic(((type *)0)->member, what : 1, default : 0),                           \
                   #type ": " #member " has another type");
#define ABI_VALUE(name, number) _Static_assert((name) == (number), #name " has another value");

#include "layout.inc"

int tenon_layout_holds(void);

int
tenon_layout_holds(void)
{
    return 1;
}
