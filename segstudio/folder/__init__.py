"""The open folder.

Finding images and truth, going from image to image, what its masks and classes mean.
"""
