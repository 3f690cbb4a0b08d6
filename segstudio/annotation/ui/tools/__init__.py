"""The tools of the canvas, one a module."""
