/* UTF-8, likeness of words, and a text that grows.
 *
 * The decoder is the table of RFC 3629, section 4, written as ranges of the second byte. It is the
 * only one in the program: whoever must know whether bytes are text asks here, so that a spec, a
 * --set and a prompt refuse the same things.
 *
 * The growing text doubles, so building n bytes costs O(n). */
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { WORD_BYTES_MAX = 127, TEXT_BYTES_FIRST = 256 };

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

int vain_text_character(const char *text, size_t bytes, uint32_t *code)
{
    const unsigned char *at = (const unsigned char *)text;
    *code = 0;
    if (bytes == 0)
        return 0;
    if (at[0] < 0x80) {
        *code = at[0];
        return 1;
    }
    const int length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || bytes < (size_t)length)
        return 0;
    /* The second byte is narrower where an overlong form, a surrogate or a too large value would
     * begin. */
    const unsigned char low = at[0] == 0xe0 ? 0xa0 : at[0] == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = at[0] == 0xed ? 0x9f : at[0] == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    uint32_t value = at[0] & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if (!is_continuation(at[i]))
            return 0;
        value = value << 6 | (at[i] & 0x3fu);
    }
    *code = value;
    return length;
}

bool vain_text_printable(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return false;
    return code != 0x2028 && code != 0x2029 && code != 0xfeff && (code & 0xfffe) != 0xfffe;
}

bool vain_text_is_line(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        uint32_t code;
        const int length = vain_text_character(text, left, &code);
        if (length == 0 || !vain_text_printable(code))
            return false;
        text += length;
        left -= (size_t)length;
    }
    return true;
}

void vain_text_excerpt(const char *text, int limit, char *out, size_t bytes)
{
    VAIN_ASSERT(bytes >= 4);
    size_t left = strlen(text);
    size_t used = 0, last_cut = 0; /* last_cut: the last place where "..." and the NUL still fit */
    for (int count = 0; left > 0; count++) {
        uint32_t code;
        int length = vain_text_character(text, left, &code);
        const bool shown = length > 0 && vain_text_printable(code);
        if (length == 0)
            length = 1;
        const size_t needed = shown ? (size_t)length : 1;
        if (used + 4 <= bytes)
            last_cut = used;
        if (count == limit || used + needed + 1 > bytes) {
            used = last_cut;
            memcpy(out + used, "...", 3);
            used += 3;
            break;
        }
        memcpy(out + used, shown ? text : "?", needed);
        used += needed;
        text += length;
        left -= (size_t)length;
    }
    out[used] = '\0';
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

int vain_edit_distance(const char *a, const char *b)
{
    const int a_length = (int)strnlen(a, WORD_BYTES_MAX + 1);
    const int b_length = (int)strnlen(b, WORD_BYTES_MAX + 1);
    if (a_length > WORD_BYTES_MAX || b_length > WORD_BYTES_MAX)
        return a_length > b_length ? a_length : b_length;
    int rows[3][WORD_BYTES_MAX + 1]; /* before the last, last, this one: taken in turn */
    for (int j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *row = rows[i % 3];
        const int *above = rows[(i + 2) % 3];
        const int *above_twice = rows[(i + 1) % 3];
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            const int change = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = smaller(smaller(above[j], row[j - 1]) + 1, above[j - 1] + change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], above_twice[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

/* Room for `more` bytes and the NUL. */
static bool text_reserve(struct vain_text *text, size_t more)
{
    if (text->status != VAIN_OK)
        return false;
    if (text->capacity - text->used > more)
        return true;
    size_t capacity = text->capacity == 0 ? TEXT_BYTES_FIRST : text->capacity;
    while (capacity - text->used <= more)
        capacity *= 2;
    void *bytes;
    text->status = vain_take(capacity, "text", &bytes);
    if (text->status != VAIN_OK)
        return false;
    if (text->used > 0)
        memcpy(bytes, text->bytes, text->used);
    vain_release(text->bytes);
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void vain_text_add_bytes(struct vain_text *text, const char *bytes, size_t count)
{
    if (!text_reserve(text, count))
        return;
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    text->bytes[text->used] = '\0';
}

void vain_text_add(struct vain_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int count = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    VAIN_ASSERT(count >= 0);
    if (!text_reserve(text, (size_t)count))
        return;
    va_start(arguments, format);
    vsnprintf(text->bytes + text->used, (size_t)count + 1, format, arguments);
    va_end(arguments);
    text->used += (size_t)count;
}

enum vain_status vain_text_give(struct vain_text *text, char **out)
{
    *out = NULL;
    vain_text_add_bytes(text, "", 0);
    const enum vain_status status = text->status;
    if (status == VAIN_OK) {
        *out = text->bytes;
        text->bytes = NULL;
    }
    vain_text_fini(text);
    return status;
}

void vain_text_fini(struct vain_text *text)
{
    vain_release(text->bytes);
    *text = (struct vain_text){0};
}
