/* Which events the scheduler lets overlap: random events on eight threads, each looked at against
 * all that are running beside it, and against the order of the trace. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "schedule.h"

enum { THREADS = 8, EVENTS = 6000, NAMES = 24 };

/* Users 0 … 11, then the same in other capitals. */
static char names[NAMES][8];

/* What has run: filled by the workers. */
static struct log {
    pthread_mutex_t lock;
    const event *running[THREADS];
    unsigned char ended[EVENTS + 1];
    event events[EVENTS + 1]; /* as they were added, by line */
    unsigned overlap_count, shared_room_count, begun_count, fault_count;
    uint64_t fails_at; /* line of the event that fails; 0 = none */
} the_log = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
log_same_name(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return false;
    for (; *a != '\0' && *b != '\0'; a++, b++)
        if ((*a | 0x20) != (*b | 0x20))
            return false;
    return *a == *b;
}

static bool
log_shares_user(const event *a, const event *b)
{
    for (unsigned i = EVENT_USER; i <= EVENT_TO; i++)
        for (unsigned j = EVENT_USER; j <= EVENT_TO; j++)
            if (log_same_name(a->fields[i], b->fields[j]))
                return true;
    return false;
}

static bool
log_changes_room(const event *e)
{
    return e->op == EVENT_CREATE_ROOM || e->op == EVENT_KICK || e->op == EVENT_ROLE;
}

/* Whether two events must keep their order: the rule as the documentation has it. */
static bool
log_must_wait(const event *a, const event *b)
{
    const char *room = a->fields[EVENT_ROOM], *email = a->fields[EVENT_EMAIL];

    if (a->op == EVENT_DELETE_USER || b->op == EVENT_DELETE_USER || log_shares_user(a, b))
        return true;
    if (email != NULL && log_same_name(email, b->fields[EVENT_EMAIL]))
        return true;
    return room != NULL && b->fields[EVENT_ROOM] != NULL &&
           strcmp(room, b->fields[EVENT_ROOM]) == 0 && (log_changes_room(a) || log_changes_room(b));
}

/* An event begins: nothing beside it that it must wait for, nothing before it left to be done. */
static void
log_begin(unsigned worker, const event *e)
{
    const uint64_t first = e->line > SCHEDULE_EVENTS ? e->line - SCHEDULE_EVENTS : 1;

    the_log.begun_count++;
    the_log.running[worker] = e;
    for (unsigned i = 0; i < THREADS; i++) {
        const event *other = the_log.running[i];

        if (other == NULL || other == e)
            continue;
        the_log.overlap_count++;
        if (e->fields[EVENT_ROOM] != NULL &&
            log_same_name(e->fields[EVENT_ROOM], other->fields[EVENT_ROOM]))
            the_log.shared_room_count++;
        if (log_must_wait(e, other))
            the_log.fault_count++;
    }
    for (uint64_t line = first; line < e->line; line++)
        if (!the_log.ended[line] && log_must_wait(e, &the_log.events[line]))
            the_log.fault_count++;
}

static bool
log_apply(void *arg, unsigned worker, const event *e)
{
    const struct timespec pause = { .tv_nsec = 1000 * (long)(1 + e->line % 50) };

    (void)arg;
    (void)pthread_mutex_lock(&the_log.lock);
    log_begin(worker, e);
    (void)pthread_mutex_unlock(&the_log.lock);
    (void)nanosleep(&pause, NULL);
    (void)pthread_mutex_lock(&the_log.lock);
    the_log.running[worker] = NULL;
    the_log.ended[e->line] = 1;
    (void)pthread_mutex_unlock(&the_log.lock);
    return e->line != the_log.fails_at;
}

