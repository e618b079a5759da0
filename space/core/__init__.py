"""Errors, atomic files, validation and text: the foundation of the other packages."""
