/*
 * Which events may overlap. Each event asks for keys: its users, its e-mail address and its room,
 * and one that all events share. A key is given to the events that ask for it in the order of the
 * trace, to one at a time, or to several that ask for it shared. An event begins once it has all of
 * its keys. All keys of an event are asked for at once, so there is no circle of waiting.
 *
 * Shared are the room, unless the event changes the room itself or what others may do in it
 * (create_room, kick, role), and the key of all, unless the event is a deletion: that reads and
 * changes all rooms of the user.
 */
#include "schedule.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Keys are told apart by their hash only: two that fall together cost a wait, nothing else. */
#define SCHEDULE_KEYS 16384
#define SCHEDULE_KEY_OF_ALL SCHEDULE_KEYS

enum { SCHEDULE_MAX_REQUESTS = 6 }; /* all, room, user, by, to, email */

typedef struct schedule_slot schedule_slot;

/* An event's place in the queue of a key. */
typedef struct schedule_request {
    schedule_slot *slot;
    struct schedule_request *before, *after;
    uint32_t key;
    bool exclusive, given;
} schedule_request;

struct schedule_slot {
    event event;
    size_t bytes;
    schedule_slot *next; /* in the list of free ones, or of those ready to begin */
    uint32_t request_count, missing_count;
    schedule_request requests[SCHEDULE_MAX_REQUESTS];
};

typedef struct schedule_queue {
    schedule_request *first, *last;
} schedule_queue;

typedef struct schedule_worker {
    schedule *schedule;
    unsigned number;
    pthread_t thread;
} schedule_worker;

struct schedule {
    schedule_fn fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t ready_cond; /* there is an event to begin, or the end */
    pthread_cond_t ended_cond; /* an event has ended */
    schedule_slot *free_list, *ready_first, *ready_last;
    uint32_t active_count; /* events added that have not ended */
    size_t active_bytes;
    uint64_t last_line; /* no event of a later line is begun */
    bool closing;
    unsigned thread_count;
    schedule_worker workers[SCHEDULE_MAX_THREADS];
    schedule_queue queues[SCHEDULE_KEYS + 1];
    schedule_slot slots[SCHEDULE_EVENTS];
};

/* ---- Keys ---- */

/* FNV-1a of a name without regard to ASCII case; `kind` keeps users and rooms apart. */
static uint32_t
schedule_key(char kind, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (unsigned char)kind;

    for (; *name != '\0'; name++) {
        const unsigned char c = (unsigned char)*name;

        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32U : c)) * UINT64_C(0x100000001b3);
    }
    return (uint32_t)((hash ^ hash >> 32) % SCHEDULE_KEYS);
}

static void
schedule_ask(schedule_slot *slot, uint32_t key, bool exclusive)
{
    schedule_request *r;

    for (uint32_t i = 0; i < slot->request_count; i++) {
        if (slot->requests[i].key == key) { /* a key once, in the stronger way */
            slot->requests[i].exclusive = slot->requests[i].exclusive || exclusive;
            return;
        }
    }
    r = &slot->requests[slot->request_count++];
    *r = (schedule_request){ .slot = slot, .key = key, .exclusive = exclusive };
}

static void
schedule_ask_all(schedule_slot *slot)
{
    const event *e = &slot->event;
    const bool changes_room = e->op == EVENT_CREATE_ROOM || e->op == EVENT_KICK ||
                              e->op == EVENT_ROLE;

    slot->request_count = 0;
    schedule_ask(slot, SCHEDULE_KEY_OF_ALL, e->op == EVENT_DELETE_USER);
    if (e->fields[EVENT_ROOM] != NULL)
        schedule_ask(slot, schedule_key('r', e->fields[EVENT_ROOM]), changes_room);
    for (unsigned field = EVENT_USER; field <= EVENT_TO; field++)
        if (e->fields[field] != NULL)
            schedule_ask(slot, schedule_key('u', e->fields[field]), true);
    if (e->fields[EVENT_EMAIL] != NULL)
        schedule_ask(slot, schedule_key('e', e->fields[EVENT_EMAIL]), true);
}

/* ---- Queues. The lock is held. ---- */

static void
schedule_make_ready(schedule *s, schedule_slot *slot)
{
    slot->next = NULL;
    if (s->ready_first == NULL)
        s->ready_first = slot;
    else
        s->ready_last->next = slot;
    s->ready_last = slot;
    (void)pthread_cond_signal(&s->ready_cond);
}

static void
schedule_enqueue(schedule *s, schedule_slot *slot)
{
    slot->missing_count = 0;
    for (uint32_t i = 0; i < slot->request_count; i++) {
        schedule_request *r = &slot->requests[i];
        schedule_queue *q = &s->queues[r->key];

        r->before = q->last;
        if (q->last != NULL)
            q->last->after = r;
        else
            q->first = r;
        q->last = r;
        r->given = r->before == NULL ||
                   (!r->exclusive && r->before->given && !r->before->exclusive);
        slot->missing_count += r->given ? 0 : 1;
    }
    if (slot->missing_count == 0)
        schedule_make_ready(s, slot);
}

