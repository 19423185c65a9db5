#include "proxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PROXY_PAIRS = 300, PROXY_READ = 65536 };

/* Bytes on their way. */
typedef struct chunk {
    struct chunk *next;
    uint64_t due_ns;
    size_t len, sent;
    unsigned char bytes[];
} chunk;

/* One direction of a connection. */
typedef struct way {
    int from, to;
    chunk *first, *last;
} way;

typedef struct pair {
    bool open;
    bool doomed; /* cut when the server answers */
    way to_server, to_client;
} pair;

struct pg_proxy {
    int listener, port;
    int wake[2];
    pthread_t thread;
    atomic_int to_port, hold, open_count, when;
    atomic_uint delay_us;
    atomic_bool over, cut, refuse;
    atomic_uint asked, done; /* changes that the thread is to have seen */
    _Atomic(const char *) words;
    pair pairs[PROXY_PAIRS];
};

static uint64_t
proxy_now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct sockaddr_in
proxy_address(int port)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void
proxy_tune(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* ---- Connections ---- */

static void
way_clear(way *w)
{
    while (w->first != NULL) {
        chunk *c = w->first;

        w->first = c->next;
        free(c);
    }
    w->last = NULL;
}

/* Close both ends at once, with a reset. */
static void
pair_cut(pg_proxy *p, pair *x)
{
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    if (!x->open)
        return;
    (void)setsockopt(x->to_server.from, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)setsockopt(x->to_server.to, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)close(x->to_server.from);
    (void)close(x->to_server.to);
    way_clear(&x->to_server);
    way_clear(&x->to_client);
    x->open = x->doomed = false;
    (void)atomic_fetch_sub(&p->open_count, 1);
}

static void
proxy_accept(pg_proxy *p)
{
    const struct sockaddr_in at = proxy_address(atomic_load(&p->to_port));
    const int client = accept(p->listener, NULL, NULL);
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    pair *x = p->pairs;

    while (x < p->pairs + PROXY_PAIRS && x->open)
        x++;
    if (client < 0 || server < 0 || x == p->pairs + PROXY_PAIRS || atomic_load(&p->refuse) ||
        connect(server, (const struct sockaddr *)&at, sizeof at) != 0) {
        if (client >= 0)
            (void)close(client);
        if (server >= 0)
            (void)close(server);
        return;
    }
    proxy_tune(client);
    proxy_tune(server);
    *x = (pair){ .open = true,
                 .to_server = { client, server, NULL, NULL },
                 .to_client = { server, client, NULL, NULL } };
    (void)atomic_fetch_add(&p->open_count, 1);
}

static bool
way_contains(const unsigned char *bytes, size_t len, const char *words)
{
    const size_t n = strlen(words);

    for (size_t i = 0; i + n <= len; i++) {
        if (memcmp(bytes + i, words, n) == 0 && (i + n == len || !isalpha(bytes[i + n])))
            return true;
    }
    return false;
}

/* Read what has come, for when it is due. @return false: this end has closed */
static bool
way_read(const pg_proxy *p, way *w, chunk **out)
{
    chunk *c = malloc(sizeof *c + PROXY_READ);
    ssize_t len;

    *out = NULL;
    if (c == NULL)
        return false;
    len = recv(w->from, c->bytes, PROXY_READ, 0);
    if (len <= 0) {
        const bool later = len < 0 && (errno == EAGAIN || errno == EINTR);

        free(c);
        return later;
    }
    c->len = (size_t)len;
    c->sent = 0;
    c->next = NULL;
    c->due_ns = proxy_now() + atomic_load(&p->delay_us) * 1000u;
    *out = c;
    return true;
}

static void
way_push(way *w, chunk *c)
{
    if (w->last == NULL)
        w->first = c;
    else
        w->last->next = c;
    w->last = c;
}

/* Send what is due. @return false: the other end has closed */
static bool
way_write(way *w, uint64_t now_ns)
{
    while (w->first != NULL && w->first->due_ns <= now_ns) {
        chunk *c = w->first;
        const ssize_t len = send(w->to, c->bytes + c->sent, c->len - c->sent, MSG_NOSIGNAL);

        if (len < 0)
            return errno == EAGAIN || errno == EINTR;
        c->sent += (size_t)len;
        if (c->sent < c->len)
            return true;
        w->first = c->next;
        if (w->first == NULL)
            w->last = NULL;
        free(c);
    }
    return true;
}

/* Bytes of the client, and what the rule says of them. @return false: cut */
static bool
pair_from_client(pg_proxy *p, pair *x)
{
    const char *words = atomic_load(&p->words);
    chunk *c;
    int when;

    if (!way_read(p, &x->to_server, &c))
        return false;
    if (c == NULL)
        return true;
    when = atomic_load(&p->when);
    if (when == PG_CUT_NEVER || words == NULL || !way_contains(c->bytes, c->len, words)) {
        way_push(&x->to_server, c);
        return true;
    }
    atomic_store(&p->when, PG_CUT_NEVER);
    if (when == PG_CUT_BEFORE) {
        free(c);
        return false;
    }
    way_push(&x->to_server, c);
    x->doomed = when == PG_CUT_BEFORE_ANSWER;
    return way_write(&x->to_server, UINT64_MAX) && when != PG_CUT_AT_ONCE;
}

/* Bytes of the server. @return false: cut */
static bool
pair_from_server(pg_proxy *p, pair *x)
{
    chunk *c;

    if (!way_read(p, &x->to_client, &c)) {
        (void)way_write(&x->to_client, UINT64_MAX); /* what it has said before it went */
        return false;
    }
    if (c != NULL && x->doomed) {
        free(c);
        return false;
    }
    if (c != NULL)
        way_push(&x->to_client, c);
    return true;
}

/* ---- The thread ---- */

static void
proxy_soonest(const way *w, uint64_t *soonest_ns)
{
    if (w->first != NULL && w->first->due_ns < *soonest_ns)
        *soonest_ns = w->first->due_ns;
}

/* Wait for something to do. @return descriptors that are watched */
static void
proxy_wait(pg_proxy *p, struct pollfd *fds, pair **owners, nfds_t *count)
{
    const int hold = atomic_load(&p->hold);
    uint64_t soonest_ns = UINT64_MAX, now_ns;
    struct timespec rest = { 3600, 0 };
    nfds_t n = 0;

    fds[n++] = (struct pollfd){ .fd = p->listener, .events = POLLIN };
    fds[n++] = (struct pollfd){ .fd = p->wake[0], .events = POLLIN };
    for (pair *x = p->pairs; x < p->pairs + PROXY_PAIRS; x++) {
        if (!x->open)
            continue;
        owners[n] = x;
        fds[n++] = (struct pollfd){ .fd = x->to_server.from,
                                    .events = hold & PG_TO_SERVER ? 0 : POLLIN };
        owners[n] = x;
        fds[n++] = (struct pollfd){ .fd = x->to_client.from,
                                    .events = hold & PG_TO_CLIENT ? 0 : POLLIN };
        proxy_soonest(&x->to_server, &soonest_ns);
        proxy_soonest(&x->to_client, &soonest_ns);
    }
    now_ns = proxy_now();
    if (soonest_ns != UINT64_MAX) {
        const uint64_t left_ns = soonest_ns > now_ns ? soonest_ns - now_ns : 0;

        rest = (struct timespec){ (time_t)(left_ns / 1000000000u), (long)(left_ns % 1000000000u) };
    }
    *count = n;
    (void)ppoll(fds, n, &rest, NULL);
}

static void
proxy_serve(pg_proxy *p, const struct pollfd *fds, pair **owners, nfds_t count)
{
    for (nfds_t i = 2; i + 1 < count; i += 2) {
        pair *x = owners[i];
        bool ok = x->open;

        if (ok && (fds[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && fds[i].events != 0)
            ok = pair_from_client(p, x);
        if (ok && (fds[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
            fds[i + 1].events != 0)
            ok = pair_from_server(p, x);
        if (!ok)
            pair_cut(p, x);
    }
    for (pair *x = p->pairs; x < p->pairs + PROXY_PAIRS; x++) {
        const uint64_t now_ns = proxy_now();

        if (x->open && (!way_write(&x->to_server, now_ns) || !way_write(&x->to_client, now_ns)))
            pair_cut(p, x);
    }
}

static void *
proxy_main(void *arg)
{
    static _Thread_local struct pollfd fds[2 + 2 * PROXY_PAIRS];
    static _Thread_local pair *owners[2 + 2 * PROXY_PAIRS];
    pg_proxy *p = arg;
    nfds_t count;
    char ignored[64];

    while (!atomic_load(&p->over)) {
        const unsigned seen = atomic_load(&p->asked);

        atomic_store(&p->done, seen);
        proxy_wait(p, fds, owners, &count);
        while (read(p->wake[0], ignored, sizeof ignored) > 0)
            ;
        proxy_serve(p, fds, owners, count);
        if (atomic_exchange(&p->cut, false)) {
            for (pair *x = p->pairs; x < p->pairs + PROXY_PAIRS; x++)
                pair_cut(p, x);
        }
        if ((fds[0].revents & POLLIN) != 0)
            proxy_accept(p);
    }
    for (pair *x = p->pairs; x < p->pairs + PROXY_PAIRS; x++)
        pair_cut(p, x);
    return NULL;
}

static void
proxy_poke(pg_proxy *p)
{
    (void)!write(p->wake[1], "!", 1);
}

/* Return when the thread has done as it was told: nothing is forwarded any more by the old rule. */
static void
proxy_tell(pg_proxy *p)
{
    const struct timespec pause = { 0, 100000 };
    const unsigned mine = atomic_fetch_add(&p->asked, 1) + 1;

    proxy_poke(p);
    while ((int)(atomic_load(&p->done) - mine) < 0)
        (void)nanosleep(&pause, NULL);
}

/* ---- For the test ---- */

pg_proxy *
pg_proxy_new(int to_port)
{
    pg_proxy *p = calloc(1, sizeof *p);
    struct sockaddr_in at = proxy_address(0);
    socklen_t len = sizeof at;

    if (p == NULL)
        return NULL;
    atomic_store(&p->to_port, to_port);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(p->listener, 200) != 0 ||
        getsockname(p->listener, (struct sockaddr *)&at, &len) != 0 || pipe(p->wake) != 0) {
        perror("proxy");
        free(p);
        return NULL;
    }
    p->port = ntohs(at.sin_port);
    (void)fcntl(p->wake[0], F_SETFL, O_NONBLOCK);
    (void)fcntl(p->listener, F_SETFD, FD_CLOEXEC);
    if (pthread_create(&p->thread, NULL, proxy_main, p) == 0)
        return p;
    free(p);
    return NULL;
}

void
pg_proxy_free(pg_proxy *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->over, true);
    proxy_poke(p);
    (void)pthread_join(p->thread, NULL);
    (void)close(p->listener);
    (void)close(p->wake[0]);
    (void)close(p->wake[1]);
    free(p);
}

int
pg_proxy_port(const pg_proxy *p)
{
    return p->port;
}

void
pg_proxy_redirect(pg_proxy *p, int to_port)
{
    atomic_store(&p->to_port, to_port);
}

void
pg_proxy_delay(pg_proxy *p, uint32_t delay_us)
{
    atomic_store(&p->delay_us, delay_us);
}

void
pg_proxy_cut(pg_proxy *p)
{
    atomic_store(&p->cut, true);
    proxy_tell(p);
}

void
pg_proxy_cut_at(pg_proxy *p, int when, const char *words)
{
    atomic_store(&p->words, words);
    atomic_store(&p->when, when);
}

void
pg_proxy_hold(pg_proxy *p, int directions)
{
    atomic_store(&p->hold, directions);
    proxy_tell(p);
}

void
pg_proxy_refuse(pg_proxy *p, bool refuse)
{
    atomic_store(&p->refuse, refuse);
}

bool
pg_proxy_is_armed(const pg_proxy *p)
{
    return atomic_load(&p->when) != PG_CUT_NEVER;
}

int
pg_proxy_open(const pg_proxy *p)
{
    return atomic_load(&p->open_count);
}
