/* One vector code: its tables and whether this processor runs it. Compiled once for each, like the
 * other vector_*.c, except that the code's own instructions must not be needed to ask. */
#include "kernels/cpu/vector.h"

#include "kernels/cpu/processor.h"

extern const struct vain_product_code VAIN_CODE_NAME(vain_product_code);
extern const struct vain_tile_code VAIN_CODE_NAME(vain_tile_code);
extern const struct vain_row_code VAIN_CODE_NAME(vain_row_code);
extern const struct vain_range_code VAIN_CODE_NAME(vain_range_code);
extern const struct vain_integer_code VAIN_CODE_NAME(vain_integer_code);
extern const struct vain_image_code VAIN_CODE_NAME(vain_image_code);

#define VAIN_TEXT_(x) #x
#define VAIN_TEXT(x)  VAIN_TEXT_(x)

extern const struct vain_vector_code VAIN_CODE_NAME(vain_vector_code);
const struct vain_vector_code VAIN_CODE_NAME(vain_vector_code) = {
    .name = VAIN_TEXT(VAIN_ISA),
    .available = VAIN_CODE_NAME(vain_processor_has),
    .fused = VAIN_FUSED != 0,
    .product = &VAIN_CODE_NAME(vain_product_code),
    .tile = &VAIN_CODE_NAME(vain_tile_code),
    .row = &VAIN_CODE_NAME(vain_row_code),
    .range = &VAIN_CODE_NAME(vain_range_code),
    .integer = &VAIN_CODE_NAME(vain_integer_code),
    .image = &VAIN_CODE_NAME(vain_image_code),
};
