"""What the header of a view and the legend say: words and colours, no widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from segstudio.canvas.flavours import has_objects
from segstudio.canvas.over_photo import outlined_layer
from segstudio.canvas.overlay import (
    objects_shown,
    second_prediction,
    shown_layer,
    shown_prediction,
)
from segstudio.comparison.comparing import OF_A_RUN, PaneScore
from segstudio.core.difference import (
    AGREE,
    DIFFERENCE_COLORS,
    ONLY_PREDICTION,
    ONLY_REFERENCE,
    WRONG_CLASS,
)
from segstudio.core.formatting import ratio_text
from segstudio.core.provenance import UNKNOWN, OwnPixels, WriterTable, writer_colors
from segstudio.core.render import confidence_table, entropy_table
from segstudio.core.schema import LabelSchema
from segstudio.core.series_colors import series_color
from segstudio.core.short_names import TITLE_CUTS, shared_parts
from segstudio.core.tones import PLAIN, tones_for
from segstudio.kit.layer_names import FLAVOUR_TEXTS
from segstudio.kit.model_titles import short_model_titles
from segstudio.metrics.tally import lead_short
from segstudio.runs.batch import model_of
from segstudio.session.document import Document
from segstudio.session.inspection import ClassMapOverPhoto, OverPhoto
from segstudio.session.session import (
    Change,
    Flavour,
    Layer,
    OverlayStyle,
    Pane,
    Session,
    ViewState,
    What,
)

if TYPE_CHECKING:
    from segstudio.comparison.comparing import Comparing

RGB = tuple[int, int, int]
_HOW: Final = {
    OverlayStyle.FILL: "filled",
    OverlayStyle.BOTH: "filled",
    OverlayStyle.OUTLINE: "outlined",
}
_OF_MODEL: Final = {
    Layer.DIFFERENCE: "difference from the annotation",
    Layer.CONFIDENCE: "confidence",
    Layer.ENTROPY: "entropy",
}
_AMONG_VIEWS: Final = {
    Layer.DIFFERENCE: "difference",
    Layer.CONFIDENCE: "confidence",
    Layer.ENTROPY: "entropy",
}
"""What is said of a model where the views show different layers."""
_NAMING: Final = (
    What.PROJECT | What.DOCUMENT | What.PREDICTIONS | What.VIEW | What.MODELS | What.EVALUATION
)
"""Changes after which models in the views may have other names or colours."""
_CAPTIONS: Final = {Layer.CONFIDENCE: "Confidence", Layer.ENTROPY: "Entropy"}
_SEEN_PX: Final = 512
"""Of so many rows and columns it is looked which classes a model found."""
_MOST_OWN: Final = 6
_MISSING: Final = {
    Layer.BOTH: "Prediction",
    Layer.PREDICTION: "Prediction",
    Layer.DIFFERENCE: "Difference",
    Layer.CONFIDENCE: "Confidence",
    Layer.ENTROPY: "Entropy",
    Layer.MODELS: "Difference of models",
}


@dataclass(frozen=True)
class Phrase:
    """A word or two of a header.

    Attributes:
        text: The words; "" for a sample of the dashed line.
        strong: Whether it is a name, which stays where there is little room.
    """

    text: str = ""
    strong: bool = False


DASH: Final = Phrase()
"""A sample of the dashed line."""


@dataclass(frozen=True)
class Heading:
    """What a view shows.

    Attributes:
        parts: From left to right.
        marker: Colour of the model, "#rrggbb"; "" for none.
        whole: The same with full names, for the tip and for screen readers.
    """

    parts: tuple[Phrase, ...] = ()
    marker: str = ""
    whole: str = ""


@dataclass(frozen=True)
class ScoreWords:
    """How good a view's prediction is; or why that is not known.

    Attributes:
        value: The figure, or "running …", "not run".
        figure: Whether it is a figure.
        before: Of what it is ("nucleus IoU").
        after: What it is measured against.
        best: Whether none of the other views is better.
    """

    value: str = ""
    figure: bool = False
    before: str = ""
    after: str = ""
    best: bool = False


@dataclass(frozen=True)
class LegendEntry:
    """One thing that the legend explains.

    Attributes:
        text: What it means; a caption if there is neither colour nor line.
        color: Of its swatch.
        dashed: Whether it explains the dashed line.
    """

    text: str
    color: RGB | None = None
    dashed: bool = False


@dataclass(frozen=True)
class Legend:
    """What the colours mean, said once for all views.

    Attributes:
        names: What the models of the views have in common ("Small U-Net").
        caption: Of which layer the colours are, where the views' headers do not say it.
        entries: The colours; none where the classes' own are used.
    """

    names: str = ""
    caption: str = ""
    entries: tuple[LegendEntry, ...] = ()


@dataclass(frozen=True)
class ViewNames:
    """Short names of the models that the views show.

    Attributes:
        common: What is left out of all of them.
        short: By run.
        titles: In full, by run.
        markers: "#rrggbb" by run.
    """

    common: str = ""
    short: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    markers: Mapping[str, str] = field(default_factory=dict)


class NamesInViews:
    """The names of the models in the views, worked out once for all who show them."""

    def __init__(self, session: Session, comparing: Comparing) -> None:
        self._session, self._comparing = session, comparing
        self._found: ViewNames | None = None
        session.changed.connect(self._on_change)

    @property
    def now(self) -> ViewNames:
        """As things are now."""
        if self._found is None:
            self._found = names_in_views(self._session, self._comparing)
        return self._found

    def _on_change(self, change: Change) -> None:
        if change.what & _NAMING:
            self._found = None


def names_in_views(session: Session, comparing: Comparing) -> ViewNames:
    """The names of the models that are seen in the views, as short as they can be told apart."""
    view = session.view
    panes = [*view.all_panes, *([view.against] if view.against is not None else [])]
    runs: dict[str, str] = {}
    for pane in panes:
        for run in _runs_of(pane, session.document):
            runs.setdefault(run, comparing.title(run))
    titles = list(runs.values())
    common = shared_parts(titles, TITLE_CUTS).begin
    if common:
        short = [title[len(common) :].lstrip(" ,-_(") or title for title in titles]
        short = [_closed(name) for name in short]
    else:
        others = {title for _, title, _ in comparing.choices()} - set(titles)
        short = short_model_titles(titles, sorted(others))
    return ViewNames(
        common.strip(" ,-_("),
        dict(zip(runs, short, strict=True)),
        runs,
        _markers(session, list(runs)),
    )


def heading(
    document: Document,
    view: ViewState,
    names: ViewNames,
    *,
    alone: bool,
    layer_said: bool = False,
    model_filled: bool = False,
    over: OverPhoto | None = None,
) -> Heading:
    """What one view shows.

    Args:
        document: The open image.
        view: What is shown of it in this view.
        names: Of the models in all views.
        alone: Whether it is the only view: then it is said which layer is drawn how.
        layer_said: Whether all views show the same layer, so that the names are enough.
        model_filled: Whether of annotation and prediction the prediction is filled.
        over: What the inspector lays over the photo here.
    """
    layer, run = shown_layer(document, view), view.run
    of_run = view.layer in OF_A_RUN and bool(run)
    marker = names.markers.get(run, "") if of_run and not alone else ""
    if over is not None and view.overlay_visible:
        return _heading(_caption(document, view, over), names, marker)
    if not view.overlay_visible:
        if alone or not of_run:
            return _heading([Phrase("Overlay hidden", strong=True)], names)
        parts = [Phrase(names.short.get(run, run), strong=True), Phrase("overlay hidden")]
        return _heading(parts, names, marker)
    if of_run and not alone and view.layer is not Layer.MODELS:
        parts = [Phrase(names.short.get(run, run), strong=True)]
        if not layer_said:
            parts += _among_views(view, model_filled)
    else:
        parts = _of_layer(document, view, layer, names, model_filled)
    said = (*_flavour(document, view), *_unscored(document, view))
    return _heading([*parts, *said], names, marker)


def score_words(
    score: PaneScore, state: str, schema: LabelSchema, against: str, *, alone: bool
) -> ScoreWords:
    """The figure of one view, with what it is and against what where there is one view.

    Args:
        score: Its figures.
        state: Why there are none ("not run"), or "".
        schema: The classes in force.
        against: What it is measured against: `against_text`.
        alone: Whether it is the only view.
    """
    if state:
        return ScoreWords(state)
    if score.mean_iou is None:
        return ScoreWords()
    value = ratio_text(score.mean_iou)
    if not alone:
        return ScoreWords(value, figure=True, before=figure_name(schema), best=score.best)
    return ScoreWords(value, figure=True, before=figure_name(schema), after=against)


def against_text(document: Document, run: str, own: OwnPixels | None = None) -> str:
    """What a run's figure is measured against.

    Args:
        document: The image.
        run: Key of the prediction.
        own: What was left out since the model wrote it; None where nobody knows.
    """
    if own is not None and own.own:
        return own.text
    if document.edited_at is None:
        return "against ground truth"
    if own is None and model_of(run) in map(model_of, document.runs_taken):
        return "partly against its own pixels"
    return "against your annotation"


def figure_name(schema: LabelSchema) -> str:
    """What the figure of a view is: of the one class that there is, or the mean over classes."""
    ids = tuple(schema.foreground_ids) if schema.has_foreground else ()
    spec = schema.get(ids[0]) if len(ids) == 1 else None
    return lead_short(schema) if spec is None else f"{spec.name} IoU"


def legend(
    document: Document,
    view: ViewState,
    names: ViewNames,
    *,
    alone: bool,
    silent: frozenset[str] = frozenset(),
    model_filled: bool = False,
    writers: WriterTable | None = None,
) -> Legend:
    """What the colours of a view mean.

    Args:
        document: The open image.
        view: What is shown of it in that view.
        names: Of the models in all views.
        alone: Whether it is the only view, whose header says the layer.
        silent: Runs that have no vote where the models disagree.
        model_filled: Whether of annotation and prediction the prediction is filled.
        writers: Which number is which model, where it is kept who writes pixels.
    """
    if view.overlay_visible and shown_layer(document, view) is Layer.PROVENANCE:
        found = Legend(names.common, "", _writers(document, writers or WriterTable()))
    else:
        found = _overlay_legend(document, view, names, alone, silent, model_filled)
    return replace(found, entries=(*found.entries, *_contrast(document, view)))


def _contrast(document: Document, view: ViewState) -> tuple[LegendEntry, ...]:
    """That the photo is not shown as it is, where the user may not know."""
    tones, by_itself = tones_for(document.tones, view.contrast)
    told = "photo brightened" if by_itself and tones != PLAIN else ""
    if view.contrast.inverted:
        told = f"{told}, inverted" if told else "photo inverted"
    return (LegendEntry(told),) if told else ()


def _overlay_legend(
    document: Document,
    view: ViewState,
    names: ViewNames,
    alone: bool,
    silent: frozenset[str],
    model_filled: bool,
) -> Legend:
    common = names.common
    if not view.overlay_visible:
        return Legend(common)
    layer = shown_layer(document, view)
    if layer is Layer.DISAGREEMENT:
        seen = len(document.predictions.keys() - silent) > 1
        return Legend(common, "", _levels(("weak", "medium", "strong")) if seen else ())
    by_object = layer is not Layer.BOTH and view.flavour is Flavour.INSTANCE
    if by_object and objects_shown(document, view):
        return Legend(common, "", (LegendEntry("a colour for each object"),))
    if shown_prediction(document, view) is None:
        return Legend(common)
    if layer is Layer.BOTH and not alone:
        filled, dashed = ("model", "annotation") if model_filled else ("annotation", "model")
        entry = LegendEntry(f"{dashed} dashed", dashed=True)
        return Legend(common, f"{filled} {_HOW[view.style]}", (entry,))
    if layer is Layer.PREDICTION and (own := _own_classes(document, view)):
        return Legend(common, "the model's own classes", own)
    return Legend(
        common, "" if alone else _CAPTIONS.get(layer, ""), _colours(document, view, names)
    )


# -- headings ------------------------------------------------------------------------------------


def _heading(parts: Sequence[Phrase], names: ViewNames, marker: str = "") -> Heading:
    full = {short: names.titles[run] for run, short in names.short.items()}
    words = [full.get(part.text, part.text) if part.strong else part.text for part in parts]
    whole = " ".join(word or "," for word in words).replace(" ,", ",")
    return Heading(tuple(parts), marker, whole)


def _of_layer(
    document: Document, view: ViewState, layer: Layer, names: ViewNames, model_filled: bool
) -> list[Phrase]:
    """The layer in words, with what is filled and what is dashed."""
    if layer is Layer.NONE:
        return [Phrase("Photo", strong=True), Phrase("only")]
    if layer in (Layer.ANNOTATION, Layer.ORIGINAL):
        return [Phrase(layer.capitalize(), strong=True), Phrase(_HOW[view.style])]
    if layer is Layer.PROVENANCE:
        said = (
            ""
            if document.annotation.writers is not None
            else "is not kept: Edit > Keep who wrote each pixel"
        )
        return [Phrase("Who wrote it", strong=True), *([Phrase(said)] if said else [])]
    if layer is Layer.DISAGREEMENT:
        enough = len(document.predictions) > 1
        said = "of the models" if enough else "needs two predictions"
        return [Phrase("Disagreement", strong=True), Phrase(said)]
    prediction = shown_prediction(document, view)
    if prediction is None:
        return [Phrase(_MISSING[layer], strong=True), Phrase("no prediction yet")]
    if layer is Layer.MODELS:
        return _of_two(document, view, names)
    model = Phrase(names.short.get(prediction.run, prediction.title), strong=True)
    return _of_model(model, view, layer, model_filled)


def _of_model(model: Phrase, view: ViewState, layer: Layer, model_filled: bool) -> list[Phrase]:
    how = Phrase(_HOW[view.style])
    if layer is Layer.PREDICTION:
        return [model, how]
    if layer is Layer.BOTH:
        filled, dashed = Phrase("Annotation", strong=True), model
        if model_filled:
            filled, dashed = dashed, filled
        return [filled, how, DASH, dashed, Phrase("dashed")]
    return [model, Phrase(_OF_MODEL[layer])]


def _among_views(view: ViewState, model_filled: bool) -> list[Phrase]:
    """What is said of a model where the views show different layers."""
    how = _HOW[view.style]
    if view.layer is Layer.BOTH:
        first, other = (how, "dashed") if model_filled else ("dashed", how)
        return [Phrase(first), Phrase(f"annotation {other}")]
    return [Phrase(how if view.layer is Layer.PREDICTION else _AMONG_VIEWS[view.layer])]


def _flavour(document: Document, view: ViewState) -> list[Phrase]:
    """How objects are coloured, where there are any; an instance model that found none says so."""
    prediction = shown_prediction(document, view)
    how = f"\u00b7 {FLAVOUR_TEXTS[view.flavour.value].lower()}"
    is_painted = shown_layer(document, view) in (Layer.ANNOTATION, Layer.ORIGINAL)
    if is_painted and objects_shown(document, view):
        return [Phrase(how)]
    if prediction is None or shown_layer(document, view) not in (Layer.PREDICTION, Layer.BOTH):
        return []
    if not has_objects(prediction):
        if objects_shown(document, view):
            return [Phrase(how)]
        return []
    none = prediction.instances is not None and not len(prediction.instances)
    return [Phrase(how + ", no object found" * none)]


def _unscored(document: Document, view: ViewState) -> list[Phrase]:
    """Said of a model none of whose classes is one of the folder's."""
    prediction = shown_prediction(document, view)
    is_drawn = shown_layer(document, view) in (Layer.PREDICTION, Layer.BOTH)
    if prediction is None or prediction.own is None or not is_drawn:
        return []
    return [Phrase("\u00b7 not scored: none of its classes is in this folder's list")]


