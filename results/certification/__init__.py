"""Certification: networks trained again from several seeds, and measured once on the held-out test split."""
