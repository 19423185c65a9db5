/* The thread that owns what must be begun and ended by one. */
#include "core/keeper.h"

void
tni_keeper_init(tni_keeper *keeper)
{
    tni_mutex_init(&keeper->lock);
    tni_cond_init(&keeper->wake);
    tni_cond_init(&keeper->done);
}

void
tni_keeper_fini(tni_keeper *keeper)
{
    tni_mutex_lock(&keeper->lock);
    keeper->stopping = true;
    tni_cond_signal(&keeper->wake);
    tni_mutex_unlock(&keeper->lock);
    if (keeper->started)
        tni_thread_join(&keeper->thread);
    tni_cond_fini(&keeper->done);
    tni_cond_fini(&keeper->wake);
    tni_mutex_fini(&keeper->lock);
}

static void
keeper_main(void *arg)
{
    tni_keeper *keeper = arg;

    tni_mutex_lock(&keeper->lock);
    while (!keeper->stopping) {
        if (keeper->fn == NULL) {
            (void)tni_cond_wait(&keeper->wake, &keeper->lock, UINT64_MAX);
            continue;
        }
        tni_mutex_unlock(&keeper->lock);
        keeper->result = keeper->fn(keeper->arg);
        tni_mutex_lock(&keeper->lock);
        keeper->fn = NULL;
        keeper->answered = true;
        tni_cond_broadcast(&keeper->done);
    }
    tni_mutex_unlock(&keeper->lock);
}

tenon_status
tni_keeper_call(tni_keeper *keeper, tni_keeper_fn fn, void *arg)
{
    tenon_status st = TENON_NO_MEMORY;

    tni_mutex_lock(&keeper->lock);
    if (!keeper->started)
        keeper->started = tni_thread_start(&keeper->thread, keeper_main, keeper);
    if (!keeper->started)
        goto done;
    while (keeper->busy) /* with somebody else */
        (void)tni_cond_wait(&keeper->done, &keeper->lock, UINT64_MAX);
    keeper->busy = true;
    keeper->answered = false;
    keeper->arg = arg;
    keeper->fn = fn;
    tni_cond_signal(&keeper->wake);
    while (!keeper->answered)
        (void)tni_cond_wait(&keeper->done, &keeper->lock, UINT64_MAX);
    st = keeper->result;
    keeper->busy = false;
    tni_cond_broadcast(&keeper->done);

done:
    tni_mutex_unlock(&keeper->lock);
    return st;
}
