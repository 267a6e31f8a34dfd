/* Encoding and checking the record of a round.
 *
 * A record outlives the run: it is read years later, by other builds, from files that may be torn
 * or forged. So there is one encoding of every record (members strictly ascending by id, extensions
 * strictly ascending by type, signatures strictly ascending by member, no absent one written), the
 * decoder accepts nothing else, and each count is compared with its ceiling and with the bytes that
 * are there before anything is done with it. Extensions of types that this build does not know are
 * kept as bytes, since they are hashed and signed like the rest. The decoder takes no memory. */
#include "base/record.h"

#include "base/cursor.h"

#include <assert.h>
#include <string.h>

#define RECORD_MAGIC  "VAINREC1"
#define RECORD_DOMAIN "vain/record/v1" /* signed with its NUL */

enum {
    MAGIC_BYTES = 8,
    HEAD_BYTES = MAGIC_BYTES + 4,
    RECORD_VERSION = 1,
    SIGNATURE_ENTRY_BYTES = 2 + VAIN_SIGNATURE_BYTES
};
static_assert(sizeof RECORD_DOMAIN + VAIN_HASH_BYTES == VAIN_RECORD_MESSAGE_BYTES,
              "the message is domain and hash");

/* ---- Rules of both sides -------------------------------------------------------------------- */

static bool name_repeated(const struct vain_record_member *members, int index)
{
    for (int i = 0; i < index; i++) {
        if (strcmp(members[i].name, members[index].name) == 0)
            return true;
    }
    return false;
}

/* NULL, or what is wrong with member `index`, given that those before it are right. */
static const char *member_fault(const struct vain_record_member *members, int index)
{
    if (!vain_name_valid(members[index].name))
        return "its name is not 1 to 63 of a-z 0-9 . _ - that begin with a letter or digit";
    if (index > 0 &&
        memcmp(members[index - 1].member_id, members[index].member_id, VAIN_HASH_BYTES) >= 0)
        return "its id is not greater than that of the member before";
    if (name_repeated(members, index))
        return "another member has its name";
    return NULL;
}

void vain_record_hash(const uint8_t *body, size_t bytes, uint8_t out[VAIN_MIN_LEN(VAIN_HASH_BYTES)])
{
    vain_hash("vain/record", body, bytes, out);
}

void vain_record_message(const uint8_t hash[VAIN_MIN_LEN(VAIN_HASH_BYTES)],
                         uint8_t out[VAIN_MIN_LEN(VAIN_RECORD_MESSAGE_BYTES)])
{
    memcpy(out, RECORD_DOMAIN, sizeof RECORD_DOMAIN);
    memcpy(out + sizeof RECORD_DOMAIN, hash, VAIN_HASH_BYTES);
}

/* ---- Encoding ------------------------------------------------------------------------------- */

static enum vain_status check_members(const struct vain_record *record)
{
    if (record->member_count < 1 || record->member_count > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "record: %d members, expected 1 to %d",
                         record->member_count, VAIN_MEMBERS_MAX);
    for (int i = 0; i < record->member_count; i++) {
        const char *fault = member_fault(record->members, i);
        if (fault != NULL)
            return vain_fail(VAIN_ERR_INPUT, "record: member %d '%.64s': %s", i,
                             record->members[i].name, fault);
    }
    return VAIN_OK;
}

static enum vain_status check_extensions(const struct vain_record *record)
{
    if (record->extension_count < 0 || record->extension_count > VAIN_RECORD_EXTENSIONS_MAX)
        return vain_fail(VAIN_ERR_INPUT, "record: %d extensions, expected at most %d",
                         record->extension_count, VAIN_RECORD_EXTENSIONS_MAX);
    for (int i = 1; i < record->extension_count; i++) {
        if (record->extensions[i].type <= record->extensions[i - 1].type)
            return vain_fail(VAIN_ERR_INPUT,
                             "record: extension %d is not of a greater type than "
                             "the one before",
                             i);
    }
    return VAIN_OK;
}

