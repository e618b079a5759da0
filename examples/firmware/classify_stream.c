/* Classifies images from standard input, each NET_HEIGHT x NET_WIDTH x NET_CHANNELS bytes, and prints their classes.
   cc -std=c99 -O2 -I EXPORT/firmware EXPORT/firmware/net.c classify_stream.c -o classify */
#include <stdio.h>

#include "net.h"

static const char *const names[] = NET_CLASS_NAMES;

int main(void)
{
    const size_t size = (size_t)NET_HEIGHT * NET_WIDTH * NET_CHANNELS;
    int32_t logits[NET_CLASSES];
    while (fread(net_image(), 1, size, stdin) == size) {
        net_run(logits);
        puts(names[net_class(logits)]);
    }
    return 0;
}
