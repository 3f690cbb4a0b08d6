"""Arrays as pictures of Qt."""

from __future__ import annotations

import numpy as np

from segstudio.kit.pixmaps import as_qimage, pixmap_of


def test_a_picture_keeps_its_colours_however_the_array_lies_in_memory(qapp):
    whole = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    for pixels in (whole, whole[1:4, 2:5], whole[::-1], whole[:, ::2]):
        image = as_qimage(pixels)
        assert (image.height(), image.width()) == pixels.shape[:2]
        for y, x in np.ndindex(pixels.shape[:2]):
            assert image.pixelColor(x, y).getRgb()[:3] == tuple(map(int, pixels[y, x]))
    assert pixmap_of(whole).toImage().pixelColor(3, 2).getRgb()[:3] == tuple(map(int, whole[2, 3]))
