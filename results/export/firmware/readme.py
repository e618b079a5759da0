"""README.md of the C code: its figures, and how to compile and call it."""

from __future__ import annotations

from results.export.preprocessing import Preprocessing
from space.networks.weights_file import Trained

_TEXT = """\
# {title}

int8 C99 code of `{notation}`. It needs no library, no heap and no floating point.

{table}

{flip}## Try it

```bash
cc -std=c99 -O2 net.c main.c -o example && ./example
```

It classifies the image in `example.h` and prints `OK` if the logits are those of the export.

## Use it

```c
#include "net.h"

int32_t logits[NET_CLASSES];
memcpy(net_image(), image, NET_HEIGHT * NET_WIDTH * NET_CHANNELS);
net_run(logits);
int32_t best = net_class(logits);
```

- An image is uint8, row by row, {height} x {width} pixels with {channels} values each ({colour}). The code
  normalises it.
- `net_run` destroys the image. Write the next one into `net_image()` again.
- Logits are integers in units of 1 / `NET_LOGIT_UNIT`. `NET_CLASS_NAMES` has the names of the classes.
- The code has one static arena. It is not reentrant.
- Arduino: open the folder `firmware` as a sketch. The code is for 32-bit processors. An 8-bit AVR copies the
  constants to SRAM.
"""


def readme(trained: Trained, table: str, notation: str) -> str:
    """Return README.md.

    Args:
        trained: The facts of the weights.
        table: The figures as Markdown.
        notation: The network.
    """
    interface = Preprocessing.of(trained)
    flip = ""
    if trained.test_flip:
        flip = (
            "The study averages logits over an image and its mirror image. This code computes the image alone; "
            "both accuracies above are without the mirror image.\n\n"
        )
    return _TEXT.format(
        title="A classifier for microcontrollers",
        notation=notation,
        table=table,
        flip=flip,
        height=trained.image_size[0],
        width=trained.image_size[1],
        channels=interface.channels,
        colour=interface.colour,
    )
