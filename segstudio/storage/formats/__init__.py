"""Formats of masks, one module each: how values become a file, and how they are read again."""
