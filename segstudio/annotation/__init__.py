"""Annotations: painting, undo, classes, saving, recovery, export."""
