/* What the sides by hand share. */
#include "side.h"

#include <sodium.h>

void
side_new_token(char token[CHAT_TOKEN_TEXT_BYTES], uint8_t hash[SIDE_HASH_BYTES])
{
    uint8_t bytes[SIDE_HASH_BYTES];

    randombytes_buf(bytes, sizeof bytes);
    (void)crypto_generichash(hash, SIDE_HASH_BYTES, bytes, sizeof bytes, NULL, 0);
    (void)sodium_bin2base64(token, CHAT_TOKEN_TEXT_BYTES, bytes, sizeof bytes,
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool
side_hash_token(const char *token, uint8_t hash[SIDE_HASH_BYTES])
{
    uint8_t bytes[SIDE_HASH_BYTES];
    size_t len = 0;

    if (sodium_base642bin(bytes, sizeof bytes, token, strlen(token), NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof bytes)
        return false;
    (void)crypto_generichash(hash, SIDE_HASH_BYTES, bytes, sizeof bytes, NULL, 0);
    return true;
}

void
side_take(side_page *page, const chat_message_row *row)
{
    const chat_message *message = &row->message;

    for (uint32_t i = 0; i < row->content_bytes; i++)
        page->sum += (uint8_t)row->content[i];
    page->sum += row->message_type_bytes + (message->edited_at_us != 0) + message->is_deleted;
    page->last.created_at_us = message->created_at_us;
    page->last.id = message->id;
    page->count++;
}
