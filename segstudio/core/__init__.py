"""Values and maths: numpy and OpenCV only.

What lives here knows nothing of files, torch, threads or Qt, and every other package may import it.
Arrays are rows first (y, x); points are (x, y). Pixel (x, y) covers [x, x + 1) x [y, y + 1).
"""
