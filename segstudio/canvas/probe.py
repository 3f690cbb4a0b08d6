"""What lies under the pointer: values for the status bar."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.canvas.overlay import shown_prediction
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.session.session import ViewState


@dataclass(frozen=True)
class Probe:
    """The values of one image pixel.

    Attributes:
        x: Column.
        y: Row.
        values: The stored values, one for each channel; where they are not known the colours.
        annotation: Class id of the annotation.
        annotation_instance: Its instance id, or None where none are kept.
        truth: Class id of the ground truth as loaded, or None if there is none.
        predicted: Class id of the shown prediction, or None if there is none.
        own_schema: The model's classes, where the prediction is shown in these; else None.
        probability: Of the predicted class, 0..1, or None.
        predicted_instance: Instance id of the shown prediction, or None where there are none.
    """

    x: int
    y: int
    values: tuple[int | float, ...]
    annotation: int
    annotation_instance: int | None = None
    truth: int | None = None
    predicted: int | None = None
    probability: float | None = None
    predicted_instance: int | None = None
    own_schema: LabelSchema | None = None

    def predicted_name(self, folder: LabelSchema) -> str:
        """What the prediction says there, in the classes in which it is shown; "" without one."""
        schema = self.own_schema or folder
        return "" if self.predicted is None else schema.name_of(self.predicted)


def probe(document: Document, view: ViewState, x: int, y: int) -> Probe | None:
    """The values at pixel (x, y), or None outside the image."""
    height, width = document.shape_hw
    if not (0 <= x < width and 0 <= y < height):
        return None
    annotation = document.annotation
    prediction = shown_prediction(document, view)
    ids = None if prediction is None else prediction.instance_ids
    return Probe(
        x,
        y,
        _values(document, x, y),
        int(annotation.labels[y, x]),
        None if annotation.instances is None else int(annotation.instances[y, x]),
        None if document.truth is None else int(document.truth.labels[y, x]),
        None if prediction is None else int(prediction.drawn[y, x]),
        None if prediction is None else int(prediction.confidence[y, x]) / 255,
        None if ids is None else int(ids[y, x]),
        None if prediction is None or prediction.own is None else prediction.schema,
    )


def _values(document: Document, x: int, y: int) -> tuple[int | float, ...]:
    if document.picture is not None:
        return document.picture.values_at(x, y)
    return tuple(int(value) for value in document.pixels[y, x])
