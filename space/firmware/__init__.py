"""Networks as programs for microcontrollers: integer steps, and their exact flash and SRAM; torch is not needed."""
