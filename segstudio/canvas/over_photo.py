"""The planes of what the network inspector lays over the photo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from segstudio.canvas.overlay import (
    OverlayLook,
    seen_map,
    shown_layer,
    shown_prediction,
    still_map,
)
from segstudio.canvas.photo import Pixels
from segstudio.canvas.planes import LabelPlane, Plane, StillMap, ValuePlane, premultiplied
from segstudio.core.colour_maps import colour_table
from segstudio.core.prediction import Prediction
from segstudio.session.document import Document
from segstudio.session.inspection import BoxesOverPhoto, Inspection, OverPhoto, OverPhotoHeat
from segstudio.session.session import Layer

_OPAQUE_FROM = 128
"""The level from which on values that grow from nothing cover the photo fully."""


def over_photo_on(document: Document, inspection: Inspection) -> OverPhoto | None:
    """What lies over this document, or None; never that of another image."""
    traced = inspection.traced
    if traced is None or traced.document is not document:
        return None
    return inspection.over_photo


def planes_with(
    over: OverPhoto, document: Document, look: OverlayLook, asked: Prediction
) -> tuple[Plane, ...]:
    """The planes from the photo upwards, with outlines on top to find one's way.

    Args:
        over: What the inspector lays over the photo.
        document: The image.
        look: Style, opacity, classes.
        asked: Prediction of the traced network, for the colours of its classes.
    """
    if not look.view.overlay_visible:
        return ()
    if isinstance(over, OverPhotoHeat):
        values = ValuePlane(over.levels, premultiplied(heat_table(over)))
        return (values, *_outlines(document, look))
    if isinstance(over, BoxesOverPhoto):  # drawn as marks, in the screen's own pixels
        return _outlines(document, look)
    colours = look.colours(asked, filled=True)
    below = LabelPlane(StillMap(over.labels), colours, 0)
    if not document.has_reference:
        return (below,)
    return (below, look.dashed(document.annotation))


def heat_table(heat: OverPhotoHeat) -> npt.NDArray[np.uint8]:
    """(256, 4) RGBA by level."""
    table = np.empty((256, 4), np.uint8)
    table[:, :3] = colour_table(heat.colours.value)
    table[:, 3] = round(255 * heat.opacity)
    if heat.fades:
        share = np.minimum(np.arange(256) / _OPAQUE_FROM, 1.0)
        table[:, 3] = np.rint(255 * heat.opacity * share)
    return table


def outlined_layer(document: Document, look_layer: Layer) -> Layer | None:
    """Which label map is outlined over values: fillings and error colours would hide them."""
    if look_layer in (Layer.ANNOTATION, Layer.BOTH) and document.has_reference:
        return Layer.ANNOTATION
    return Layer.PREDICTION if look_layer is Layer.PREDICTION else None


def _outlines(document: Document, look: OverlayLook) -> tuple[Plane, ...]:
    layer = outlined_layer(document, shown_layer(document, look.view))
    if layer is None:
        return ()
    if layer is Layer.ANNOTATION:
        painted = seen_map(document.annotation, look.view.flavour)
        return (LabelPlane(painted, _lines(look, None), look.outline_px),)
    prediction = shown_prediction(document, look.view)
    if prediction is None:
        return ()
    source = still_map(prediction, look.view.flavour)
    return (LabelPlane(source, _lines(look, prediction), look.outline_px),)


def _lines(look: OverlayLook, prediction: Prediction | None) -> Pixels:
    return look.colours(prediction, filled=False)
