/* One kind of data behind one name. */
#include "jobs/data/data.h"

#include <string.h>

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

enum vain_status vain_data_open(const struct vain_data_options *options,
                                const struct vain_data_place *place, struct vain_data *out)
{
    struct vain_corpus corpus;
    memset(out, 0, sizeof *out);
    VAIN_TRY(vain_corpus_open(options, place->spec_folder, place->names, place->name_count,
                              place->own_name, place->context, &corpus));
    vain_data_of_corpus(&corpus, out);
    out->member_count = place->name_count;
    for (int i = 0; i < place->name_count; i++)
        out->member += strcmp(place->names[i], place->own_name) < 0 ? 1 : 0;
    return VAIN_OK;
}

void vain_data_close(struct vain_data *data)
{
    vain_corpus_close(&data->corpus);
    memset(data, 0, sizeof *data);
}

void vain_data_hash(const struct vain_data *data, uint8_t out[VAIN_MIN_LEN(32)])
{
    vain_corpus_hash(&data->corpus, out);
}
