/* One kind of data behind one name. */
#include "jobs/data/data.h"

#include <string.h>

#include "base/crypto.h"
#include "jobs/data/partition.h"

void vain_data_of_corpus(const struct vain_corpus *corpus, struct vain_data *out)
{
    *out = (struct vain_data){
        .kind = VAIN_DATA_TEXT,
        .corpus = *corpus,
        .symbol_count = corpus->symbol_count,
        .vocabulary = corpus->vocabulary,
        .symbol_kind = corpus->symbol_kind,
        .bytes = corpus->count * (corpus->wide ? (int64_t)sizeof(uint16_t) : 1),
        .member_count = 1,
    };
}

static enum vain_status open_text(const struct vain_data_options *options,
                                  const struct vain_data_place *place, struct vain_data *out)
{
    struct vain_corpus corpus;
    VAIN_TRY(vain_corpus_open(options, place->spec_folder, place->names, place->name_count,
                              place->own_name, place->context, &corpus));
    vain_data_of_corpus(&corpus, out);
    return VAIN_OK;
}

static enum vain_status open_images(const struct vain_data_options *options,
                                    const struct vain_data_place *place, int member,
                                    struct vain_data *out)
{
    char path[VAIN_PATH_BYTES];
    VAIN_TRY(vain_partition_path(options, place->spec_folder, place->own_name, path));
    VAIN_TRY(
        vain_image_data_open(options, path, place->seed, member, place->name_count, &out->images));
    out->kind = VAIN_DATA_IMAGES;
    out->symbol_count = out->images.train.class_count;
    out->symbol_kind = "classes";
    out->bytes = vain_image_data_bytes(&out->images);
    return VAIN_OK;
}

static int64_t images_bytes(const struct vain_images *images)
{
    return images->array.count * (int64_t)vain_array_element_bytes(images->array.type);
}

static enum vain_status open_episodes(const struct vain_data_options *options,
                                      const struct vain_data_place *place, int member,
                                      struct vain_data *out)
{
    char path[VAIN_PATH_BYTES];
    VAIN_TRY(vain_partition_path(options, place->spec_folder, place->own_name, path));
    VAIN_TRY(vain_episode_data_open(options, path, place->seed, member, place->name_count,
                                    &out->episodes));
    out->kind = VAIN_DATA_EPISODES;
    out->symbol_count = options->way;
    out->symbol_kind = "classes";
    out->bytes = images_bytes(&out->episodes.set.images);
    return VAIN_OK;
}

static enum vain_status open_sentences(const struct vain_data_options *options,
                                       const struct vain_data_place *place, int member,
                                       struct vain_data *out)
{
    char path[VAIN_PATH_BYTES];
    VAIN_TRY(vain_partition_path(options, place->spec_folder, place->own_name, path));
    VAIN_TRY(vain_sentence_data_open(options, path, place->context, place->seed, member,
                                     place->name_count, &out->sentences));
    out->kind = VAIN_DATA_SENTENCES;
    out->symbol_count = out->sentences.set.vocabulary.symbol_count;
    out->symbol_kind = "words";
    out->words = out->sentences.words;
    for (int s = 0; s < VAIN_SPLITS; s++)
        out->bytes += out->sentences.set.splits[s].count * (out->sentences.set.T + 4) *
                      (int64_t)sizeof(int32_t);
    return VAIN_OK;
}

static enum vain_status open_kind(enum vain_data_kind kind, const struct vain_data_options *options,
                                  const struct vain_data_place *place, int member,
                                  struct vain_data *out)
{
    switch (kind) {
    case VAIN_DATA_TEXT:
        return open_text(options, place, out);
    case VAIN_DATA_IMAGES:
        return open_images(options, place, member, out);
    case VAIN_DATA_EPISODES:
        return open_episodes(options, place, member, out);
    case VAIN_DATA_SENTENCES:
        return open_sentences(options, place, member, out);
    }
    return VAIN_OK;
}

enum vain_status vain_data_open(const struct vain_data_options *options,
                                const struct vain_data_place *place, struct vain_data *out)
{
    static const char section[] = "data.";
    struct vain_data_source source;
    int member;
    memset(out, 0, sizeof *out);
    VAIN_TRY(vain_partition_place(place->names, place->name_count, place->own_name, &member));
    VAIN_TRY(vain_data_source(options, &source));
    const enum vain_status status = open_kind(source.kind, options, place, member, out);
    /* Whoever opens a file knows its path only; the reader of the message looks for the key. */
    if (status < 0 && status != VAIN_ERR_MEMORY &&
        strncmp(vain_fail_message(), section, sizeof section - 1) != 0)
        return vain_fail(status, "%s: %s", source.key, vain_fail_message());
    VAIN_TRY(status);
    out->member = member;
    out->member_count = place->name_count;
    return VAIN_OK;
}

void vain_data_close(struct vain_data *data)
{
    vain_corpus_close(&data->corpus);
    vain_image_data_close(&data->images);
    vain_episode_data_close(&data->episodes);
    vain_sentence_data_close(&data->sentences);
    memset(data, 0, sizeof *data);
}

int64_t vain_data_first_difference(const struct vain_data *data, int64_t symbol_count,
                                   const uint32_t *symbols, const char *words)
{
    const int64_t common = data->symbol_count < symbol_count ? data->symbol_count : symbol_count;
    int64_t at = 0;
    if (symbols != NULL && data->vocabulary != NULL)
        while (at < common && symbols[at] == data->vocabulary[at])
            at++;
    else if (words != NULL && data->words != NULL)
        while (at < common && memcmp(words + at * VAIN_WORD_BYTES,
                                     data->words + at * VAIN_WORD_BYTES, VAIN_WORD_BYTES) == 0)
            at++;
    else if (symbols == NULL && words == NULL && data->vocabulary == NULL && data->words == NULL)
        at = common;
    return at == data->symbol_count && at == symbol_count ? -1 : at;
}

static void hash_images(int64_t classes, const struct vain_images *images,
                        uint8_t out[VAIN_MIN_LEN(32)])
{
    const int64_t numbers[] = {classes, images->height, images->width, images->channels};
    struct vain_hash_state state;
    vain_hash_init(&state, "vain/classes");
    for (size_t i = 0; i < VAIN_COUNT_OF(numbers); i++) {
        uint8_t bytes[8];
        for (int b = 0; b < 8; b++)
            bytes[b] = (uint8_t)((uint64_t)numbers[i] >> (8 * b));
        vain_hash_update(&state, bytes, sizeof bytes);
    }
    vain_hash_final(&state, out);
}

void vain_data_hash(const struct vain_data *data, uint8_t out[VAIN_MIN_LEN(32)])
{
    switch (data->kind) {
    case VAIN_DATA_TEXT:
        vain_corpus_hash(&data->corpus, out);
        break;
    case VAIN_DATA_IMAGES:
        hash_images(data->symbol_count, &data->images.train, out);
        break;
    case VAIN_DATA_EPISODES:
        hash_images(data->symbol_count, &data->episodes.set.images, out);
        break;
    case VAIN_DATA_SENTENCES:
        vain_vocabulary_hash(&data->sentences.set.vocabulary, out);
        break;
    }
}
