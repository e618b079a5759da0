/* Reads images from standard input and writes their logits to standard output, in the order of this machine. */
#include <stdio.h>

#include "net.h"

int main(void)
{
    int32_t logits[NET_CLASSES];
    const size_t size = (size_t)NET_HEIGHT * NET_WIDTH * NET_CHANNELS;
    while (fread(net_image(), 1, size, stdin) == size) {
        net_run(logits);
        if (fwrite(logits, sizeof(int32_t), NET_CLASSES, stdout) != NET_CLASSES)
            return 1;
    }
    return 0;
}
