/* $title */
#ifndef NET_H
#define NET_H

#include <stdint.h>

#define NET_HEIGHT $height
#define NET_WIDTH $width
#define NET_CHANNELS $channels
#define NET_CLASSES $classes
#define NET_LOGIT_UNIT $unit /* a logit of 1.0 */
#define NET_MACS INT64_C($macs) /* multiply-accumulates of one image */
#define NET_FLASH_BYTES $flash /* constants: weights, multipliers, biases; without code */
#define NET_SRAM_BYTES $sram /* static memory: arena and patch; without stack */
#define NET_CLASS_NAMES { \
$names \
}

#ifdef __cplusplus
extern "C" {
#endif

/* The image: uint8, rows, columns, channels ($colour), values from 0 to 255. net_run destroys it. */
uint8_t *net_image(void);

/* Computes the logits of the image in units of 1 / NET_LOGIT_UNIT. */
void net_run(int32_t logits[NET_CLASSES]);

/* Returns the class with the largest logit, from 0; the first of equal ones. */
int32_t net_class(const int32_t logits[NET_CLASSES]);

#ifdef __cplusplus
}
#endif

#endif
