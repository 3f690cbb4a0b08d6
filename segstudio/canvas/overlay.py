"""Which planes lie over the photo for a document and a view state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from segstudio.canvas.flavours import ObjectPlane, has_objects, toned
from segstudio.canvas.photo import Pixels
from segstudio.canvas.planes import (
    ClassesAlone,
    DashedPlane,
    DifferencePlane,
    LabelPlane,
    Plane,
    Source,
    StillMap,
    ValuePlane,
    VotePlane,
    premultiplied,
)
from segstudio.canvas.tool import PAN
from segstudio.core.labels import InstanceIds, LabelMap
from segstudio.core.object_tones import Tones
from segstudio.core.prediction import BINARY_ENTROPY, Prediction
from segstudio.core.render import (
    color_table,
    confidence_table,
    difference_table,
    entropy_table,
    writers_table,
)
from segstudio.core.schema import LabelSchema
from segstudio.metrics.votes import highest_vote_entropy
from segstudio.session.disputes import Disputes
from segstudio.session.document import Document
from segstudio.session.session import Flavour, Layer, OverlayStyle, Pane, Session, ViewState

_NOTHING = np.zeros((256, 4), np.uint8)
_OF_MODEL = (Layer.PREDICTION, Layer.CONFIDENCE, Layer.ENTROPY)
"""Layers that show nothing of the annotation."""


@dataclass(frozen=True)
class OverlayLook:
    """All that decides what lies over the photo.

    Attributes:
        schema: The classes in force.
        view: Layer, style, opacity, hidden classes, run.
        outline_px: Width of outlines in device pixels.
        disputes: Where the document's predictions differ, if that is known.
        left_out: Runs that are not to be compared there.
        model_filled: Whether of annotation and prediction the prediction is filled: one looks at
            the network, not at what is edited.
        tones: The tones of a map's objects by id; None: by number.
    """

    schema: LabelSchema
    view: ViewState
    outline_px: int
    disputes: Disputes | None = None
    left_out: frozenset[str] = frozenset()
    model_filled: bool = False
    tones: Callable[[InstanceIds], Tones] | None = None

    def colours(self, prediction: Prediction | None, *, filled: bool) -> Pixels:
        """Colours of regions and outlines, (512,), as `LabelPlane` wants them.

        Outlines are opaque, so that they can be seen on any photo.
        """
        return premultiplied(self._colours(prediction, filled=filled))

    def of_objects(self, prediction: Prediction | None, *, filled: bool) -> Pixels:
        """The same for each tone of objects, as `ObjectPlane` wants them."""
        colours = self._colours(prediction, filled=filled)
        return toned(colours, self.view.flavour)

    def _colours(self, prediction: Prediction | None, *, filled: bool) -> npt.NDArray[np.uint8]:
        fill = self._table(prediction, self.view.opacity) if filled else _NOTHING
        return np.concatenate((fill, self._table(prediction, 1.0)))

    def dashed(self, source: Source, prediction: Prediction | None = None) -> DashedPlane:
        """Dashed outlines of the classes that are shown: half as wide as the others."""
        drawn = (self._table(prediction, 1.0)[:, 3] > 0).astype(np.uint8)
        return DashedPlane(source, drawn, (self.outline_px + 1) // 2)

    def _table(self, prediction: Prediction | None, opacity: float) -> npt.NDArray[np.uint8]:
        if prediction is not None and prediction.own is not None:
            return color_table(prediction.schema, opacity=opacity)
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


def second_prediction(document: Document, view: ViewState) -> Prediction | None:
    """The prediction that the shown one is compared with: the one asked for, else another."""
    asked = document.predictions.get(view.second)
    if asked is not None and view.second != view.run:
        return asked
    return next((p for run, p in document.predictions.items() if run != view.run), None)


def shown_layer(document: Document, view: ViewState) -> Layer:
    """The layer that can be shown: without a prediction only the annotation is left."""
    if shown_prediction(document, view) is None:
        return Layer.ANNOTATION if view.layer is Layer.BOTH else view.layer
    if view.layer is Layer.BOTH and not document.has_reference:
        return Layer.PREDICTION
    return view.layer


def objects_shown(document: Document, view: ViewState) -> bool:
    """Whether what a view shows differs between the ways to look at objects."""
    layer = shown_layer(document, view)
    of_model = layer in (Layer.PREDICTION, Layer.BOTH)
    if of_model and has_objects(shown_prediction(document, view)):
        return True
    original = layer is Layer.ORIGINAL
    drawn = (document.older or document.truth) if original else document.annotation
    painted = layer in (Layer.ANNOTATION, Layer.ORIGINAL, Layer.BOTH)
    return painted and drawn is not None and drawn.instances is not None


def objects_run(document: Document, view: ViewState) -> str | None:
    """Whose objects a view tells apart: "" for the annotation's, or a run; None where none are."""
    prediction = shown_prediction(document, view)
    of_model = None if prediction is None or prediction.instance_ids is None else prediction.run
    if view.layer is Layer.NONE:
        return None
    if view.layer in _OF_MODEL:
        return of_model
    return of_model if document.annotation.instances is None else ""


