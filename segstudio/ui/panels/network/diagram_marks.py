"""The same place in every stage's picture, and the photo's pixel under a place in a picture."""

from __future__ import annotations

from segstudio.core.diagram import Box, Node, Point
from segstudio.core.diagram_style import fitted
from segstudio.session.inspection import Traced
from segstudio.ui.panels.network.photo_place import photo_pixel


def picture_place(node: Node, traced: Traced) -> Box:
    """Where a stage's picture lies within its node: as large as its room allows, not distorted."""
    if node.layer.receptive_field is None:
        _, height, width = node.layer.shape
        return fitted(node.picture, width / height)
    window = traced.placement.window
    return fitted(node.picture, window.width / window.height)


def pixel_at(node: Node, traced: Traced, place: Point) -> tuple[int, int] | None:
    """The photo's pixel (x, y) under a place in the diagram; None beside the picture.

    None too for stages that have no place on the photo (features of a region).
    """
    box = picture_place(node, traced)
    if node.layer.receptive_field is None or not box.contains(place):
        return None
    share = (place[0] - box.left) / box.width, (place[1] - box.top) / box.height
    return photo_pixel(traced, share)


def mark_of(node: Node, traced: Traced, pixel_xy: tuple[int, int]) -> Box | None:
    """The position of a stage's map that lies over a photo's pixel, as a box in its picture.

    Half of what lies at the border may be padding; the box is cut to the picture.
    """
    layer = node.layer
    found = traced.placement.position(traced.trace, layer.id, pixel_xy)
    field = layer.receptive_field
    if found is None or field is None:
        return None
    box = picture_place(node, traced)
    sides = []
    for axis in (1, 0):
        length = traced.placement.resized_hw[axis]
        middle = field.start[axis] + field.jump[axis] * found[axis]
        low = max(0.0, (middle - field.jump[axis] / 2) / length)
        high = min(1.0, (middle + field.jump[axis] / 2) / length)
        sides.append((min(low, 1.0), max(high, 0.0)))
    (left, right), (top, bottom) = sides
    return Box(
        box.left + left * box.width,
        box.top + top * box.height,
        max(0.0, right - left) * box.width,
        max(0.0, bottom - top) * box.height,
    )
