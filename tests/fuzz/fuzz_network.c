/* Layers of a convnet as a spec writes them: whatever stands there, either a message or layers
 * whose shapes fit each other. The first four bytes are the size of the images and the classes. */
#include <stdint.h>
#include <string.h>

#include "models/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char text[VAIN_NETWORK_BYTES], message[256] = "";
    struct vain_network network;
    if (bytes < 4 || bytes - 4 >= sizeof text)
        return 0;
    memcpy(text, data + 4, bytes - 4);
    text[bytes - 4] = '\0';
    if (vain_network_parse(text, &network, message, sizeof message) != VAIN_OK ||
        vain_network_shape(&network, data[0], data[1], data[2], data[3], message, sizeof message) !=
            VAIN_OK) {
        VAIN_ASSERT(message[0] != '\0');
        return 0;
    }
    for (int i = 0; i < network.count; i++) {
        const struct vain_network_layer *layer = &network.layers[i];
        const int64_t numbers = layer->H * layer->W * layer->C;
        VAIN_ASSERT(numbers > 0 && layer->rows > 0 && layer->columns > 0 && layer->channels > 0);
        if (i > 0)
            VAIN_ASSERT(layer[-1].rows * layer[-1].columns * layer[-1].channels == numbers);
    }
    VAIN_ASSERT(network.layers[network.count - 1].channels == data[3]);
    return 0;
}
