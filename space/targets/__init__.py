"""Devices that a search is for: microcontrollers by name, a browser, a Raspberry Pi, a phone, and files of users."""