static event
make_event(uint64_t line)
{
    static const char *const rooms[] = { "#a", "#b", "#c" };
    static const event_op ops[] = { EVENT_SAY,    EVENT_SAY,   EVENT_SAY,     EVENT_SAY,
                                    EVENT_JOIN,   EVENT_JOIN,  EVENT_KICK,    EVENT_ROLE,
                                    EVENT_RENAME, EVENT_LEAVE, EVENT_REGISTER };
    event e = { .line = line, .op = ops[(size_t)rand() % (sizeof ops / sizeof ops[0])] };

    if (rand() % 40 == 0)
        e.op = rand() % 2 == 0 ? EVENT_DELETE_USER : EVENT_CREATE_ROOM;
    e.fields[EVENT_USER] = names[rand() % NAMES];
    if (e.op == EVENT_RENAME)
        e.fields[EVENT_TO] = names[rand() % NAMES];
    if (e.op == EVENT_JOIN || e.op == EVENT_KICK || e.op == EVENT_ROLE)
        e.fields[EVENT_BY] = names[rand() % NAMES];
    if (e.op == EVENT_REGISTER && rand() % 2 == 0)
        e.fields[EVENT_EMAIL] = names[rand() % 4];
    if (e.op != EVENT_RENAME && e.op != EVENT_DELETE_USER && e.op != EVENT_REGISTER)
        e.fields[EVENT_ROOM] = rooms[rand() % 3];
    return e;
}

static int
clear_log(void **state)
{
    (void)state;
    srand(7);
    memset(the_log.ended, 0, sizeof the_log.ended);
    the_log.overlap_count = the_log.shared_room_count = 0;
    the_log.begun_count = the_log.fault_count = 0;
    the_log.fails_at = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        memcpy(names[i], "user-?", sizeof "user-?");
        names[i][5] = (char)((i < NAMES / 2 ? 'a' : 'A') + (int)(i % (NAMES / 2)));
    }
    for (uint64_t line = 1; line <= EVENTS; line++)
        the_log.events[line] = make_event(line);
    return 0;
}

static void
test_order(void **state)
{
    schedule *s = schedule_new(THREADS, log_apply, NULL);

    (void)state;
    assert_non_null(s);
    for (uint64_t line = 1; line <= EVENTS; line++) {
        event e = the_log.events[line];

        assert_true(schedule_add(s, &e, 100));
    }
    schedule_drain(s);
    assert_int_equal(the_log.begun_count, EVENTS);
    assert_int_equal(the_log.fault_count, 0);
    /* And it does let events overlap, in one room too. */
    assert_true(the_log.overlap_count > EVENTS / 10);
    assert_true(the_log.shared_room_count > EVENTS / 100);
    schedule_free(s);
}

static void
test_failure_stops_later_events(void **state)
{
    schedule *s = schedule_new(THREADS, log_apply, NULL);
    uint64_t line;

    (void)state;
    assert_non_null(s);
    the_log.fails_at = 2000;
    for (line = 1; line <= EVENTS; line++) {
        event e = the_log.events[line];

        if (!schedule_add(s, &e, 100))
            break;
    }
    schedule_drain(s);
    assert_true(line > 2000 && line < 2000 + 2 * SCHEDULE_EVENTS);
    for (uint64_t before = 1; before <= 2000; before++)
        assert_true(the_log.ended[before]);
    /* Of those after it, the ones that were running at that moment. */
    assert_true(the_log.begun_count < 2000 + SCHEDULE_EVENTS);
    schedule_free(s);
}

static void
test_large_lines_are_bounded(void **state)
{
    schedule *s = schedule_new(2, log_apply, NULL);

    (void)state;
    assert_non_null(s);
    for (uint64_t line = 1; line <= 100; line++) {
        event e = the_log.events[line];

        assert_true(schedule_add(s, &e, (size_t)SCHEDULE_BYTES + 1));
        (void)pthread_mutex_lock(&the_log.lock);
        for (uint64_t before = 1; before < line; before++)
            assert_true(the_log.ended[before]);
        (void)pthread_mutex_unlock(&the_log.lock);
    }
    schedule_free(s);
    assert_int_equal(the_log.begun_count, 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order, clear_log),
        cmocka_unit_test_setup(test_failure_stops_later_events, clear_log),
        cmocka_unit_test_setup(test_large_lines_are_bounded, clear_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