def why_no_flavour(document: Document, view: ViewState) -> str:
    """Why a view does not look different in another flavour, in a sentence; "" if it does.

    Args:
        document: The image.
        view: What is shown of it in that view; see `ViewState.of_pane`.
    """
    sides = (view,) if view.against is None else (view, replace(view, **_of_pane(view.against)))
    if view.overlay_visible and any(objects_shown(document, side) for side in sides):
        return ""
    name = document.ref.title
    prediction = shown_prediction(document, view)
    if prediction is None:
        return f"No prediction is shown of {name}: run a model that finds objects (F5)."
    if has_objects(prediction):
        return f"The objects of {name} are not shown: choose the layer Prediction (T)."
    return (
        f"The prediction of {name} by {prediction.title} has classes alone, no objects: "
        "choose an instance or panoptic model."
    )


def _of_pane(pane: Pane) -> dict[str, Any]:
    return {"layer": pane.layer, "run": pane.run, "second": pane.second, "flavour": pane.flavour}


def model_filled(session: Session) -> bool:
    """Whether of annotation and prediction the prediction is filled: while one looks into the
    network. What is edited is filled, so not with a tool that edits in hand.
    """
    return session.inspection.active and session.view.tool == PAN


def shows_annotation(document: Document, view: ViewState) -> bool:
    """Whether what is painted is seen in any of the views."""
    if not view.overlay_visible:
        return False
    seen = {Layer.ANNOTATION, Layer.BOTH, Layer.PROVENANCE}
    return any(
        pane.layer in seen or (pane.layer is Layer.DIFFERENCE and pane.run in document.predictions)
        for pane in view.all_panes
    )


def shown_maps(document: Document, look: OverlayLook) -> tuple[object, ...]:
    """What of the predictions is seen, for telling by identity whether it is still the same."""
    layer = shown_layer(document, look.view)
    if layer is Layer.ORIGINAL:
        return (layer, document.older or document.truth)
    if layer is Layer.DISAGREEMENT:
        voters = (p for run, p in document.predictions.items() if run not in look.left_out)
        return (layer, look.disputes, *voters)
    other = second_prediction(document, look.view) if layer is Layer.MODELS else None
    return (layer, shown_prediction(document, look.view), other)


def planes_for(document: Document, look: OverlayLook) -> tuple[Plane, ...]:
    """The planes from the photo upwards."""
    if not look.view.overlay_visible:
        return ()
    layer = shown_layer(document, look.view)
    prediction = shown_prediction(document, look.view)
    if layer is Layer.ANNOTATION:
        return (_map_plane(document.annotation, look),)
    if layer is Layer.ORIGINAL:
        original = document.older or document.truth
        return () if original is None else (_map_plane(original, look),)
    if layer is Layer.PROVENANCE:
        writers = document.annotation.writers
        colours = premultiplied(writers_table(look.view.opacity))
        if writers is None:
            return ()
        # or what is labelled by nobody known would look like what is not labelled
        return (ValuePlane(writers, colours), look.dashed(document.annotation))
    if layer is Layer.DISAGREEMENT:
        return _disagreement(document, look)
    make = _OF_PREDICTION.get(layer)
    if make is None or prediction is None:
        return ()
    return make(document, prediction, look)


