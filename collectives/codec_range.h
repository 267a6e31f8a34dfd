/* Inside the codec: where its first state comes from. */
#pragma once

#include "collectives/codec.h"

/* For the first round, from the checked step_bound of vain_codec_init. */
struct vain_codec_state vain_codec_first(const struct vain_codec *codec, double step_bound);
