/* One table of keys: what a job spec may say, from which the YAML reader, --set, --help, the man
 * page, completion and the JSON Schema come out.
 *
 * Each folder declares its options struct and a table of rows that point into it; cmd/ lists the
 * sections. A row says whether the key is *agreed* (enters the hash that members compare before the
 * first round) or *local* (paths, threads, devices: a member's own business).
 *
 * A value is typed by its row, never by how it looks: `no`, `1e-4`, `08` and `4:00` mean the same
 * quoted and plain, or are refused. All calls are local and never block; pointers are borrowed. */
#pragma once

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

enum vain_option_type {
    VAIN_OPTION_COUNT,  /* int64_t; "1_000" is refused, "128k", "1M" and "1.5B" (10^9) are fine */
    VAIN_OPTION_NUMBER, /* double, finite */
    VAIN_OPTION_FLAG,   /* bool: true or false only */
    VAIN_OPTION_TEXT,   /* char[text_bytes]: one line of UTF-8; empty where the default is, or
                         * may_be_empty
                         */
    VAIN_OPTION_PATH, /* char[VAIN_PATH_BYTES], relative to the spec's folder; empty as for TEXT */
    VAIN_OPTION_CHOICE,   /* int: index into choices */
    VAIN_OPTION_BYTES,    /* int64_t, with unit: 16MiB, 4GB (decimal) */
    VAIN_OPTION_DURATION, /* int64_t milliseconds, with unit: 90s, 30m, 4h, 2d, 250ms */
    VAIN_OPTION_SEED,     /* uint64_t */
    VAIN_OPTION_COUNTS, /* struct vain_option_counts: list of counts, [512, 256, 512]; empty as for
                           TEXT */
    VAIN_OPTION_TEXTS,  /* struct vain_option_texts: list of short texts, [relu, dense 10]; empty as
                           for TEXT */
    VAIN_OPTION_NUMBER_OR_AUTO, /* double; "auto" is NaN */
    VAIN_OPTION_NAME            /* char[VAIN_NAME_BYTES], see vain_name_valid */
};

enum vain_option_scope { VAIN_AGREED, VAIN_LOCAL };

enum { VAIN_OPTION_COUNTS_MAX = 16 };
struct vain_option_counts {
    int count;
    int64_t values[VAIN_OPTION_COUNTS_MAX];
};
/* Texts of one line without what parts them or quotes them: , [ ] { } " ' # \ */
enum { VAIN_OPTION_TEXTS_MAX = 32, VAIN_OPTION_TEXTS_ITEM_BYTES = 64 };
struct vain_option_texts {
    int count;
    char items[VAIN_OPTION_TEXTS_MAX][VAIN_OPTION_TEXTS_ITEM_BYTES];
};

struct vain_option {
    const char
        *key; /* "name" or "section.name": "train.batch"; "members" and "members.x" are taken */
    enum vain_option_type type;
    enum vain_option_scope scope;
    size_t offset;              /* of the value in the section's struct */
    size_t text_bytes;          /* TEXT: capacity with NUL */
    double minimum, maximum;    /* COUNT(S), NUMBER, BYTES, DURATION: inclusive; both 0: unbounded,
                                   INFINITY: that side is */
    bool above_minimum;         /* NUMBER: minimum itself is refused (both 0 then means: above 0) */
    bool may_be_empty;          /* TEXT: "" is a value though it is not the default */
    const char *const *choices; /* CHOICE: NULL-ended */
    const char *fallback;       /* default as it would be written; NULL: the key must be given */
    const char *unit;           /* for people: "tokens", "steps"; NULL: none */
    const char *help;           /* one sentence */
};

/* The rows of one folder and where their values go. */
struct vain_option_section {
    const struct vain_option *options;
    int count;
    void *values; /* borrowed */
};

/* An entry of `members:`. Key is the member id in lower-case hex, "" if not pinned. Addresses are
 * "host:port" or "[IPv6]:port", in the order in which they are tried; they are local, so no part of
 * the agreed hash: a host that others reach under another name is no other member. */
struct vain_option_member {
    char name[VAIN_NAME_BYTES];
    char key[65];
    char addresses[VAIN_MEMBER_ADDRESSES_MAX][VAIN_ADDRESS_BYTES];
    int address_count;
};

/* What is wrong with a spec, and where. */
struct vain_problem {
    char file[256];   /* "--set" for command-line values; line is then the number of the --set */
    int line, column; /* from 1, in characters; 0: whole file */
    char key[128];    /* dotted path, "" if none */
    char message[256];
    char hint[320];                 /* "did you mean ...?", "" if none */
    char source[160];               /* the line as it stands there, or a part of it; "" if none */
    int source_column, source_span; /* what is underlined of it, in characters, from 1 */
};
struct vain_problems {
    int count, total; /* total may pass what is kept */
    struct vain_problem items[VAIN_SPEC_ERRORS_MAX];
};
void vain_problem_add(struct vain_problems *problems, const struct vain_problem *problem);

/* Parse `text` as a value of `option` into `values`, which stays as it is on failure. On failure
 * writes what was expected and found into `message` and a way out into `hint` ("" if none) and
 * gives VAIN_ERR_INPUT without vain_fail, since the caller collects problems. Both buffers hold at
 * least 4 bytes and are always NUL-ended. */
enum vain_status vain_option_parse(const struct vain_option *option, const char *text, void *values,
                                   char *message, size_t message_bytes, char *hint,
                                   size_t hint_bytes) VAIN_MUST_USE;
/* What to write instead of `text`, which `option` refuses; "" if nothing comes to mind. */
void vain_option_hint(const struct vain_option *option, const char *text, char *hint, size_t bytes);
/* Print the value as it would be written in a spec, without quotes: parse(format(v)) == v. COUNTS
 * as "[1, 2]", TEXTS as "[a, b c]". */
void vain_option_format(const struct vain_option *option, const void *values, char *out,
                        size_t bytes);
/* What a value may be, for people: "a whole number from 1 to 256 (layers)". */
void vain_option_expected(const struct vain_option *option, char *out, size_t bytes);
/* Bytes of the value in the section's struct. */
size_t vain_option_value_bytes(const struct vain_option *option);
/* Whether a text can be an item of TEXTS. */
bool vain_option_is_item(const char *text);
/* Which sides of the range are bounded. */
bool vain_option_has_minimum(const struct vain_option *option);
bool vain_option_has_maximum(const struct vain_option *option);
/* Set every value of the sections to its default (required ones to zero). */
void vain_option_defaults(const struct vain_option_section *sections, int count);
/* The row of `key`, and its section (may be NULL); NULL if there is none. */
const struct vain_option *vain_option_find(const struct vain_option_section *sections, int count,
                                           const char *key,
                                           const struct vain_option_section **section);
/* Known key nearest to `key` by edit distance (at most 3, and less than half its length), NULL if
 * none. */
const char *vain_option_nearest(const struct vain_option_section *sections, int count,
                                const char *key);
/* BLAKE2b under "vain/spec/v1" over "key=value\n" of all agreed keys in byte order of the key, then
 * "members.name=key\n" of the members in byte order of the name. No value holds a line break, so no
 * two specs that differ feed the same bytes. */
void vain_option_agreed_hash(const struct vain_option_section *sections, int count,
                             const struct vain_option_member *members, int member_count,
                             uint8_t out[VAIN_MIN_LEN(32)]);