def _of_two(document: Document, view: ViewState, names: ViewNames) -> list[Phrase]:
    second = second_prediction(document, view)
    if second is None:
        return [Phrase(_MISSING[Layer.MODELS], strong=True), Phrase("only one prediction")]
    first, other = (names.short.get(run, run) for run in (view.run, second.run))
    return [Phrase(first, strong=True), Phrase("against"), Phrase(other, strong=True)]


def _caption(document: Document, view: ViewState, over: OverPhoto) -> list[Phrase]:
    """What the inspector lays over the photo, and whose lines lie over that."""
    head, colon, rest = over.caption.partition(": ")
    if not colon:
        head, _, rest = over.caption.partition(", ")
    parts = [Phrase(head, strong=True), *([Phrase(rest)] if rest else [])]
    if isinstance(over, ClassMapOverPhoto):
        if not document.has_reference:
            return [*parts, Phrase("filled")]
        return [*parts, Phrase("filled"), DASH, Phrase("Annotation", strong=True), Phrase("dashed")]
    layer = outlined_layer(document, shown_layer(document, view))
    return [*parts, Phrase(f"\u00b7 {layer} outlined")] if layer is not None else parts


def _runs_of(pane: Pane, document: Document | None) -> list[str]:
    """The predictions that a view is about."""
    if pane.layer not in OF_A_RUN or not pane.run:
        return []
    if pane.layer is not Layer.MODELS or document is None:
        return [pane.run]
    shown = ViewState(layer=pane.layer, run=pane.run, second=pane.second)
    second = second_prediction(document, shown)
    return [pane.run, *([second.run] if second is not None else [])]