static void write_head(struct vain_writer *writer, const struct vain_record *record)
{
    vain_write_u16(writer, RECORD_VERSION);
    vain_write_bytes(writer, record->previous, VAIN_HASH_BYTES);
    vain_write_bytes(writer, record->run_id, VAIN_RUN_ID_BYTES);
    vain_write_bytes(writer, record->group_id, VAIN_HASH_BYTES);
    vain_write_u64(writer, record->epoch);
    vain_write_u64(writer, record->round);
    vain_write_u32(writer, record->attempt);
    vain_write_bytes(writer, record->spec_hash, VAIN_HASH_BYTES);
    vain_write_bytes(writer, record->parameters_before, VAIN_HASH_BYTES);
    vain_write_bytes(writer, record->parameters_after, VAIN_HASH_BYTES);
    vain_write_u64(writer, (uint64_t)record->counters.weight);
    vain_write_u64(writer, (uint64_t)record->counters.loss_micro);
    vain_write_u64(writer, (uint64_t)record->counters.clipped);
    vain_write_u64(writer, (uint64_t)record->counters.saturated);
    vain_write_text(writer, record->platform);
}

static void write_lists(struct vain_writer *writer, const struct vain_record *record)
{
    vain_write_u16(writer, (uint16_t)record->member_count);
    for (int i = 0; i < record->member_count; i++) {
        uint8_t certificate[VAIN_CERTIFICATE_BYTES];
        vain_certificate_encode(&record->members[i].certificate, certificate);
        vain_write_text(writer, record->members[i].name);
        vain_write_bytes(writer, certificate, sizeof certificate);
    }
    vain_write_u16(writer, (uint16_t)record->extension_count);
    for (int i = 0; i < record->extension_count; i++) {
        vain_write_u16(writer, record->extensions[i].type);
        vain_write_u32(writer, record->extensions[i].bytes);
        vain_write_bytes(writer, record->extensions[i].data, record->extensions[i].bytes);
    }
}

enum vain_status vain_record_encode_body(const struct vain_record *record, uint8_t *out,
                                         size_t capacity, size_t *out_bytes)
{
    *out_bytes = 0;
    VAIN_TRY(check_members(record));
    VAIN_TRY(check_extensions(record));
    struct vain_writer writer;
    vain_writer_init(&writer, out,
                     capacity < VAIN_RECORD_BYTES_MAX ? capacity : VAIN_RECORD_BYTES_MAX);
    write_head(&writer, record);
    write_lists(&writer, record);
    if (writer.failed)
        return vain_fail(VAIN_ERR_INPUT,
                         "record of round %llu: does not fit into %zu bytes, or the "
                         "platform is not printable ASCII",
                         (unsigned long long)record->round, writer.capacity);
    *out_bytes = writer.position;
    return VAIN_OK;
}

enum vain_status vain_record_encode_frame(const uint8_t *body, size_t body_bytes,
                                          const uint8_t *signatures, int member_count, uint8_t *out,
                                          size_t capacity, size_t *out_bytes)
{
    *out_bytes = 0;
    VAIN_ASSERT(member_count >= 0);
    VAIN_ASSERT(member_count <= VAIN_MEMBERS_MAX);
    VAIN_ASSERT(body_bytes <= VAIN_RECORD_BYTES_MAX);
    uint16_t present = 0;
    for (int i = 0; i < member_count; i++)
        if (!vain_is_zero(signatures + i * VAIN_SIGNATURE_BYTES, VAIN_SIGNATURE_BYTES))
            present++;
    struct vain_writer writer;
    vain_writer_init(&writer, out,
                     capacity < VAIN_RECORD_BYTES_MAX ? capacity : VAIN_RECORD_BYTES_MAX);
    vain_write_bytes(&writer, RECORD_MAGIC, MAGIC_BYTES);
    vain_write_u32(&writer, (uint32_t)body_bytes);
    vain_write_bytes(&writer, body, body_bytes);
    vain_write_u16(&writer, present);
    for (int i = 0; i < member_count; i++) {
        const uint8_t *signature = signatures + i * VAIN_SIGNATURE_BYTES;
        if (vain_is_zero(signature, VAIN_SIGNATURE_BYTES))
            continue;
        vain_write_u16(&writer, (uint16_t)i);
        vain_write_bytes(&writer, signature, VAIN_SIGNATURE_BYTES);
    }
    if (writer.failed)
        return vain_fail(VAIN_ERR_INPUT, "record: body and signatures do not fit into %zu bytes",
                         writer.capacity);
    *out_bytes = writer.position;
    return VAIN_OK;
}

/* ---- Decoding ------------------------------------------------------------------------------- */

