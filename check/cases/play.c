/* Sessions, and what they do. */
#include "play.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* After so long a step that has to wait for another session counts as waiting, and the others go
 * on. What is found at the end holds however long it takes. */
#define PLAY_GRACE_MS 40
/* The same for a step that needs not: on an engine whose readers lock, say. */
#define PLAY_PATIENCE_MS 3000
#define PLAY_TIMEOUT_MS 20000

enum { ITEM_ID, ITEM_N }; /* as in items.c */

static const tenon_query play_read_all = {
    .name = "play all",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_ID, ITEM_N),
    .order = TENON_ORDER(TENON_ASC(ITEM_ID)),
};

static const tenon_query play_read_n = {
    .name = "play with n",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_ID, ITEM_N),
    .where = TENON_WHERE(TENON_EQ(ITEM_N, 0)),
    .order = TENON_ORDER(TENON_ASC(ITEM_ID)),
};

static const tenon_query play_read_from = {
    .name = "play from n on",
    .kind = TENON_SELECT,
    .table = &item_table,
    .columns = TENON_COLUMNS(ITEM_ID, ITEM_N),
    .where = TENON_WHERE(TENON_GE(ITEM_N, 0)),
    .order = TENON_ORDER(TENON_ASC(ITEM_ID)),
};

static const tenon_query play_set_where = {
    .name = "play set where n",
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_TO(ITEM_N, 1)),
    .where = TENON_WHERE(TENON_EQ(ITEM_N, 0)),
};

static const tenon_query play_add_all = {
    .name = "play add to all",
    .kind = TENON_UPDATE,
    .table = &item_table,
    .set = TENON_SET(TENON_PLUS(ITEM_N, 0)),
};

static const tenon_query play_delete_where = {
    .name = "play delete where n",
    .kind = TENON_DELETE,
    .table = &item_table,
    .where = TENON_WHERE(TENON_EQ(ITEM_N, 0)),
};

static const tenon_query play_delete_all = {
    .name = "play delete all",
    .kind = TENON_DELETE,
    .table = &item_table,
};

struct play_stage;

/* A session. Its thread works on what is posted; the rest is under the stage's lock. */
typedef struct play_session {
    struct play_stage *stage;
    pthread_t thread;
    uint8_t number;
    bool is_used, read_only, writes;
    tenon_txn *txn; /* the thread's own */
    tenon_error err;
    uint32_t posted, done; /* steps, its begin included */
} play_session;

typedef struct play_stage {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    tenon_db *db;
    const play_step *steps;
    play_outcome *outcome;
    uint32_t isolation;
    play_session sessions[PLAY_SESSIONS + 1];
} play_stage;

/* ---- Steps, on the session's thread ---- */

static tenon_status
play_query(play_session *s, const tenon_query *query, const tenon_value *params, play_result *out)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    size_t len = 0;
    tenon_status st = tenon_select(s->txn, query, params, &cursor, &s->err);

    while (st == TENON_OK && (st = tenon_next(cursor, &row, &s->err)) == TENON_OK) {
        if (len > 0 && len < sizeof out->rows - 1)
            out->rows[len++] = ';';
        len += conf_show_row(row, query->columns.count, out->rows + len, sizeof out->rows - len);
    }
    tenon_cursor_close(cursor);
    return st == TENON_NOT_FOUND ? TENON_OK : st;
}

static tenon_status
play_write(play_session *s, const tenon_query *query, const tenon_value *params, play_result *out)
{
    return tenon_exec(s->txn, query, params, &out->affected, &s->err);
}

static tenon_status
play_act_on(play_session *s, const play_step *step, play_result *out)
{
    const tenon_value id = tenon_int(step->id), n = tenon_int(step->n);

    switch (step->act) {
    case PLAY_READ:
        return play_query(s, &item_get_n, &id, out);
    case PLAY_READ_ALL:
        return play_query(s, &play_read_all, NULL, out);
    case PLAY_READ_N:
        return play_query(s, &play_read_n, &n, out);
    case PLAY_READ_FROM:
        return play_query(s, &play_read_from, &n, out);
    case PLAY_SET:
        return play_write(s, &item_set_n, P(id, n), out);
    case PLAY_SET_WHERE:
        return play_write(s, &play_set_where, P(id, n), out);
    case PLAY_ADD_ALL:
        return play_write(s, &play_add_all, &n, out);
    case PLAY_INSERT:
        return play_write(s, &item_insert, P(id, n, NIL), out);
    case PLAY_DELETE_WHERE:
        return play_write(s, &play_delete_where, &n, out);
    default:
        return TENON_INTERNAL;
    }
}

