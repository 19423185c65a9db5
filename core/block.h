/** @file block.h One allocation that a whole description is copied into: add up, allocate, take. */
#ifndef TENON_CORE_BLOCK_H
#define TENON_CORE_BLOCK_H

#include <assert.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/value.h"

/* Each part begins at a multiple of this. */
#define TNI_BLOCK_ALIGN 8
static_assert(alignof(tenon_value) <= TNI_BLOCK_ALIGN, "a part may need a stricter alignment");

/** Room for `count` things of `size` bytes. The sums of a checked description can't overflow. */
static inline size_t
tni_block_room(size_t count, size_t size)
{
    return (count * size + TNI_BLOCK_ALIGN - 1) / TNI_BLOCK_ALIGN * TNI_BLOCK_ALIGN;
}

/** Room for a text with its NUL. */
static inline size_t
tni_block_room_text(const char *text)
{
    return tni_block_room(strlen(text) + 1, 1);
}

/** Room for the bytes that a value points to. */
static inline size_t
tni_block_room_value(const tenon_value *v)
{
    return v->type >= TENON_TEXT && v->type <= TENON_UUID ? tni_block_room(v->len, 1) : 0;
}

/** What is left of a block. */
typedef struct tni_block {
    unsigned char *at;
    size_t left;
} tni_block;

/** Allocate, zeroed. @return the block, owned by the caller until free(); NULL without memory */
static inline void *
tni_block_new(tni_block *block, size_t bytes)
{
    block->at = calloc(1, bytes > 0 ? bytes : 1);
    block->left = bytes;
    return block->at;
}

/** Take room for `count` things of `size` bytes, zeroed. */
static inline void *
tni_block_take(tni_block *block, size_t count, size_t size)
{
    const size_t bytes = tni_block_room(count, size);
    void *part = block->at;

    if (bytes > block->left)
        abort(); /* a defect of the sum before; nothing may be written past the end */
    block->at += bytes;
    block->left -= bytes;
    return part;
}

/** Copy bytes. */
static inline void *
tni_block_copy(tni_block *block, const void *data, size_t count, size_t size)
{
    void *part = tni_block_take(block, count, size);

    if (count > 0)
        memcpy(part, data, count * size);
    return part;
}

/** Copy a text. */
static inline const char *
tni_block_text(tni_block *block, const char *text)
{
    return tni_block_copy(block, text, strlen(text) + 1, 1);
}

/** Copy a value with what it points to; -0.0 becomes 0.0. */
static inline tenon_value
tni_block_value(tni_block *block, const tenon_value *v)
{
    tenon_value copy = *v;

    memset(copy.reserved, 0, sizeof copy.reserved);
    if (v->type >= TENON_TEXT && v->type <= TENON_UUID)
        copy.as.data = tni_block_copy(block, v->as.data, v->len, 1);
    else
        copy.len = 0;
    if (v->type == TENON_REAL && v->as.d == 0.0)
        copy.as.d = 0.0;
    return copy;
}

#endif
