/* $title
 * Generated code: int8 weights, integer arithmetic only, no dependency. C99. Not reentrant. */
#include "net.h"

static uint8_t arena[$arena];
static int16_t patch[$patch];

$tables
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
