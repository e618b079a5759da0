// Runs the network on the example image again and again, and prints class, check and time.
// Copy your own image to net_image(): NET_HEIGHT x NET_WIDTH x NET_CHANNELS bytes.
#include <string.h>

#include "example.h"
#include "net.h"

static const char *const names[] = NET_CLASS_NAMES;

void setup() { Serial.begin(115200); }

void loop() {
  static int32_t logits[NET_CLASSES];
  memcpy(net_image(), example_image, sizeof(example_image));
  const unsigned long begin = micros();
  net_run(logits);
  const unsigned long duration = micros() - begin;
  Serial.print(names[net_class(logits)]);
  Serial.print(memcmp(logits, example_logits, sizeof(logits)) == 0 ? " OK " : " MISMATCH ");
  Serial.print(duration);
  Serial.println(" us");
  delay(1000);
}