static void
play_do(play_session *s, const play_step *step, play_result *out)
{
    play_outcome *outcome = s->stage->outcome;

    if (s->txn == NULL) /* it has failed before */
        return;
    if (step->act == PLAY_COMMIT) {
        out->status = tenon_commit(s->txn, &s->err);
        outcome->committed[s->number] = out->status == TENON_OK;
        s->txn = NULL;
    } else if (step->act == PLAY_ROLLBACK) {
        tenon_rollback(s->txn);
        s->txn = NULL;
    } else {
        out->status = play_act_on(s, step, out);
    }
    out->done = true;
    if (out->status == TENON_OK)
        return;
    outcome->failed[s->number] = out->status;
    tenon_rollback(s->txn);
    s->txn = NULL;
}

static void
play_begin(play_session *s)
{
    const tenon_txn_options options = { .size = sizeof options,
                                        .name = "play",
                                        .isolation = s->stage->isolation,
                                        .timeout_ms = PLAY_TIMEOUT_MS,
                                        .read_only = s->read_only };

    s->stage->outcome->failed[s->number] = tenon_begin(s->stage->db, &options, &s->txn, &s->err);
}

static void *
play_thread(void *arg)
{
    play_session *s = (play_session *)arg;
    play_stage *stage = s->stage;
    uint32_t at = 0; /* of all steps */

    play_begin(s);
    for (;;) {
        (void)pthread_mutex_lock(&stage->lock);
        s->done++;
        (void)pthread_cond_broadcast(&stage->moved);
        while (s->done == s->posted)
            (void)pthread_cond_wait(&stage->moved, &stage->lock);
        (void)pthread_mutex_unlock(&stage->lock);
        while (stage->steps[at].act != PLAY_END && stage->steps[at].session != s->number)
            at++;
        if (stage->steps[at].act == PLAY_END)
            break;
        play_do(s, &stage->steps[at], &stage->outcome->steps[at]);
        at++;
    }
    tenon_rollback(s->txn);
    return NULL;
}

/* ---- The main thread ---- */