def _closed(name: str) -> str:
    """Without a bracket that was opened in what is left out."""
    return name[:-1] if name.endswith(")") and name.count("(") < name.count(")") else name


def _markers(session: Session, runs: Sequence[str]) -> dict[str, str]:
    """Colours of models: those of the evaluation's tables, if all are there."""
    evaluated = session.evaluation.runs
    models = [model_of(run) for run in runs]
    order = list(evaluated if set(models) <= set(evaluated) else session.models)
    places = [order.index(model) if model in order else len(order) for model in models]
    if len({series_color(place) for place in places}) < len(places):
        places = list(range(len(runs)))  # told apart among the views, whatever else
    return {run: series_color(place) for run, place in zip(runs, places, strict=True)}


# -- colours -------------------------------------------------------------------------------------


def _colours(document: Document, view: ViewState, names: ViewNames) -> tuple[LegendEntry, ...]:
    """The colours of a layer of predictions; none where they are those of the classes."""
    if view.layer is Layer.DIFFERENCE:
        return _difference("the model", "the annotation", "wrong class")
    if view.layer is Layer.CONFIDENCE:
        return _doubts()
    if view.layer is Layer.ENTROPY:
        return _levels(("0.25", "0.5", "undecided"))
    second = second_prediction(document, view) if view.layer is Layer.MODELS else None
    if second is None:
        return ()
    first, other = (names.short.get(run, run) for run in (view.run, second.run))
    return _difference(first, other, "other class")


