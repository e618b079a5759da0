"""Exports of trained networks, checked against torch."""