def _map_plane(
    source: LabelMap | StillMap, look: OverlayLook, prediction: Prediction | None = None
) -> Plane:
    """A label map in the chosen flavour; of a prediction or, without one, of what is painted."""
    style, flavour = look.view.style, look.view.flavour
    filled = style is not OverlayStyle.OUTLINE
    width = 0 if style is OverlayStyle.FILL else look.outline_px
    if source.instances is None or flavour is Flavour.SEMANTIC:
        return LabelPlane(seen_map(source, flavour), look.colours(prediction, filled=filled), width)
    tones = None
    if look.tones is not None and flavour is Flavour.INSTANCE:
        tones = look.tones(source.instances)
    return ObjectPlane(source, look.of_objects(prediction, filled=filled), width, tones)


def _prediction(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    return (_prediction_plane(prediction, look),)


def _prediction_plane(prediction: Prediction, look: OverlayLook) -> Plane:
    return _map_plane(StillMap(prediction.drawn, prediction.instance_ids), look, prediction)


def still_map(prediction: Prediction, flavour: Flavour) -> StillMap:
    """A prediction's label map; its objects are not told apart where only classes are looked at."""
    apart = flavour is not Flavour.SEMANTIC
    return StillMap(prediction.drawn, prediction.instance_ids if apart else None)


def seen_map(source: LabelMap | StillMap, flavour: Flavour) -> Source:
    """The same of any label map."""
    if flavour is not Flavour.SEMANTIC or source.instances is None:
        return source
    return StillMap(source.labels) if isinstance(source, StillMap) else ClassesAlone(source)


def _both(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    """One in the colours of its classes, the outline of the other dashed over it."""
    if look.model_filled:
        painted = seen_map(document.annotation, look.view.flavour)
        return (_prediction_plane(prediction, look), look.dashed(painted))
    predicted = still_map(prediction, look.view.flavour)
    return (_map_plane(document.annotation, look), look.dashed(predicted, prediction))


def _difference(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    colours = premultiplied(difference_table(look.view.opacity))
    ignore = look.schema.ignore_index
    left_out = look.schema.left_out_id if look.schema.leaves_out else None
    nothing = look.schema.elsewhere_id
    return (
        DifferencePlane(document.annotation, prediction.labels, ignore, colours, left_out, nothing),
    )


def _confidence(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    colours = premultiplied(confidence_table(look.view.opacity))
    return (ValuePlane(prediction.confidence, colours),)


def _entropy(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    colours = premultiplied(entropy_table(look.view.opacity))
    if prediction.entropy is not None:
        return (ValuePlane(prediction.entropy, colours),)
    # of two classes it follows from the confidence: no map of the image's size is made
    return (ValuePlane(prediction.confidence, colours[BINARY_ENTROPY]),)


def _models(document: Document, prediction: Prediction, look: OverlayLook) -> tuple[Plane, ...]:
    other = second_prediction(document, look.view)
    if other is None:
        return ()
    colours = premultiplied(difference_table(look.view.opacity))
    return (DifferencePlane(StillMap(other.labels), prediction.labels, None, colours),)


def _disagreement(document: Document, look: OverlayLook) -> tuple[Plane, ...]:
    """The map that is made beside the event loop, or until it is there one of what is seen."""
    disputes = look.disputes
    if disputes is not None and disputes.document is document:
        return (ValuePlane(disputes.values, _vote_colours(look, len(disputes.runs))),)
    maps = tuple(p.labels for run, p in document.predictions.items() if run not in look.left_out)
    return (VotePlane(maps, _vote_colours(look, len(maps))),) if len(maps) > 1 else ()


def _vote_colours(look: OverlayLook, votes: int) -> Pixels:
    highest = highest_vote_entropy(votes, look.schema.num_classes)
    return premultiplied(entropy_table(look.view.opacity, highest))


_OF_PREDICTION: dict[Layer, Callable[[Document, Prediction, OverlayLook], tuple[Plane, ...]]] = {
    Layer.PREDICTION: _prediction,
    Layer.BOTH: _both,
    Layer.DIFFERENCE: _difference,
    Layer.CONFIDENCE: _confidence,
    Layer.ENTROPY: _entropy,
    Layer.MODELS: _models,
}
