"""Which planes lie over the photo for a document and a view state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.render import color_table, confidence_table, difference_table
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.session.session import Layer, OverlayStyle, ViewState
from segstudio.ui.canvas.photo import Pixels
from segstudio.ui.canvas.planes import (
    DifferencePlane,
    LabelPlane,
    Plane,
    StillMap,
    ValuePlane,
    premultiplied,
)

_NOTHING = np.zeros((256, 4), np.uint8)


@dataclass(frozen=True)
class Look:
    """All that decides what lies over the photo.

    Attributes:
        schema: The classes in force.
        view: Layer, style, opacity, hidden classes, run.
        outline_px: Width of outlines in device pixels.
    """

    schema: LabelSchema
    view: ViewState
    outline_px: int

    def colours(self, prediction: Prediction | None, *, filled: bool) -> Pixels:
        """Colours of regions and outlines, (512,), as `LabelPlane` wants them.

        Outlines are opaque, so that they can be seen on any photo.
        """
        fill = self._table(prediction, self.view.opacity) if filled else _NOTHING
        return premultiplied(np.concatenate((fill, self._table(prediction, 1.0))))

    def _table(self, prediction: Prediction | None, opacity: float) -> npt.NDArray[np.uint8]:
        table = color_table(self.schema, hidden=self.view.hidden_classes, opacity=opacity)
        if prediction is not None:
            # The folder's colours where it has the class, else the model's own.
            for spec in prediction.schema.classes:
                if self.schema.get(spec.id) is None:
                    table[spec.id, :3] = spec.color
        return table


def shown_prediction(document: Document, view: ViewState) -> Prediction | None:
    """The prediction that the view asks for, or None."""
    return document.predictions.get(view.run)


def shown_layer(document: Document, view: ViewState) -> Layer:
    """The layer that can be shown: without a prediction only the annotation is left."""
    if shown_prediction(document, view) is None:
        return Layer.ANNOTATION if view.layer is Layer.BOTH else view.layer
    if view.layer is Layer.BOTH and not document.has_reference:
        return Layer.PREDICTION
    return view.layer


def planes_for(document: Document, look: Look) -> tuple[Plane, ...]:
    """The planes from the photo upwards."""
    if not look.view.overlay_visible:
        return ()
    layer = shown_layer(document, look.view)
    prediction = shown_prediction(document, look.view)
    if layer is Layer.ANNOTATION:
        return (_label_plane(document.annotation, look),)
    make = _OF_PREDICTION.get(layer)
    if make is None or prediction is None:
        return ()
    return make(document, prediction, look)


def _label_plane(
    source: LabelMap | StillMap, look: Look, prediction: Prediction | None = None
) -> LabelPlane:
    style = look.view.style
    colours = look.colours(prediction, filled=style is not OverlayStyle.OUTLINE)
    return LabelPlane(source, colours, 0 if style is OverlayStyle.FILL else look.outline_px)


def _prediction(document: Document, prediction: Prediction, look: Look) -> tuple[Plane, ...]:
    source = StillMap(prediction.labels, prediction.instance_ids)
    return (_label_plane(source, look, prediction),)


def _both(document: Document, prediction: Prediction, look: Look) -> tuple[Plane, ...]:
    """The prediction filled (only outlined, thinly, in the outline style), the annotation's
    outline over it.
    """
    source = StillMap(prediction.labels, prediction.instance_ids)
    filled = look.view.style is not OverlayStyle.OUTLINE
    below = LabelPlane(source, look.colours(prediction, filled=filled), 0 if filled else 1)
    lines = look.colours(None, filled=False)
    return (below, LabelPlane(document.annotation, lines, look.outline_px))


def _difference(document: Document, prediction: Prediction, look: Look) -> tuple[Plane, ...]:
    colours = premultiplied(difference_table(look.view.opacity))
    ignore = look.schema.ignore_index
    return (DifferencePlane(document.annotation, prediction.labels, ignore, colours),)


def _confidence(document: Document, prediction: Prediction, look: Look) -> tuple[Plane, ...]:
    colours = premultiplied(confidence_table(look.view.opacity))
    return (ValuePlane(prediction.confidence, colours),)


_OF_PREDICTION: dict[Layer, Callable[[Document, Prediction, Look], tuple[Plane, ...]]] = {
    Layer.PREDICTION: _prediction,
    Layer.BOTH: _both,
    Layer.DIFFERENCE: _difference,
    Layer.CONFIDENCE: _confidence,
}
