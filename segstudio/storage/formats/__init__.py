"""Annotation formats, one module each: how values become a file, and how they are read again.

May import `core` and `storage`.
"""
