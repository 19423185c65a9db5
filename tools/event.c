/* Lines as events. */
#include "event.h"

#include <string.h>

#include "tenon/chat/types.h"

/* The end of the year 9999: chat_context takes no later time. */
#define EVENT_MAX_SECONDS INT64_C(253402300799)

#define EVENT_BIT(field) (1U << (field))

static const char *const event_field_names[EVENT_FIELDS] = {
    [EVENT_USER] = "user",   [EVENT_BY] = "by",          [EVENT_TO] = "to",
    [EVENT_ROOM] = "room",   [EVENT_ROLE_NAME] = "role", [EVENT_TEXT] = "text",
    [EVENT_EMAIL] = "email",
};

/* What each kind must have, and may have. Other fields of a line are not looked at. */
typedef struct event_kind {
    const char *name;
    event_op op;
    unsigned needs, takes;
} event_kind;

static const event_kind event_kinds[] = {
    { "say", EVENT_SAY, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM) | EVENT_BIT(EVENT_TEXT), 0 },
    { "join", EVENT_JOIN, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM) | EVENT_BIT(EVENT_BY), 0 },
    { "register", EVENT_REGISTER, EVENT_BIT(EVENT_USER), EVENT_BIT(EVENT_EMAIL) },
    { "delete_user", EVENT_DELETE_USER, EVENT_BIT(EVENT_USER), 0 },
    { "leave", EVENT_LEAVE, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM), 0 },
    { "rename", EVENT_RENAME, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_TO), 0 },
    { "create_room", EVENT_CREATE_ROOM, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM), 0 },
    { "kick", EVENT_KICK, EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM) | EVENT_BIT(EVENT_BY), 0 },
    { "role", EVENT_ROLE,
      EVENT_BIT(EVENT_USER) | EVENT_BIT(EVENT_ROOM) | EVENT_BIT(EVENT_BY) |
          EVENT_BIT(EVENT_ROLE_NAME),
      0 },
};

static const event_kind *
event_find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof event_kinds / sizeof event_kinds[0]; i++)
        if (strcmp(event_kinds[i].name, name) == 0)
            return &event_kinds[i];
    return NULL;
}

/* Member `name` of the line, of the type wanted. NULL: told on stderr. */
static const json_t *
event_member(const trace *t, const event *e, const char *name, json_type type)
{
    const json_t *member = json_object_get(e->json, name);

    if (member == NULL)
        trace_error(t, e->line, "field '%s' is missing", name);
    else if (json_typeof(member) != type)
        trace_error(t, e->line, "field '%s' must be %s", name,
                    type == JSON_INTEGER ? "a whole number" : "a text");
    else
        return member;
    return NULL;
}

static bool
event_read_time(const trace *t, event *e)
{
    const json_t *at = event_member(t, e, "at", JSON_INTEGER);
    json_int_t seconds;

    if (at == NULL)
        return false;
    seconds = json_integer_value(at);
    if (seconds < 1 || seconds > EVENT_MAX_SECONDS) {
        trace_error(t, e->line, "field 'at' must be seconds after 1970 and before 10000");
        return false;
    }
    e->now_us = (int64_t)seconds * 1000000;
    return true;
}

static bool
event_read_fields(const trace *t, event *e, const event_kind *kind)
{
    for (unsigned field = 0; field < EVENT_FIELDS; field++) {
        const char *name = event_field_names[field];
        const bool needed = (kind->needs & EVENT_BIT(field)) != 0;
        const json_t *member;

        if (!needed &&
            ((kind->takes & EVENT_BIT(field)) == 0 || json_object_get(e->json, name) == NULL))
            continue;
        member = event_member(t, e, name, JSON_STRING);
        if (member == NULL)
            return false;
        e->fields[field] = json_string_value(member);
        if (field == EVENT_TEXT)
            e->text_bytes = json_string_length(member);
    }
    return true;
}

static bool
event_read_role(const trace *t, event *e)
{
    const char *role = e->fields[EVENT_ROLE_NAME];

    if (e->op != EVENT_ROLE)
        return true;
    e->room_role = CHAT_ROOM_ADMIN;
    if (strcmp(role, chat_room_role_name(CHAT_ROOM_MEMBER)) == 0)
        e->room_role = CHAT_ROOM_MEMBER;
    else if (strcmp(role, chat_room_role_name(CHAT_ROOM_ADMIN)) != 0) {
        trace_error(t, e->line, "field 'role' must be admin or member, not '%.64s'", role);
        return false;
    }
    return true;
}

bool
event_parse(const trace *t, const char *line, size_t len, event *out)
{
    const event_kind *kind;
    const json_t *op;
    json_error_t err;

    memset(out, 0, sizeof *out);
    out->line = trace_line(t);
    out->json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &err);
    if (out->json == NULL) {
        trace_error(t, out->line, "malformed line: %s", err.text);
        return false;
    }
    if (!json_is_object(out->json)) {
        trace_error(t, out->line, "malformed line: it must be an object");
        goto failed;
    }
    op = event_member(t, out, "op", JSON_STRING);
    if (op == NULL)
        goto failed;
    kind = event_find_kind(json_string_value(op));
    if (kind == NULL) {
        trace_error(t, out->line, "unknown event '%.64s'", json_string_value(op));
        goto failed;
    }
    out->op = kind->op;
    if (event_read_time(t, out) && event_read_fields(t, out, kind) && event_read_role(t, out))
        return true;

failed:
    event_free(out);
    return false;
}

void
event_free(event *e)
{
    json_decref(e->json);
    memset(e, 0, sizeof *e);
}
