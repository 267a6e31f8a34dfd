/* Printed by hand, not by a JSON library: names and platform are checked printable ASCII
 * (base/record.c), all else is digits, and the order of the keys is part of what scripts and diffs
 * see. */
#include "jobs/store/record_line.h"

#include "base/record_extension.h"

static void add_hex(struct vain_text *line, const char *key, const uint8_t *data, size_t bytes)
{
    char text[2 * VAIN_HASH_BYTES + 1];
    vain_to_hex(data, bytes, text);
    vain_text_add(line, ",\"%s\":\"%s\"", key, text);
}

/* A text of printable ASCII. */
static void add_text(struct vain_text *line, const char *key, const char *text)
{
    vain_text_add(line, "\"%s\":\"", key);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            vain_text_add_bytes(line, "\\", 1);
        vain_text_add_bytes(line, at, 1);
    }
    vain_text_add_bytes(line, "\"", 1);
}

static bool has_signature(const struct vain_record *record, int index)
{
    return !vain_is_zero(record->signatures + (size_t)index * VAIN_SIGNATURE_BYTES,
                         VAIN_SIGNATURE_BYTES);
}

static void add_members(struct vain_text *line, const struct vain_record *record)
{
    vain_text_add(line, ",\"members\":[");
    for (int i = 0; i < record->member_count; i++) {
        vain_text_add(line, i == 0 ? "{" : ",{");
        add_text(line, "name", record->members[i].name);
        add_hex(line, "id", record->members[i].member_id, VAIN_HASH_BYTES);
        vain_text_add(line, ",\"signed\":%s", has_signature(record, i) ? "true" : "false");
        if (vain_record_dropped_of(record, i) > 0)
            vain_text_add(line, ",\"dropped_inputs\":%lu",
                          (unsigned long)vain_record_dropped_of(record, i));
        if (vain_record_commitment_of(record, i) != NULL)
            add_hex(line, "commitment", vain_record_commitment_of(record, i), VAIN_HASH_BYTES);
        vain_text_add(line, "}");
    }
    vain_text_add(line, "]");
}

void vain_record_line(struct vain_text *line, const struct vain_record_decoded *decoded)
{
    const struct vain_record *record = &decoded->record;
    vain_text_add(line, "{\"round\":%llu,\"epoch\":%llu,\"attempt\":%lu",
                  (unsigned long long)record->round, (unsigned long long)record->epoch,
                  (unsigned long)record->attempt);
    add_hex(line, "hash", decoded->hash, VAIN_HASH_BYTES);
    add_hex(line, "previous", record->previous, VAIN_HASH_BYTES);
    add_hex(line, "run_id", record->run_id, VAIN_RUN_ID_BYTES);
    add_hex(line, "group_id", record->group_id, VAIN_HASH_BYTES);
    add_hex(line, "spec_hash", record->spec_hash, VAIN_HASH_BYTES);
    add_hex(line, "parameters_before", record->parameters_before, VAIN_HASH_BYTES);
    add_hex(line, "parameters_after", record->parameters_after, VAIN_HASH_BYTES);
    vain_text_add(line, ",\"weight\":%lld,\"loss_micro\":%lld,\"clipped\":%lld,\"saturated\":%lld,",
                  (long long)record->counters.weight, (long long)record->counters.loss_micro,
                  (long long)record->counters.clipped, (long long)record->counters.saturated);
    add_text(line, "platform", record->platform);
    add_members(line, record);
    const struct vain_record_privacy privacy = vain_record_privacy_of(record);
    if (privacy.known)
        vain_text_add(line, ",\"masked\":%s,\"keys_pinned\":%s", privacy.masked ? "true" : "false",
                      privacy.keys_pinned ? "true" : "false");
    vain_text_add(line, ",\"extensions\":[");
    for (int i = 0; i < record->extension_count; i++)
        vain_text_add(line, "%s{\"type\":%d,\"bytes\":%lu}", i == 0 ? "" : ",",
                      record->extensions[i].type, (unsigned long)record->extensions[i].bytes);
    vain_text_add(line, "]}\n");
}