/* Wait until the session has done what was posted, or waits for another one. */
static void
play_follow(play_stage *stage, play_session *s, uint32_t longest_ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += longest_ms / 1000;
    until.tv_nsec += (long)(longest_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (s->done < s->posted &&
           pthread_cond_timedwait(&stage->moved, &stage->lock, &until) != ETIMEDOUT)
        ;
}

/* Give a session its next step. One that waits for another gets it for later. */
static void
play_post(play_stage *stage, play_session *s, bool may_wait)
{
    bool waits;

    (void)pthread_mutex_lock(&stage->lock);
    waits = s->done < s->posted;
    s->posted++;
    (void)pthread_cond_broadcast(&stage->moved);
    if (!waits)
        play_follow(stage, s, may_wait ? PLAY_GRACE_MS : PLAY_PATIENCE_MS);
    (void)pthread_mutex_unlock(&stage->lock);
}

static void
play_cast(play_stage *stage, bool read_only)
{
    for (const play_step *step = stage->steps; step->act != PLAY_END; step++) {
        play_session *s = &stage->sessions[step->session];

        s->is_used = true;
        s->writes |= step->act >= PLAY_SET && step->act < PLAY_COMMIT;
    }
    for (int i = 1; i <= PLAY_SESSIONS; i++) {
        stage->sessions[i].stage = stage;
        stage->sessions[i].number = (uint8_t)i;
        stage->sessions[i].read_only = read_only && !stage->sessions[i].writes;
    }
}

/* All begin. Where there is one writer, the second one waits. */
static void
play_open(play_stage *stage)
{
    bool writer = false;

    for (int i = 1; i <= PLAY_SESSIONS; i++) {
        play_session *s = &stage->sessions[i];

        if (!s->is_used)
            continue;
        s->posted = 1;
        CHECK_INT(pthread_create(&s->thread, NULL, play_thread, s), 0);
        (void)pthread_mutex_lock(&stage->lock);
        play_follow(stage, s,
                    writer && !s->read_only && conf_can(TENON_CAP_SINGLE_WRITER)
                        ? PLAY_GRACE_MS
                        : PLAY_PATIENCE_MS);
        (void)pthread_mutex_unlock(&stage->lock);
        writer |= !s->read_only;
    }
}

static void
play_close(play_stage *stage)
{
    for (int i = 1; i <= PLAY_SESSIONS; i++) {
        play_session *s = &stage->sessions[i];

        if (!s->is_used)
            continue;
        (void)pthread_mutex_lock(&stage->lock);
        s->posted++; /* there is no such step: the end */
        (void)pthread_cond_broadcast(&stage->moved);
        (void)pthread_mutex_unlock(&stage->lock);
        CHECK_INT(pthread_join(s->thread, NULL), 0);
    }
}

static void
play_look(conf *c, play_outcome *out)
{
    tenon_cursor *cursor = NULL;
    const tenon_value *row;
    size_t len = 0;

    BEGIN_READ(c, &c->txn);
    OK(c, tenon_select(c->txn, &play_read_all, NULL, &cursor, &c->err));
    while (tenon_next(cursor, &row, &c->err) == TENON_OK) {
        if (len > 0 && len < sizeof out->left - 1)
            out->left[len++] = ';';
        len += conf_show_row(row, 2, out->left + len, sizeof out->left - len);
    }
    tenon_cursor_close(cursor);
    COMMIT(c);
}

void
play(conf *c, const play_step *steps, uint32_t isolation, bool read_only, play_outcome *out)
{
    play_stage stage = { .db = c->db, .steps = steps, .outcome = out, .isolation = isolation };
    pthread_condattr_t attr;

    memset(out, 0, sizeof *out);
    BEGIN(c);
    OK(c, tenon_exec(c->txn, &play_delete_all, NULL, &c->affected, &c->err));
    ITEM(c, 1, 10);
    ITEM(c, 2, 20);
    COMMIT(c);
    CHECK_INT(pthread_mutex_init(&stage.lock, NULL), 0);
    CHECK_INT(pthread_condattr_init(&attr), 0);
    CHECK_INT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
    CHECK_INT(pthread_cond_init(&stage.moved, &attr), 0);
    play_cast(&stage, read_only);
    play_open(&stage);
    for (const play_step *step = steps; step->act != PLAY_END; step++)
        play_post(&stage, &stage.sessions[step->session], step->may_wait);
    play_close(&stage);
    (void)pthread_cond_destroy(&stage.moved);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_destroy(&stage.lock);
    play_look(c, out);
}

/* ---- In words ---- */

static int
play_show_step(const play_step *step, char *out, size_t out_bytes)
{
    const long long id = step->id, n = step->n;

    switch (step->act) {
    case PLAY_READ:
        return snprintf(out, out_bytes, "T%u reads %lld", step->session, id);
    case PLAY_READ_ALL:
        return snprintf(out, out_bytes, "T%u reads all", step->session);
    case PLAY_READ_N:
        return snprintf(out, out_bytes, "T%u reads n = %lld", step->session, n);
    case PLAY_READ_FROM:
        return snprintf(out, out_bytes, "T%u reads n >= %lld", step->session, n);
    case PLAY_SET:
        return snprintf(out, out_bytes, "T%u sets %lld to %lld", step->session, id, n);
    case PLAY_SET_WHERE:
        return snprintf(out, out_bytes, "T%u sets n = %lld to %lld", step->session, id, n);
    case PLAY_ADD_ALL:
        return snprintf(out, out_bytes, "T%u adds %lld to all", step->session, n);
    case PLAY_INSERT:
        return snprintf(out, out_bytes, "T%u inserts %lld %lld", step->session, id, n);
    case PLAY_DELETE_WHERE:
        return snprintf(out, out_bytes, "T%u deletes n = %lld", step->session, n);
    case PLAY_COMMIT:
        return snprintf(out, out_bytes, "T%u commits", step->session);
    default:
        return snprintf(out, out_bytes, "T%u rolls back", step->session);
    }
}

void
play_show(const play_step *steps, const play_outcome *outcome, char *out, size_t out_bytes)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; steps[i].act != PLAY_END && len + 1 < out_bytes; i++) {
        const play_result *result = &outcome->steps[i];

        if (i > 0)
            len += (size_t)snprintf(out + len, out_bytes - len, ", ");
        if (len + 1 < out_bytes)
            len += (size_t)play_show_step(&steps[i], out + len, out_bytes - len);
        if (len + 1 >= out_bytes)
            break;
        if (!result->done)
            len += (size_t)snprintf(out + len, out_bytes - len, ": not done");
        else if (result->status != TENON_OK)
            len += (size_t)snprintf(out + len, out_bytes - len, ": %s",
                                    tenon_status_name(result->status));
        else if (steps[i].act < PLAY_SET)
            len += (size_t)snprintf(out + len, out_bytes - len, ": '%s'", result->rows);
        else if (steps[i].act < PLAY_COMMIT)
            len += (size_t)snprintf(out + len, out_bytes - len, ": %llu",
                                    (unsigned long long)result->affected);
    }
    if (len + 1 < out_bytes)
        (void)snprintf(out + len, out_bytes - len, "; left: '%s'", outcome->left);
}
