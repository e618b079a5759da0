/* Runs the network on one image and compares the logits. The exit code is 0 if they are equal. */
#ifndef ARDUINO
#include <stdio.h>
#include <string.h>

#include "example.h"
#include "net.h"

static const char *const names[] = NET_CLASS_NAMES;

int main(void)
{
    int32_t logits[NET_CLASSES];
    int differ = 0;
    memcpy(net_image(), example_image, sizeof(example_image));
    net_run(logits);
    for (int i = 0; i < NET_CLASSES; i++) {
        printf("%-20s %9.4f\n", names[i], (double)logits[i] / NET_LOGIT_UNIT);
        differ |= logits[i] != example_logits[i];
    }
    printf("class: %s\n%s\n", names[net_class(logits)], differ ? "MISMATCH" : "OK");
    return differ;
}
#endif
