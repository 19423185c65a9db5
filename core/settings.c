/* Options by their names. */
#include "tenon/settings.h"

#include <stddef.h>
#include <string.h>

#include "core/error.h"

/* How a value becomes that of a field. */
enum {
    AS_IT_IS,
    NONE_IS_MAX, /* 0 means none, which the struct writes as UINT32_MAX */
    REVERSED     /* the struct has the opposite */
};

/* The field that a setting stands for. */
typedef struct settings_field {
    uint16_t offset, bytes;
    uint8_t how;
} settings_field;

#define FIELD(name, how)                                                                           \
    {                                                                                              \
        offsetof(tenon_open_options, name), sizeof(((tenon_open_options *)NULL)->name), how        \
    }

#define SETTINGS_MS (UINT64_C(1) << 31)
#define STORAGE "storage"
#define TRANSACTIONS "database.transactions"
#define ADMISSION "database.admission"
#define AUDIT "database.audit"

/* Section, name, default, least, most, field, text. Switches have no bounds. */
#define SETTINGS(SWITCH, NUMBER)                                                                   \
    SWITCH(STORAGE, "auto_migrate", 1, FIELD(no_auto_migrate, REVERSED),                           \
           "create or migrate the schema when opening")                                            \
    SWITCH(STORAGE, "read_only", 0, FIELD(read_only, AS_IT_IS), "open for reading only")           \
    NUMBER(STORAGE, "max_connections", 32, 1, 1000000, FIELD(max_connections, AS_IT_IS),           \
           "most connections")                                                                     \
    NUMBER(STORAGE, "min_connections", 4, 0, 1000000, FIELD(min_connections, NONE_IS_MAX),         \
           "connections opened ahead and kept")                                                    \
    NUMBER(STORAGE, "connection_timeout", 30000, 1, SETTINGS_MS,                                   \
           FIELD(connection_timeout_ms, AS_IT_IS), "longest wait for a connection, ms")            \
    NUMBER(STORAGE, "idle_timeout", 600000, 1, SETTINGS_MS, FIELD(idle_timeout_ms, AS_IT_IS),      \
           "after which an idle connection is closed, ms")                                         \
    NUMBER(STORAGE, "max_lifetime", 1800000, 1, SETTINGS_MS, FIELD(max_lifetime_ms, AS_IT_IS),     \
           "after which a connection is replaced, ms")                                             \
    NUMBER(TRANSACTIONS, "default_timeout", 30000, 1, SETTINGS_MS,                                 \
           FIELD(default_timeout_ms, AS_IT_IS), "of transactions that say nothing else, ms")       \
    NUMBER(TRANSACTIONS, "max_concurrent", 100, 1, 1000000, FIELD(max_concurrent, AS_IT_IS),       \
           "most transactions at once")                                                            \
    NUMBER(TRANSACTIONS, "cleanup_interval", 60000, 1, SETTINGS_MS,                                \
           FIELD(cleanup_interval_ms, AS_IT_IS), "between two looks after connections, ms")        \
    SWITCH(TRANSACTIONS, "enable_deadlock_detection", 1, FIELD(no_deadlock_detection, REVERSED),   \
           "tell threads that wait for each other at once")                                        \
    SWITCH(TRANSACTIONS, "retry_on_deadlock", 1, FIELD(no_retry_on_deadlock, REVERSED),            \
           "retry what the engine ended because of a deadlock")                                    \
    NUMBER(TRANSACTIONS, "max_retry_attempts", 3, 0, 1000000,                                      \
           FIELD(max_retry_attempts, NONE_IS_MAX), "retries after a conflict")                     \
    NUMBER(TRANSACTIONS, "retry_budget_percent", 20, 0, 1000000,                                   \
           FIELD(retry_budget_percent, NONE_IS_MAX),                                               \
           "retries of all calls in per cent of the calls; 0: no bound")                           \
    NUMBER(TRANSACTIONS, "idempotency_keep", 604800000, 1, UINT64_MAX / 1000000,                   \
           FIELD(idempotency_keep_ms, AS_IT_IS), "for how long idempotency keys are kept, ms")     \
    SWITCH(TRANSACTIONS, "group_commit", 1, FIELD(no_group_commit, REVERSED),                      \
           "where writers take turns: one commit for all who wait")                                \
    NUMBER(TRANSACTIONS, "slow", 0, 0, SETTINGS_MS, FIELD(slow_ms, AS_IT_IS),                      \
           "transactions from that long on are reported, ms")                                      \
    NUMBER(ADMISSION, "rate_per_second", 0, 0, 100000000, FIELD(rate_per_second, AS_IT_IS),        \
           "calls of all callers together; 0: no limit")                                           \
    NUMBER(ADMISSION, "rate_burst", 0, 0, 100000000, FIELD(rate_burst, AS_IT_IS),                  \
           "of these, at once; 0: one second's")                                                   \
    NUMBER(ADMISSION, "caller_rate_per_second", 0, 0, 100000000,                                   \
           FIELD(caller_rate_per_second, AS_IT_IS), "calls of each caller; 0: no limit")           \
    NUMBER(ADMISSION, "caller_rate_burst", 0, 0, 100000000, FIELD(caller_rate_burst, AS_IT_IS),    \
           "of these, at once; 0: one second's")                                                   \
    NUMBER(ADMISSION, "breaker_failures", 5, 0, 1000000, FIELD(breaker_failures, NONE_IS_MAX),     \
           "failures in a row that open the circuit breaker; 0: never")                            \
    NUMBER(ADMISSION, "breaker_open", 1000, 1, SETTINGS_MS, FIELD(breaker_open_ms, AS_IT_IS),      \
           "for how long it refuses calls the first time, ms")                                     \
    SWITCH(AUDIT, "audit", 0, FIELD(audit, AS_IT_IS), "each write transaction leaves a row")       \
    SWITCH(AUDIT, "audit_by_hand", 0, FIELD(audit_by_hand, AS_IT_IS),                              \
           "make the tables for tenon_audit")

