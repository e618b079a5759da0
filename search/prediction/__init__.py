"""Predictions of an exported network for image files, folders and arrays."""
