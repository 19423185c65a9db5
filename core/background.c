/* Threads that work beside the callers. */
#include "core/background.h"

#include "core/error.h"

tenon_status
tni_background_start(tni_background *b, void (*fn)(void *arg), void *arg, const char *what,
                     tenon_error *err)
{
    tni_mutex_init(&b->lock);
    tni_cond_init(&b->wake);
    b->stopping = false;
    b->started = tni_thread_start(&b->thread, fn, arg);
    if (b->started)
        return TENON_OK;
    tni_cond_fini(&b->wake);
    tni_mutex_fini(&b->lock);
    return tni_fail(err, TENON_NO_MEMORY, NULL, "no thread to look after %s", what);
}

void
tni_background_stop(tni_background *b)
{
    if (!b->started)
        return;
    tni_mutex_lock(&b->lock);
    b->stopping = true;
    tni_cond_signal(&b->wake);
    tni_mutex_unlock(&b->lock);
    tni_thread_join(&b->thread);
    b->started = false;
    tni_cond_fini(&b->wake);
    tni_mutex_fini(&b->lock);
}