static void read_head(struct vain_reader *reader, struct vain_record *record)
{
    vain_read_bytes(reader, record->previous, VAIN_HASH_BYTES);
    vain_read_bytes(reader, record->run_id, VAIN_RUN_ID_BYTES);
    vain_read_bytes(reader, record->group_id, VAIN_HASH_BYTES);
    record->epoch = vain_read_u64(reader);
    record->round = vain_read_u64(reader);
    record->attempt = vain_read_u32(reader);
    vain_read_bytes(reader, record->spec_hash, VAIN_HASH_BYTES);
    vain_read_bytes(reader, record->parameters_before, VAIN_HASH_BYTES);
    vain_read_bytes(reader, record->parameters_after, VAIN_HASH_BYTES);
    record->counters.weight = (int64_t)vain_read_u64(reader);
    record->counters.loss_micro = (int64_t)vain_read_u64(reader);
    record->counters.clipped = (int64_t)vain_read_u64(reader);
    record->counters.saturated = (int64_t)vain_read_u64(reader);
    vain_read_text(reader, record->platform, sizeof record->platform);
}

static enum vain_status read_member(struct vain_reader *reader, struct vain_record_member *members,
                                    int index)
{
    struct vain_record_member *member = &members[index];
    vain_read_text(reader, member->name, sizeof member->name);
    const uint8_t *certificate = vain_read_view(reader, VAIN_CERTIFICATE_BYTES);
    if (certificate == NULL)
        return vain_fail(VAIN_ERR_CORRUPT, "record: member %d is not whole", index);
    const enum vain_status status = vain_certificate_decode(certificate, &member->certificate);
    if (status != VAIN_OK)
        return vain_fail(status, "record: member %d: %s", index, vain_fail_message());
    vain_member_id(member->certificate.root_key, member->member_id);
    const char *fault = member_fault(members, index);
    if (fault != NULL)
        return vain_fail(VAIN_ERR_CORRUPT, "record: member %d '%s': %s", index, member->name,
                         fault);
    return VAIN_OK;
}

static enum vain_status read_members(struct vain_reader *reader, struct vain_record_member *members,
                                     int members_capacity, struct vain_record *record)
{
    const int member_count = vain_read_u16(reader);
    if (reader->failed || member_count < 1 || member_count > VAIN_MEMBERS_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "record: %d members, expected 1 to %d", member_count,
                         VAIN_MEMBERS_MAX);
    if (member_count > members_capacity)
        return vain_fail(VAIN_ERR_REFUSED, "record: %d members, expected at most %d", member_count,
                         members_capacity);
    for (int i = 0; i < member_count; i++)
        VAIN_TRY(read_member(reader, members, i));
    record->members = members;
    record->member_count = member_count;
    return VAIN_OK;
}

static enum vain_status read_extensions(struct vain_reader *reader, struct vain_record *record)
{
    const int extension_count = vain_read_u16(reader);
    if (reader->failed || extension_count > VAIN_RECORD_EXTENSIONS_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "record: %d extensions, expected at most %d",
                         extension_count, VAIN_RECORD_EXTENSIONS_MAX);
    for (int i = 0; i < extension_count; i++) {
        struct vain_record_extension *extension = &record->extensions[i];
        extension->type = vain_read_u16(reader);
        extension->bytes = vain_read_u32(reader);
        extension->data = vain_read_view(reader, extension->bytes);
        if (extension->data == NULL || (i > 0 && extension->type <= extension[-1].type))
            return vain_fail(VAIN_ERR_CORRUPT,
                             "record: extension %d is not whole, or not of a "
                             "greater type than the one before",
                             i);
    }
    record->extension_count = extension_count;
    return VAIN_OK;
}

static enum vain_status read_body(const uint8_t *body, size_t body_bytes,
                                  struct vain_record_member *members, int members_capacity,
                                  struct vain_record_decoded *out)
{
    struct vain_reader reader;
    vain_reader_init(&reader, body, body_bytes);
    const unsigned version = vain_read_u16(&reader);
    if (version != RECORD_VERSION)
        return vain_fail(VAIN_ERR_CORRUPT, "record: version %u, this build reads %d", version,
                         RECORD_VERSION);
    read_head(&reader, &out->record);
    if (reader.failed)
        return vain_fail(VAIN_ERR_CORRUPT, "record: its first part is not whole");
    VAIN_TRY(read_members(&reader, members, members_capacity, &out->record));
    VAIN_TRY(read_extensions(&reader, &out->record));
    if (!vain_reader_done(&reader))
        return vain_fail(VAIN_ERR_CORRUPT, "record: %zu bytes are left over after its body",
                         body_bytes - reader.position);
    vain_record_hash(body, body_bytes, out->hash);
    return VAIN_OK;
}

