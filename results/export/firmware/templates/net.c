/* $title
 * Generated code: int8 weights, integer arithmetic only, no dependency. C99. Not reentrant. */
#include "net.h"

static uint8_t arena[$arena];
static int16_t patch[$patch];

/* uint8 values of pixels outside the image */
static const uint8_t mean_pixel[$channels] = {$mean_pixel};

/* int8, for each operator: output channels, rows, columns, input channels */
static const int8_t weights[$num_weights] = {
$weights
};

/* int32, for each step: multipliers of the operator, of the tensor inside the norm, biases; of added tensors */
static const int32_t tables[$num_tables] = {
$tables
};

$common
$functions
uint8_t *net_image(void)
{
    return arena;
}

void net_run(int32_t logits[NET_CLASSES])
{
$calls
}

int32_t net_class(const int32_t logits[NET_CLASSES])
{
    int32_t best = 0;
    for (int32_t i = 1; i < NET_CLASSES; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}
