"""Pixels of the photo and places in pictures of the part of it that was traced."""

from __future__ import annotations

from segstudio.session.inspection import TracedNetwork


def photo_pixel(
    traced: TracedNetwork | None, place_xy: tuple[float, float] | None
) -> tuple[int, int] | None:
    """The photo's pixel (x, y) at a place given as shares of the traced part's sides."""
    if traced is None or place_xy is None:
        return None
    window = traced.input_geometry.window
    return (
        window.left + int(place_xy[0] * window.width),
        window.top + int(place_xy[1] * window.height),
    )


def photo_share(
    traced: TracedNetwork | None, pixel_xy: tuple[int, int] | None
) -> tuple[float, float] | None:
    """The inverse: shares of the middle of a pixel; None outside the traced part."""
    if traced is None or pixel_xy is None:
        return None
    window = traced.input_geometry.window
    x = (pixel_xy[0] + 0.5 - window.left) / window.width
    y = (pixel_xy[1] + 0.5 - window.top) / window.height
    return (x, y) if 0 <= x < 1 and 0 <= y < 1 else None