/* Give the key to whoever is first now: to one, or to all that follow each other and ask for it
 * shared. Where the first has it already, those have it too. */
static void
schedule_give(schedule *s, const schedule_queue *q)
{
    schedule_request *r = q->first;

    while (r != NULL && !r->given && (!r->exclusive || r == q->first)) {
        r->given = true;
        if (--r->slot->missing_count == 0)
            schedule_make_ready(s, r->slot);
        r = r->exclusive ? NULL : r->after;
    }
}

static void
schedule_dequeue(schedule *s, schedule_slot *slot)
{
    for (uint32_t i = 0; i < slot->request_count; i++) {
        schedule_request *r = &slot->requests[i];
        schedule_queue *q = &s->queues[r->key];

        if (r->before != NULL)
            r->before->after = r->after;
        else
            q->first = r->after;
        if (r->after != NULL)
            r->after->before = r->before;
        else
            q->last = r->before;
        schedule_give(s, q);
    }
}

/* ---- Workers ---- */

/* One event: begin it where it may still begin. The lock is held before and after. */
static void
schedule_run(schedule *s, schedule_slot *slot, unsigned worker)
{
    const bool begins = slot->event.line <= s->last_line;
    bool ok = true;

    (void)pthread_mutex_unlock(&s->lock);
    if (begins)
        ok = s->fn(s->arg, worker, &slot->event);
    (void)pthread_mutex_lock(&s->lock);
    if (!ok && slot->event.line < s->last_line)
        s->last_line = slot->event.line;
    schedule_dequeue(s, slot);
    event_free(&slot->event);
    s->active_count--;
    s->active_bytes -= slot->bytes;
    slot->next = s->free_list;
    s->free_list = slot;
    (void)pthread_cond_signal(&s->ended_cond);
}

static void *
schedule_work(void *arg)
{
    const schedule_worker *worker = (const schedule_worker *)arg;
    schedule *s = worker->schedule;

    (void)pthread_mutex_lock(&s->lock);
    for (;;) {
        schedule_slot *slot = s->ready_first;

        if (slot != NULL) {
            s->ready_first = slot->next;
            schedule_run(s, slot, worker->number);
        } else if (s->closing) {
            break;
        } else {
            (void)pthread_cond_wait(&s->ready_cond, &s->lock);
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

schedule *
schedule_new(unsigned threads, schedule_fn fn, void *arg)
{
    schedule *s = (schedule *)calloc(1, sizeof *s);

    if (s == NULL) {
        tool_error("--threads", "out of memory");
        return NULL;
    }
    s->fn = fn;
    s->arg = arg;
    s->last_line = UINT64_MAX;
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->ready_cond, NULL);
    (void)pthread_cond_init(&s->ended_cond, NULL);
    for (uint32_t i = SCHEDULE_EVENTS; i-- > 0;) {
        s->slots[i].next = s->free_list;
        s->free_list = &s->slots[i];
    }
    for (; s->thread_count < threads; s->thread_count++) {
        schedule_worker *worker = &s->workers[s->thread_count];

        worker->schedule = s;
        worker->number = s->thread_count;
        if (pthread_create(&worker->thread, NULL, schedule_work, worker) != 0) {
            tool_error("--threads", "no more than %u threads can be started", s->thread_count);
            schedule_free(s);
            return NULL;
        }
    }
    return s;
}

bool
schedule_add(schedule *s, event *e, size_t bytes)
{
    schedule_slot *slot;
    bool ok;

    (void)pthread_mutex_lock(&s->lock);
    while (s->active_count == SCHEDULE_EVENTS ||
           (s->active_count > 0 && s->active_bytes + bytes > SCHEDULE_BYTES))
        (void)pthread_cond_wait(&s->ended_cond, &s->lock);
    ok = s->last_line == UINT64_MAX;
    if (ok) {
        slot = s->free_list;
        s->free_list = slot->next;
        slot->event = *e;
        slot->bytes = bytes;
        memset(e, 0, sizeof *e);
        s->active_count++;
        s->active_bytes += bytes;
        schedule_ask_all(slot);
        schedule_enqueue(s, slot);
    }
    (void)pthread_mutex_unlock(&s->lock);
    event_free(e);
    return ok;
}

void
schedule_drain(schedule *s)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->active_count > 0)
        (void)pthread_cond_wait(&s->ended_cond, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

void
schedule_free(schedule *s)
{
    if (s == NULL)
        return;
    schedule_drain(s);
    (void)pthread_mutex_lock(&s->lock);
    s->closing = true;
    (void)pthread_cond_broadcast(&s->ready_cond);
    (void)pthread_mutex_unlock(&s->lock);
    for (unsigned i = 0; i < s->thread_count; i++)
        (void)pthread_join(s->workers[i].thread, NULL);
    (void)pthread_cond_destroy(&s->ended_cond);
    (void)pthread_cond_destroy(&s->ready_cond);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}
