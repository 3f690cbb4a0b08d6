"""Files: images, masks, ground truth, journal, predictions, settings.

What lives here reads and writes the disk and may import `core` only; no torch, no Qt, no session.
Heavy readers (PIL, OpenCV, tifffile) are imported where they are used, so that the window can
import this package at start-up for the price of its names.
"""
