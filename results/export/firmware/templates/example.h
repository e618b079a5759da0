/* One image, $origin, and the logits that net_run must give. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <stdint.h>

static const uint8_t example_image[] = {
$image
};
static const int32_t example_logits[] = {
$logits
};

#endif
