/** @file secret.c Passwords and tokens: all that is asked of libsodium. */
#include <errno.h>
#include <pthread.h>
#include <sodium.h>

#include "internal.h"

_Static_assert(CHAT_HASH_TEXT_BYTES >= crypto_pwhash_STRBYTES, "room for libsodium's hash");
_Static_assert(CHAT_TOKEN_TEXT_BYTES ==
                   sodium_base64_ENCODED_LEN(TNI_TOKEN_BYTES,
                                             sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "room for a token");

static pthread_once_t secret_once = PTHREAD_ONCE_INIT;
static bool secret_ready;

static void
secret_init(void)
{
    secret_ready = sodium_init() >= 0;
}

static tenon_status
secret_start(tenon_error *err)
{
    (void)pthread_once(&secret_once, secret_init);
    return secret_ready ? TENON_OK
                        : tni_chat_fail(err, TENON_UNSUPPORTED, "libsodium",
                                        "libsodium finds no source of random numbers");
}

bool
tni_chat_same_secret(const void *a, const void *b, size_t bytes)
{
    if (bytes == crypto_verify_32_BYTES) /* as constant in time, and many bytes at once */
        return crypto_verify_32((const unsigned char *)a, (const unsigned char *)b) == 0;
    return sodium_memcmp(a, b, bytes) == 0;
}

void
tni_chat_forget(void *secret, size_t bytes)
{
    sodium_memzero(secret, bytes);
}

/** The limits of a context. */
static tenon_status
secret_limits(const chat_context *ctx, unsigned long long *ops, size_t *memory, tenon_error *err)
{
    *ops = ctx->pwhash_ops != 0 ? ctx->pwhash_ops : crypto_pwhash_OPSLIMIT_INTERACTIVE;
    *memory = ctx->pwhash_bytes != 0 ? (size_t)ctx->pwhash_bytes
                                     : (size_t)crypto_pwhash_MEMLIMIT_INTERACTIVE;
    if (*ops < crypto_pwhash_OPSLIMIT_MIN || *ops > crypto_pwhash_OPSLIMIT_MAX ||
        *memory < crypto_pwhash_MEMLIMIT_MIN || *memory > crypto_pwhash_MEMLIMIT_MAX)
        return tni_chat_fail(err, TENON_CONFIG, "pwhash",
                             "pwhash_ops or pwhash_bytes are outside of libsodium's limits");
    return TENON_OK;
}

tenon_status
chat_password_hash(const chat_context *ctx, const char *password, char out[CHAT_HASH_TEXT_BYTES],
                   tenon_error *err)
{
    unsigned long long ops = 0;
    size_t memory = 0;
    chat_context full;
    tenon_status status;

    memset(out, 0, CHAT_HASH_TEXT_BYTES);
    status = tni_chat_context(ctx, true, &full, err);
    if (status == TENON_OK)
        status = tni_chat_check_password(password, "password", err);
    if (status == TENON_OK)
        status = secret_limits(&full, &ops, &memory, err);
    if (status == TENON_OK)
        status = secret_start(err);
    if (status == TENON_OK && crypto_pwhash_str(out, password, strlen(password), ops, memory) != 0)
        status = tni_chat_fail(err, TENON_NO_MEMORY, "password",
                               "no memory for Argon2id (%zu bytes)", memory);
    if (status != TENON_OK)
        memset(out, 0, CHAT_HASH_TEXT_BYTES);
    return status;
}

tenon_status
tni_chat_password_is(const chat_context *ctx, const char *hash, const char *password, bool *out,
                     tenon_error *err)
{
    static const unsigned char salt[crypto_pwhash_SALTBYTES];
    unsigned char unused[32];
    unsigned long long ops = 0;
    size_t memory = 0;
    size_t len = strlen(password);
    tenon_status status;
    int rc;

    *out = false;
    status = secret_limits(ctx, &ops, &memory, err);
    if (status == TENON_OK)
        status = secret_start(err);
    if (status != TENON_OK)
        return status;
    errno = 0;
    rc = crypto_pwhash_str_verify(hash, password, len);
    *out = rc == 0;
    /* A text that is no hash was refused at once: the work is done on nothing, then. */
    if (!*out && crypto_pwhash_str_needs_rehash(hash, ops, memory) < 0) {
        errno = 0;
        rc = crypto_pwhash(unused, sizeof unused, password, len, salt, ops, memory,
                           crypto_pwhash_ALG_DEFAULT);
        sodium_memzero(unused, sizeof unused);
    }
    if (rc != 0 && errno == ENOMEM)
        status = tni_chat_fail(err, TENON_NO_MEMORY, "password", "no memory for Argon2id");
    return status;
}

/** Hash of a token's bytes. */
static void
secret_hash(const uint8_t token[TNI_TOKEN_BYTES], uint8_t hash[TNI_TOKEN_BYTES])
{
    (void)crypto_generichash(hash, TNI_TOKEN_BYTES, token, TNI_TOKEN_BYTES, NULL, 0);
}

tenon_status
tni_chat_token(const chat_context *ctx, const tenon_uuid *session, char text[CHAT_TOKEN_TEXT_BYTES],
               uint8_t hash[TNI_TOKEN_BYTES], tenon_error *err)
{
    static const unsigned char replay_key[] = "tenon chat replay";
    uint8_t token[TNI_TOKEN_BYTES];
    tenon_status status = secret_start(err);

    if (status != TENON_OK)
        return status;
    if (ctx->event == 0)
        randombytes_buf(token, sizeof token);
    else
        (void)crypto_generichash(token, sizeof token, session->bytes, sizeof session->bytes,
                                 replay_key, sizeof replay_key - 1);
    secret_hash(token, hash);
    (void)sodium_bin2base64(text, CHAT_TOKEN_TEXT_BYTES, token, sizeof token,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(token, sizeof token);
    return TENON_OK;
}

tenon_status
tni_chat_token_hash(const char *text, uint8_t hash[TNI_TOKEN_BYTES], tenon_error *err)
{
    uint8_t token[TNI_TOKEN_BYTES];
    size_t bytes = 0;
    tenon_status status = secret_start(err);

    if (status != TENON_OK)
        return status;
    if (text == NULL ||
        memchr(text, '\0', CHAT_TOKEN_TEXT_BYTES) != text + CHAT_TOKEN_TEXT_BYTES - 1 ||
        sodium_base642bin(token, sizeof token, text, CHAT_TOKEN_TEXT_BYTES - 1, NULL, &bytes, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        bytes != sizeof token)
        status = tni_chat_fail(err, TENON_INVALID, "token", "this is no token");
    else
        secret_hash(token, hash);
    sodium_memzero(token, sizeof token);
    return status;
}
