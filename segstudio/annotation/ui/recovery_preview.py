"""The picture of recovered strokes over their image, made in a job."""

from __future__ import annotations

from segstudio.core.labels import Image, LabelMap
from segstudio.core.render import overlay_rgb
from segstudio.core.schema import LabelSchema
from segstudio.storage.journal import Recovered, replay


def preview(item: Recovered, schema: LabelSchema) -> Image:
    """The photo with what the strokes painted, (H, W, 3) uint8 RGB.

    Erased pixels cannot be seen, since the strokes are painted on an empty map.

    Raises:
        SegstudioError: if the image cannot be read or has another size now.
    """
    from segstudio.storage.decode import read_image

    pixels = read_image(item.image, item.page).pixels
    painted, _ = replay(item, LabelMap.empty(item.shape_hw))
    return overlay_rgb(pixels, painted.labels, schema, 0.6, "both")