/* `entries` is as long as `count` says. */
static enum vain_status read_signatures(const uint8_t *entries, int count, uint8_t *signatures,
                                        struct vain_record_decoded *out)
{
    const struct vain_record *record = &out->record;
    memset(signatures, 0, (size_t)record->member_count * VAIN_SIGNATURE_BYTES);
    uint8_t message[VAIN_RECORD_MESSAGE_BYTES];
    vain_record_message(out->hash, message);
    int next_index = 0;
    VAIN_ASSERT(count == 0 || entries != NULL);
    for (int i = 0; i < count; i++) {
        const uint8_t *entry = entries + i * SIGNATURE_ENTRY_BYTES;
        const int index = entry[0] | entry[1] << 8;
        if (index < next_index || index >= record->member_count)
            return vain_fail(VAIN_ERR_CORRUPT,
                             "record: signature %d is of member %d, expected %d "
                             "to %d",
                             i, index, next_index, record->member_count - 1);
        if (!vain_signature_valid(record->members[index].certificate.current_key, message,
                                  sizeof message, entry + 2))
            return vain_fail(VAIN_ERR_AUTH, "record of round %llu: the signature of %s is wrong",
                             (unsigned long long)record->round, record->members[index].name);
        memcpy(signatures + (size_t)index * VAIN_SIGNATURE_BYTES, entry + 2, VAIN_SIGNATURE_BYTES);
        next_index = index + 1;
    }
    out->record.signatures = signatures;
    out->signature_count = count;
    return VAIN_OK;
}

/* The parts of a frame, without looking into them. VAIN_AGAIN if it is cut short. */
struct frame {
    const uint8_t *body, *entries; /* borrowed */
    size_t body_bytes, bytes;
    int signature_count;
};

static enum vain_status split_frame(const uint8_t *data, size_t bytes, struct frame *out)
{
    if (memcmp(data, RECORD_MAGIC, bytes < MAGIC_BYTES ? bytes : MAGIC_BYTES) != 0)
        return vain_fail(VAIN_ERR_CORRUPT, "record: does not begin like a record");
    if (bytes < HEAD_BYTES)
        return VAIN_AGAIN;
    struct vain_reader reader;
    vain_reader_init(&reader, data, bytes);
    (void)vain_read_view(&reader, MAGIC_BYTES);
    out->body_bytes = vain_read_u32(&reader);
    if (out->body_bytes > VAIN_RECORD_BYTES_MAX)
        return vain_fail(VAIN_ERR_CORRUPT, "record: a body of %zu bytes, expected at most %d",
                         out->body_bytes, VAIN_RECORD_BYTES_MAX);
    out->body = vain_read_view(&reader, out->body_bytes);
    out->signature_count = vain_read_u16(&reader);
    if (reader.failed)
        return VAIN_AGAIN;
    const size_t entries_bytes = (size_t)out->signature_count * SIGNATURE_ENTRY_BYTES;
    out->bytes = reader.position + entries_bytes;
    if (out->signature_count > VAIN_MEMBERS_MAX || out->bytes > VAIN_RECORD_BYTES_MAX)
        return vain_fail(VAIN_ERR_CORRUPT,
                         "record: %d signatures and %zu bytes, expected at most "
                         "%d and %d",
                         out->signature_count, out->bytes, VAIN_MEMBERS_MAX, VAIN_RECORD_BYTES_MAX);
    out->entries = vain_read_view(&reader, entries_bytes);
    return reader.failed ? VAIN_AGAIN : VAIN_OK;
}

enum vain_status vain_record_decode(const uint8_t *data, size_t bytes,
                                    struct vain_record_member *members, uint8_t *signatures,
                                    int members_capacity, struct vain_record_decoded *out,
                                    size_t *used)
{
    *out = (struct vain_record_decoded){0};
    *used = 0;
    if (bytes == 0)
        return VAIN_END;
    struct frame frame = {0};
    VAIN_TRY(split_frame(data, bytes, &frame));
    VAIN_TRY(read_body(frame.body, frame.body_bytes, members, members_capacity, out));
    VAIN_TRY(read_signatures(frame.entries, frame.signature_count, signatures, out));
    *used = frame.bytes;
    return VAIN_OK;
}
