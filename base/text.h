/* Text: UTF-8 checks, likeness of words, and a text that grows.
 *
 * What people type and what is shown to them passes here, so that "printable", "a name" and "looks
 * like" mean one thing in the whole program. All local, nothing blocks. */
#pragma once

#include "base/limits.h"
#include "base/status.h"

/* Bytes (1 to 4) of the UTF-8 character at the start of `text`, its code point in `code`; 0 if the
 * bytes are no well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF) or
 * `bytes` is 0. */
int vain_text_character(const char *text, size_t bytes, uint32_t *code);
/* Whether a code point may stand inside a line of text: no control character, no invisible line
 * break (U+0085, U+2028, U+2029), no byte-order mark, no noncharacter. */
bool vain_text_printable(uint32_t code);
/* Whether all of `text` is well-formed and printable. */
bool vain_text_is_line(const char *text);
/* Copy `text` for a message: at most `limit` characters, "..." if cut, '?' for what cannot be
 * printed. */
void vain_text_excerpt(const char *text, int limit, char *out, size_t bytes);

/* Optimal-string-alignment distance of two words in bytes (transposed neighbours cost 1; Boytsov
 * 2011). Words longer than 127 bytes are as far apart as they are long: nobody misspells one by a
 * letter or two. */
int vain_edit_distance(const char *a, const char *b);

/* A text that grows. The first failure is kept and later additions do nothing, so that a writer of
 * many lines asks once, in vain_text_give. Zero-initialise. */
struct vain_text {
    char *bytes; /* owned, NUL-ended, NULL while empty */
    size_t used, capacity;
    enum vain_status status;
};
void vain_text_add(struct vain_text *text, const char *format, ...) VAIN_FORMAT(2, 3);
/* `count` bytes as they are. */
void vain_text_add_bytes(struct vain_text *text, const char *bytes, size_t count);
/* Gives the text (never NULL on success; release with vain_release) and leaves `text` empty. */
enum vain_status vain_text_give(struct vain_text *text, char **out) VAIN_MUST_USE;
/* Throws it away. */
void vain_text_fini(struct vain_text *text);
