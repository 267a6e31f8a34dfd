#include "tests/unit/p2p/bed.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/base/helpers.h"

int bed_visit_rows(void (*visit)(const struct bed_row *row, void *context), void *context)
{
    static char line[BED_LINE_BYTES];
    static struct bed_row row;
    FILE *file = test_open_golden("link_certificates.txt");
    int count = 0;
    while (test_next_line(file, line, sizeof line)) {
        int hex = 0;
        CU_ASSERT_EQUAL_FATAL(sscanf(line, "%63[^;]; %127[^;]; %n", row.name, row.says, &hex), 2);
        CU_ASSERT_FATAL(hex > 0);
        row.bytes = test_hex(line + hex, row.der, sizeof row.der);
        visit(&row, context);
        count++;
    }
    if (file != NULL)
        fclose(file);
    return count;
}

struct search {
    const char *name;
    struct bed_row *out;
    bool found;
};

static void compare_name(const struct bed_row *row, void *context)
{
    struct search *search = context;
    if (strcmp(row->name, search->name) == 0) {
        *search->out = *row;
        search->found = true;
    }
}

void bed_find_row(const char *name, struct bed_row *out)
{
    struct search search = {.name = name, .out = out};
    (void)bed_visit_rows(compare_name, &search);
    CU_ASSERT_TRUE_FATAL(search.found);
}

/* ---- Members -------------------------------------------------------------------------------- */

static enum vain_status sign_with_seed(struct vain_signer *signer, const void *message,
                                       size_t bytes, uint8_t out[VAIN_SIGNATURE_BYTES])
{
    vain_sign_with_seed(signer->seed, message, bytes, out);
    return VAIN_OK;
}

static void forget_seed(struct vain_signer *signer)
{
    vain_wipe(signer->seed, sizeof signer->seed);
}

static const struct vain_signer_ops bed_ops = {
    .name = "bed", .sign = sign_with_seed, .close = forget_seed};

void bed_signer(int number, struct vain_signer *out)
{
    const uint32_t path[] = {1735680817, 0, 0, 0};
    uint8_t root_seed[VAIN_SEED_BYTES], root[VAIN_SEED_BYTES], chain_code[VAIN_CHAIN_CODE_BYTES];
    uint8_t encoded[VAIN_CERTIFICATE_BYTES], message[13 + VAIN_CERTIFICATE_BYTES] = "vain/cert/v1";
    const size_t signed_bytes = VAIN_CERTIFICATE_BYTES - VAIN_SIGNATURE_BYTES;
    memset(root_seed, number, sizeof root_seed);
    *out = (struct vain_signer){.ops = &bed_ops};
    vain_slip10_derive(root_seed, sizeof root_seed, NULL, 0, root, chain_code);
    vain_slip10_derive(root_seed, sizeof root_seed, path, 4, out->seed, chain_code);
    struct vain_certificate *certificate = &out->certificate;
    certificate->not_before_ms = BED_NOW_MS;
    certificate->not_after_ms = BED_NOW_MS + VAIN_CERTIFICATE_DAYS * INT64_C(86400000);
    vain_public_key_of_seed(root, certificate->root_key);
    vain_public_key_of_seed(out->seed, certificate->current_key);
    vain_certificate_encode(certificate, encoded);
    memcpy(message + 13, encoded, signed_bytes);
    vain_sign_with_seed(root, message, 13 + signed_bytes, certificate->signature);
    vain_member_id(certificate->root_key, out->member_id);
}

/* ---- World ---------------------------------------------------------------------------------- */

static uint64_t clock_now_ns(struct vain_world *world)
{
    return ((const struct bed_clock *)world->state)->now_ns;
}

static int64_t clock_unix_ms(struct vain_world *world)
{
    return ((const struct bed_clock *)world->state)->unix_ms;
}

static const struct vain_world_ops clock_ops = {.now_ns = clock_now_ns, .unix_ms = clock_unix_ms};

struct vain_world bed_world(struct bed_clock *clock)
{
    *clock = (struct bed_clock){.now_ns = 1, .unix_ms = BED_NOW_MS};
    return (struct vain_world){.ops = &clock_ops, .state = clock};
}

bool bed_message_has(const char *part)
{
    const bool found = strstr(vain_fail_message(), part) != NULL;
    if (!found)
        printf("[%s] lacks [%s]\n", vain_fail_message(), part);
    vain_fail_clear();
    return found;
}
