"""Networks as programs for microcontrollers: steps, exact flash and SRAM, and their integers; torch is not needed."""
