"""The charts of the panel: what each of them lets one choose, and what it then shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from segstudio.core.prediction import effective_options
from segstudio.evaluation.curve_charts import (
    MEASURES,
    RunLook,
    calibrations,
    curves_of,
    reliability_chart,
    size_chart,
    threshold_chart,
    tradeoff_chart,
)
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.report.wording import verdict
from segstudio.evaluation.ui.chart_view import ChartView, fill, looks_of
from segstudio.evaluation.ui.charts_classes import ORDERS, SCORES, class_chart
from segstudio.evaluation.ui.charts_images import (
    figure_name,
    figures_in,
    image_chart,
)
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.evaluation.ui.words import NO_TRUTH
from segstudio.folder.picture_files import PictureFiles
from segstudio.report.chart_data import Axis, ChartData
from segstudio.session.session import Session

_ALL: Final = "all"
_NOTHING: Final = ChartData("", Axis(""), Axis(""))


class ClassView(ChartView):
    """The score of each class and model."""

    TITLE: Final = "Classes"

    def __init__(self, evaluating: Evaluating, files: PictureFiles) -> None:
        super().__init__(
            self.TITLE, "How well each model finds each class, over all images",
            evaluating.table, files,
        )  # fmt: skip
        self.score = self.add_combo("Score")
        self.order = self.add_combo("Order of the classes", ORDERS)

    def fill_choices(self) -> None:
        """Offer the scores that were counted."""
        known = {key for run in self.table.runs for key in self.table.class_figures(run)}
        fill(
            self.score, {key: name for key, name in SCORES.items() if key in known or key == "iou"}
        )

    def data(self) -> ChartData:
        """Bars of the chosen score."""
        return class_chart(
            self.table, self.looks, self.score.currentData(), self.order.currentData()
        )

    def why_nothing(self) -> str:
        return NO_TRUTH


class ImageView(ChartView):
    """One model against another, a point for each image."""

    TITLE: Final = "Images"

    def __init__(
        self, session: Session, evaluating: Evaluating, files: PictureFiles, pair: PairChoice
    ) -> None:
        super().__init__(
            self.TITLE,
            "Each image as a point: above the line the model of the vertical axis is better",
            evaluating.table, files,
        )  # fmt: skip
        self._session, self._pair = session, pair
        self.figure = self.add_combo("Figure")
        self.second = self.add_combo("Model of the vertical axis")
        self.first = self.add_combo("Model of the horizontal axis")
        for combo in (self.second, self.first):
            combo.activated.disconnect(self.refresh)
            combo.activated.connect(self._choose_pair)
        pair.changed.connect(self.refresh)

    def fill_choices(self) -> None:
        """Offer the models and the figures that there are."""
        titles = {run: self.table.title(run) for run in self.table.runs}
        fill(self.second, titles, self._pair.second)
        fill(self.first, titles, self._pair.first)
        every = figures_in(self.table, self._looks())
        fill(self.figure, {figure: figure_name(self.table, figure) for figure in every})

    def data(self) -> ChartData:
        """Points of the two chosen models."""
        looks = {look.run: look for look in self._looks()}
        first, second = looks.get(self._pair.first), looks.get(self._pair.second)
        if first is None or second is None:
            return _NOTHING
        figure = str(self.figure.currentData())
        known, said = self._pair.difference, ""
        if known is not None and figure in ("mean_iou_foreground", "mean_iou"):
            judged = known.mean_iou if figure == "mean_iou" else known.lead
            said = f"{second.title} over all: {verdict(judged, known.level)}"
        return image_chart(self.table, first, second, figure, self._session.index, said)

    def why_nothing(self) -> str:
        if len(self.table.runs) < 2:
            return "Evaluate a second model to compare the two image by image."
        return "The two models have no scored image in common yet."

    def follow_image(self) -> None:
        if self.isVisible():
            self.chart.mark(frozenset({self._session.index}))
        else:
            self.refresh()

    def _looks(self) -> tuple[RunLook, ...]:
        """All models: those hidden from the other charts can be compared all the same."""
        return looks_of(self.table)

    def _choose_pair(self) -> None:
        self._pair.choose(str(self.first.currentData()), str(self.second.currentData()))


class SizeView(ChartView):
    """How well objects are found, against their size."""

    TITLE: Final = "Object size"

    def __init__(self, evaluating: Evaluating, files: PictureFiles) -> None:
        super().__init__(
            self.TITLE,
            "How well objects of each size are found; hollow symbols stand for fewer than 10",
            evaluating.table, files,
        )  # fmt: skip
        self.measure = self.add_combo("What is measured", MEASURES)

    def data(self) -> ChartData:
        """Lines of the chosen measure."""
        return size_chart(self.table, self.looks, self.measure.currentData())

    def why_nothing(self) -> str:
        return "The ground truth has no objects whose size could be told."


class ScoreView(ChartView):
    """Precision and recall of objects against the score threshold."""

    TITLE: Final = "Score threshold"

    _FORMS: Final = {"threshold": "Against the score", "tradeoff": "Precision against recall"}

    def __init__(self, session: Session, evaluating: Evaluating, files: PictureFiles) -> None:
        super().__init__(
            self.TITLE,
            "What showing only objects above a score does to precision and recall (IoU 0.5)",
            evaluating.table, files,
        )  # fmt: skip
        self._session = session
        self.form = self.add_combo("Axes", self._FORMS)
        self.of_class = self.add_combo("Class")

    def fill_choices(self) -> None:
        """Offer the classes."""
        schema = self.table.schema
        classes = {str(i): schema.name_of(i) for i in self.table.class_ids if i != 0}
        fill(self.of_class, {_ALL: "All classes", **classes})
        self.of_class.setVisible(len(classes) > 1)

    def data(self) -> ChartData:
        """Curves of the models that rank objects."""
        chosen = str(self.of_class.currentData())
        curves = curves_of(self.table, self.looks, None if chosen == _ALL else int(chosen))
        if not curves:
            return _NOTHING
        if self.form.currentData() == "tradeoff":
            return tradeoff_chart(curves)
        in_use = self._threshold(curves[0][0].run) if len(curves) == 1 else None
        return threshold_chart(curves, in_use)

    def why_nothing(self) -> str:
        return (
            "Only models that give each object a score have these curves, on images whose ground "
            "truth tells objects apart."
        )

    def _threshold(self, run: str) -> float | None:
        spec = self._session.models.get(run)
        if spec is None:
            return None
        return effective_options(spec, self._session.model.options).score_threshold


class ReliabilityView(ChartView):
    """Whether the models are right as often as they say."""

    TITLE: Final = "Reliability"

    def __init__(self, evaluating: Evaluating, files: PictureFiles) -> None:
        super().__init__(
            self.TITLE,
            "Below the diagonal a model is surer than it may be; bars: share of the pixels; "
            "ECE: expected calibration error",
            evaluating.table, files,
        )  # fmt: skip

    def data(self) -> ChartData:
        """Lines of the models that give a confidence."""
        found = calibrations(self.table, self.looks)
        return reliability_chart(found) if found else _NOTHING

    def why_nothing(self) -> str:
        return "None of the models gives a confidence that could be held against ground truth."


def chart_views(
    session: Session, evaluating: Evaluating, files: PictureFiles, pair: PairChoice
) -> dict[str, Callable[[], ChartView]]:
    """What makes each chart, by its title, in the order of the list."""
    return {
        ClassView.TITLE: lambda: ClassView(evaluating, files),
        ImageView.TITLE: lambda: ImageView(session, evaluating, files, pair),
        SizeView.TITLE: lambda: SizeView(evaluating, files),
        ScoreView.TITLE: lambda: ScoreView(session, evaluating, files),
        ReliabilityView.TITLE: lambda: ReliabilityView(evaluating, files),
    }
