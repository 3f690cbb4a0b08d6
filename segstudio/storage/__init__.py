"""Files: images, masks, ground truth, journal, predictions, settings.

Heavy readers (PIL, OpenCV, tifffile) are imported where they are used, so that the window can
import this package at start-up for the price of its names.
"""
