"""Networks as int8 C99 code for microcontrollers: quantised, simulated in numpy, and written."""