#define SETTINGS_SWITCH(in, called, normal, field, about)                                          \
    { .name = called,                                                                              \
      .section = in,                                                                               \
      .text = about,                                                                               \
      .kind = TENON_SETTING_SWITCH,                                                                \
      .most = 1,                                                                                   \
      .standard = normal },
#define SETTINGS_NUMBER(in, called, normal, low, high, field, about)                               \
    { .name = called,                                                                              \
      .section = in,                                                                               \
      .text = about,                                                                               \
      .kind = TENON_SETTING_NUMBER,                                                                \
      .least = low,                                                                                \
      .most = high,                                                                                \
      .standard = normal },
#define SETTINGS_FIELD_OF_SWITCH(in, called, normal, field, about) field,
#define SETTINGS_FIELD_OF_NUMBER(in, called, normal, low, high, field, about) field,

static const tenon_setting settings[] = { SETTINGS(SETTINGS_SWITCH, SETTINGS_NUMBER) };
static const settings_field settings_fields[] = { SETTINGS(SETTINGS_FIELD_OF_SWITCH,
                                                           SETTINGS_FIELD_OF_NUMBER) };

#define SETTINGS_COUNT ((uint32_t)(sizeof settings / sizeof settings[0]))

const tenon_setting *
tenon_settings(uint32_t *count)
{
    *count = SETTINGS_COUNT;
    return settings;
}

const tenon_setting *
tenon_setting_find(const char *name)
{
    for (uint32_t i = 0; i < SETTINGS_COUNT; i++) {
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    }
    return NULL;
}

tenon_status
tenon_setting_apply(const tenon_setting *setting, uint64_t value, tenon_open_options *options,
                    tenon_error *err)
{
    const settings_field *field = &settings_fields[setting - settings];
    unsigned char *at = (unsigned char *)options + field->offset;
    uint32_t narrow;
    bool flag;

    if (options->size != sizeof *options)
        return tni_fail(err, TENON_MISUSE, NULL, "size of tenon_open_options is not set");
    if (value < setting->least || value > setting->most)
        return tni_fail(err, TENON_CONFIG, setting->name, "%s is a number from %llu to %llu",
                        setting->name, (unsigned long long)setting->least,
                        (unsigned long long)setting->most);
    if (setting->kind == TENON_SETTING_SWITCH) {
        flag = (value != 0) != (field->how == REVERSED);
        memcpy(at, &flag, sizeof flag);
    } else if (field->bytes == sizeof value) {
        memcpy(at, &value, sizeof value);
    } else {
        narrow = field->how == NONE_IS_MAX && value == 0 ? UINT32_MAX : (uint32_t)value;
        memcpy(at, &narrow, sizeof narrow);
    }
    return TENON_OK;
}

/* @return false: no number, or one that is too large for all settings */
static bool
settings_read_number(const char *text, uint64_t *out)
{
    uint64_t n = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*at - '0');
    }
    *out = n;
    return text[0] != '\0';
}

tenon_status
tenon_setting_parse(const tenon_setting *setting, const char *text, tenon_open_options *options,
                    tenon_error *err)
{
    uint64_t value;

    if (setting->kind == TENON_SETTING_SWITCH) {
        if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
            return tni_fail(err, TENON_CONFIG, setting->name, "%s is true or false", setting->name);
        value = text[0] == 't';
    } else if (!settings_read_number(text, &value)) {
        value = UINT64_MAX; /* out of every range */
    }
    return tenon_setting_apply(setting, value, options, err);
}
