/** @file event.h One event of a trace. */
#ifndef TENON_TOOLS_EVENT_H
#define TENON_TOOLS_EVENT_H

#include <jansson.h>

#include "trace.h"

/** What happened. */
typedef enum event_op {
    EVENT_REGISTER,
    EVENT_CREATE_ROOM,
    EVENT_JOIN,
    EVENT_LEAVE,
    EVENT_KICK,
    EVENT_ROLE,
    EVENT_RENAME,
    EVENT_SAY,
    EVENT_DELETE_USER
} event_op;

/** Fields of an event that hold text. */
typedef enum event_field {
    EVENT_USER,
    EVENT_BY,
    EVENT_TO,
    EVENT_ROOM,
    EVENT_ROLE_NAME,
    EVENT_TEXT,
    EVENT_EMAIL,
    EVENT_FIELDS
} event_field;

/** An event. */
typedef struct event {
    event_op op;
    uint32_t room_role; /**< EVENT_ROLE: CHAT_ROOM_ADMIN or CHAT_ROOM_MEMBER. */
    uint64_t line;
    int64_t now_us;
    const char *fields[EVENT_FIELDS]; /**< NULL where it has none. Owned by `json`. */
    size_t text_bytes;                /**< Of EVENT_TEXT. */
    json_t *json;                     /**< What event_free releases. */
} event;

/** Read a line as an event. False: it is none, which was told on stderr, and nothing is to be
 * released. */
bool event_parse(const trace *t, const char *line, size_t len, event *out);

/** Release; an event that is all zero is accepted. */
void event_free(event *e);

#endif