def _own_classes(document: Document, view: ViewState) -> tuple[LegendEntry, ...]:
    """The classes that a model found which has none of the folder's, in its own colours."""
    prediction = shown_prediction(document, view)
    if prediction is None or prediction.own is None:
        return ()
    step = max(1, max(prediction.shape_hw) // _SEEN_PX)
    counts = np.bincount(prediction.own[::step, ::step].ravel(), minlength=256)
    ground = prediction.schema.background_id
    found = [c for c in prediction.schema.classes if counts[c.id] and c.id != ground]
    found.sort(key=lambda c: -int(counts[c.id]))
    return tuple(LegendEntry(c.name, c.color) for c in found[:_MOST_OWN])


def _writers(document: Document, table: WriterTable) -> tuple[LegendEntry, ...]:
    """Who wrote pixels of an image, those of most pixels first."""
    writers = document.annotation.writers
    if writers is None:
        return ()
    step = max(1, max(writers.shape) // _SEEN_PX)
    counts = np.bincount(writers[::step, ::step].ravel(), minlength=256)
    counts[UNKNOWN] = 0
    order = [int(n) for n in np.argsort(-counts, kind="stable") if counts[n]]
    colors = writer_colors()
    found = (
        LegendEntry(table.name_of(n), (int(colors[n, 0]), int(colors[n, 1]), int(colors[n, 2])))
        for n in order[:_MOST_OWN]
    )
    return (*found, LegendEntry("labelled", dashed=True))


def _difference(first: str, second: str, wrong: str) -> tuple[LegendEntry, ...]:
    meanings = {
        AGREE: "agree",
        ONLY_PREDICTION: f"only {first}",
        ONLY_REFERENCE: f"only {second}",
        WRONG_CLASS: wrong,
    }
    return tuple(LegendEntry(text, DIFFERENCE_COLORS[code]) for code, text in meanings.items())


def _levels(texts: tuple[str, str, str]) -> tuple[LegendEntry, ...]:
    table = entropy_table(1.0)
    levels = zip(texts, (table[64], table[128], table[255]), strict=True)
    return tuple(LegendEntry(text, (int(r), int(g), int(b))) for text, (r, g, b, _) in levels)


def _doubts() -> tuple[LegendEntry, ...]:
    table = confidence_table(1.0)
    levels = (("0.75", table[191]), ("0.5 or less", table[128]))
    return tuple(LegendEntry(text, (int(r), int(g), int(b))) for text, (r, g, b, _) in levels)
