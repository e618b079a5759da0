"""Targets in words: their limits, for tables and the opening lines of a search."""

from __future__ import annotations

from space.targets.target import Target

WORDS = {
    "max_flash_kib": "{:g} KiB of flash",
    "max_sram_kib": "{:g} KiB of SRAM",
    "max_params": "{:,} parameters",
    "max_macs": "{:,} MACs",
}
"""A limit in words, by its key."""


def limits_text(target: Target) -> str:
    """Return the limits of a target in words, such as ``768 KiB of flash, 192 KiB of SRAM``; ``none`` without any."""
    limits = target.limits
    return ", ".join(words.format(limits[key]) for key, words in WORDS.items() if key in limits) or "none"
