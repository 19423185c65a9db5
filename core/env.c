/* Time, sleep and chance, from POSIX. */
#include "core/env.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<sys/random.h>)
#include <sys/random.h>
#define ENV_HAS_GETENTROPY 1
#endif
#endif

/* More than the coarse clock is ever behind: its ticks are 10 ms apart at most. */
#define ENV_COARSE_NS (250 * TNI_NS_PER_MS)

/* xoshiro256** of one thread. `epoch` says in which process it was seeded: a forked child must not
 * go on with its parent's numbers. */
typedef struct env_generator {
    uint64_t s[4];
    uint32_t epoch;
} env_generator;

static pthread_once_t env_once = PTHREAD_ONCE_INIT;
static atomic_uint env_epoch = 1;
static _Thread_local env_generator env_own;

uint64_t
tni_monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * TNI_NS_PER_S + (uint64_t)now.tv_nsec;
}

bool
tni_is_past(uint64_t until_ns)
{
#ifdef CLOCK_MONOTONIC_COARSE
    struct timespec now;

    /* The time of the kernel's last tick: never ahead of the precise one. */
    if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 &&
        (uint64_t)now.tv_sec * TNI_NS_PER_S + (uint64_t)now.tv_nsec + ENV_COARSE_NS < until_ns)
        return false;
#endif
    return tni_monotonic_ns() >= until_ns;
}

int64_t
tni_wall_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
tni_sleep_until_ns(uint64_t until_ns)
{
    struct timespec until = {
        .tv_sec = (time_t)(until_ns / TNI_NS_PER_S),
        .tv_nsec = (long)(until_ns % TNI_NS_PER_S),
    };
    int rc;

    do {
        rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    } while (rc == EINTR);
}

uintptr_t
tni_self(void)
{
    static _Thread_local char here;

    return (uintptr_t)&here;
}

void
tni_cond_init(tni_cond *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&cond->raw, &attr);
    (void)pthread_condattr_destroy(&attr);
}

bool
tni_cond_wait(tni_cond *cond, tni_mutex *mutex, uint64_t until_ns)
{
    const struct timespec until = {
        .tv_sec = (time_t)(until_ns / TNI_NS_PER_S),
        .tv_nsec = (long)(until_ns % TNI_NS_PER_S),
    };

    if (until_ns == UINT64_MAX)
        return pthread_cond_wait(&cond->raw, &mutex->raw) == 0;
    return pthread_cond_timedwait(&cond->raw, &mutex->raw, &until) != ETIMEDOUT;
}

static void *
env_thread_main(void *arg)
{
    const tni_thread *thread = arg;

    thread->fn(thread->arg);
    return NULL;
}

bool
tni_thread_start(tni_thread *thread, void (*fn)(void *arg), void *arg)
{
    sigset_t all, before;
    int rc;

    thread->fn = fn;
    thread->arg = arg;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the application's */
    rc = pthread_create(&thread->raw, NULL, env_thread_main, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0;
}

void
tni_thread_join(tni_thread *thread)
{
    (void)pthread_join(thread->raw, NULL);
}

/* Bytes from the device, for systems without the call. False: there is no device. */
static bool
env_read_device(unsigned char *out, size_t bytes)
{
    bool ok = false;
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        goto done;
    while (bytes > 0) {
        ssize_t n = read(fd, out, bytes);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            goto done;
        out += n;
        bytes -= (size_t)n;
    }
    ok = true;

done:
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

void
tni_random(void *out, size_t bytes)
{
    unsigned char *at = out;

#ifdef ENV_HAS_GETENTROPY
    while (bytes > 0) {
        size_t n = bytes < 256 ? bytes : 256; /* the most that one call gives */

        if (getentropy(at, n) != 0)
            break;
        at += n;
        bytes -= n;
    }
#endif
    if (bytes > 0 && !env_read_device(at, bytes))
        abort(); /* no promise about ids can be kept without it */
}

static void
env_forked(void)
{
    atomic_fetch_add(&env_epoch, 1);
}

static void
env_init(void)
{
    (void)pthread_atfork(NULL, NULL, env_forked);
}

uint32_t
tni_process_epoch(void)
{
    (void)pthread_once(&env_once, env_init);
    return atomic_load_explicit(&env_epoch, memory_order_relaxed); /* changed in a child only,
                                                                      before it has threads */
}

static inline uint64_t
env_rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t
env_next(void)
{
    const uint32_t epoch = tni_process_epoch();
    uint64_t *s = env_own.s;
    uint64_t result, t;

    if (env_own.epoch != epoch) {
        do {
            tni_random(s, sizeof env_own.s);
        } while ((s[0] | s[1] | s[2] | s[3]) == 0); /* a state that it never leaves */
        env_own.epoch = epoch;
    }
    result = env_rotate(s[1] * 5, 7) * 9;
    t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = env_rotate(s[3], 45);
    return result;
}

uint64_t
tni_random_below(uint64_t below)
{
    uint64_t reject, x;

    if (below <= 1)
        return 0;
    reject = (0 - below) % below; /* 2^64 mod below: the numbers that would favour some results */
    do {
        x = env_next();
    } while (x < reject);
    return x % below;
}
