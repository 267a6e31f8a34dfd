/* The way out for a value that was refused: what people write by habit, and what to write instead.
 *
 * Each hint answers a slip seen in real specs: yes for true, cosin for cosine, 16 for 16MiB, 4:00
 * for 4h, 1_000 and 0x10. No guess is ever taken as the value; it is only said. */
#include "base/option.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/identity.h"

enum { NUMBER_BYTES = 64 };

static bool is_digit(char letter)
{
    return letter >= '0' && letter <= '9';
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

static void hint_flag(const char *text, char *hint, size_t bytes)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "y", "enabled", NULL};
    static const char *const no[] = {"false", "no", "off", "0", "n", "none", "disabled", NULL};
    if (is_one_of(text, yes))
        snprintf(hint, bytes, "write true");
    else if (is_one_of(text, no))
        snprintf(hint, bytes, "write false");
}

static void hint_choice(const struct vain_option *option, const char *text, char *hint,
                        size_t bytes)
{
    const char *nearest = NULL;
    int best = 4;
    for (int i = 0; option->choices[i] != NULL; i++) {
        const char *choice = option->choices[i];
        const int distance = strcasecmp(choice, text) == 0 ? 0 : vain_edit_distance(choice, text);
        if (distance < best && 2 * distance < (int)strlen(choice)) {
            best = distance;
            nearest = choice;
        }
    }
    if (nearest != NULL)
        snprintf(hint, bytes, "did you mean '%s'?", nearest);
}

static void hint_name(const char *text, char *hint, size_t bytes)
{
    char name[VAIN_NAME_BYTES];
    size_t used = 0;
    for (; *text != '\0' && used + 1 < sizeof name; text++) {
        const char letter = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a')
                            : *text == ' '               ? '-'
                                                         : *text;
        name[used] = letter;
        name[used + 1] = '\0';
        if (vain_name_valid(name))
            used++;
    }
    name[used] = '\0';
    if (used > 0)
        snprintf(hint, bytes, "'%s' would do", name);
}

/* `text` without what people put between the digits of large numbers; false if that is not all it
 * holds. */
static bool strip_separators(const char *text, char *out, size_t bytes)
{
    size_t used = 0;
    bool separated = false;
    for (; *text != '\0' && used + 1 < bytes; text++) {
        if (is_digit(*text))
            out[used++] = *text;
        else if (strchr("_, '", *text) != NULL)
            separated = true;
        else
            return false;
    }
    out[used] = '\0';
    return separated && used > 0 && out[0] != '0' && *text == '\0';
}

static void hint_numeric(const struct vain_option *option, const char *text, char *hint,
                         size_t bytes)
{
    char digits[NUMBER_BYTES];
    const char *at = text + (*text == '-' || *text == '+');
    const size_t zeros = strspn(at, "0");
    const size_t all = strspn(at, "0123456789");
    const bool plain = all > 0 && at[all] == '\0';
    if (strip_separators(text, digits, sizeof digits))
        snprintf(hint, bytes, "write %s", digits);
    else if (strncasecmp(at, "0x", 2) == 0)
        snprintf(hint, bytes, "write it in decimal");
    else if (zeros > 0 && all > 1 && at[all] != ':')
        snprintf(hint, bytes,
                 "leave out the leading zeros, which other YAML readers take as octal");
    else if (option->type == VAIN_OPTION_DURATION && strchr(text, ':') != NULL)
        snprintf(hint, bytes,
                 "other YAML readers take 4:00 as 240; write 4h for hours, 4m for minutes");
    else if (option->type == VAIN_OPTION_DURATION && plain)
        snprintf(hint, bytes, "add the unit: ms, s, m, h or d, such as %.20ss", text);
    else if (option->type == VAIN_OPTION_BYTES && plain)
        snprintf(hint, bytes, "add the unit, such as %.20sMiB", text);
    else if (option->type == VAIN_OPTION_BYTES)
        snprintf(hint, bytes,
                 "units are B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024)");
    else if (option->type == VAIN_OPTION_DURATION)
        snprintf(hint, bytes, "units are ms, s, m, h and d");
    else if (option->type == VAIN_OPTION_NUMBER_OR_AUTO && strcasecmp(text, "auto") == 0)
        snprintf(hint, bytes, "write auto");
    else if (option->type == VAIN_OPTION_COUNT && is_digit(*at) && strpbrk(at, "eEKmgGbKT") != NULL)
        snprintf(hint, bytes, "large counts are written out or as 128k, 2M, 1B");
    else if (option->type == VAIN_OPTION_NUMBER && is_digit(*at) && strchr(at, ',') != NULL)
        snprintf(hint, bytes, "the decimal sign is a point");
    else if (option->type == VAIN_OPTION_NUMBER && strchr(at, '%') != NULL)
        snprintf(hint, bytes, "write the fraction: 0.1 for 10%%");
}

void vain_option_hint(const struct vain_option *option, const char *text, char *hint, size_t bytes)
{
    VAIN_ASSERT(bytes > 0);
    hint[0] = '\0';
    switch (option->type) {
    case VAIN_OPTION_FLAG:
        hint_flag(text, hint, bytes);
        break;
    case VAIN_OPTION_CHOICE:
        hint_choice(option, text, hint, bytes);
        break;
    case VAIN_OPTION_NAME:
        hint_name(text, hint, bytes);
        break;
    case VAIN_OPTION_TEXT:
    case VAIN_OPTION_PATH:
        if (!vain_text_is_line(text))
            snprintf(hint, bytes,
                     "it holds a line break, another control character or broken UTF-8");
        break;
    default:
        hint_numeric(option, text, hint, bytes);
        break;
    }
}
