"""The pages of the evaluation panel; each is built when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from segstudio.evaluation.confused_places import ConfusedPlaces
from segstudio.evaluation.evaluating import Evaluating
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.evaluation.work_queue import WorkQueue
from segstudio.folder.browsing import Browsing
from segstudio.folder.picture_files import PictureFiles
from segstudio.jobs import JobRunner
from segstudio.kit.page_tabs import PageTabs
from segstudio.runs.segmenting import Segmenting
from segstudio.session.session import Session

MODELS, CLASSES, IMAGES, CONFUSION, CHARTS, QUEUE = (
    "Models",
    "Classes",
    "Images",
    "Confusion",
    "Charts",
    "Queue",
)
_TIPS = {
    MODELS: "Which model is right: all figures of the folder",
    CLASSES: "What each model is good at: figures by class",
    IMAGES: "Where they are wrong: every image, sorted and filtered",
    CONFUSION: "Which class is taken for which",
    CHARTS: "Figures as charts",
    QUEUE: "Images that most need a person",
}


@dataclass(frozen=True)
class EvaluationServices:
    """What the pages use."""

    evaluating: Evaluating
    segmenting: Segmenting
    browsing: Browsing
    confused_places: ConfusedPlaces
    picture_files: PictureFiles
    work_queue: WorkQueue
    jobs: JobRunner


def _models_page(
    session: Session, services: EvaluationServices, pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.results_page import ResultsPage

    return ResultsPage(session, services.evaluating, services.segmenting, pair, parent)


def _classes_page(
    session: Session, services: EvaluationServices, pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.classes_page import ClassesPage

    return ClassesPage(session, services.evaluating, pair, parent)


def _images_page(
    session: Session, services: EvaluationServices, _pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.images_page import ImagesPage

    return ImagesPage(session, services.evaluating, services.browsing, services.segmenting, parent)


def _confusion_page(
    session: Session, services: EvaluationServices, _pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.confusion_page import ConfusionPage

    return ConfusionPage(
        session,
        services.evaluating,
        services.browsing,
        services.confused_places,
        services.picture_files,
        parent,
    )


def _charts_page(
    session: Session, services: EvaluationServices, pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.charts_page import ChartsPage

    return ChartsPage(
        session,
        services.evaluating,
        services.picture_files,
        pair,
        services.jobs,
        parent,
    )


def _queue_page(
    session: Session, services: EvaluationServices, _pair: PairChoice, parent: QWidget
) -> QWidget:
    from segstudio.evaluation.ui.queue_page import QueuePage

    return QueuePage(session, services.work_queue, services.browsing, parent)


_Make = Callable[[Session, EvaluationServices, PairChoice, QWidget], QWidget]
_PAGES: dict[str, _Make] = {
    MODELS: _models_page,
    CLASSES: _classes_page,
    IMAGES: _images_page,
    CONFUSION: _confusion_page,
    CHARTS: _charts_page,
    QUEUE: _queue_page,
}


class EvaluationPages(PageTabs):
    """Tabs of the panel.

    Signals:
        open_requested: Position of an image or page (int, more than 32 bits) to show, and the `Rect` to go to or None.
    """

    open_requested = Signal(object, object)

    def __init__(self, session: Session, services: EvaluationServices) -> None:
        super().__init__(
            "Pages of the evaluation panel",
            {title: partial(self._make, session, services, make) for title, make in _PAGES.items()},
            _TIPS,
        )
        self.pair = PairChoice(session, services.evaluating, self)
        self.page_built.connect(self._connect)

    @property
    def has_copy(self) -> bool:
        """Whether the page in front has something for the clipboard."""
        return hasattr(self.front, "copied")

    def copied(self) -> str:
        """What the page in front has for the clipboard; "" if it has nothing."""
        copied = getattr(self.front, "copied", None)
        return "" if copied is None else str(copied())

    def _make(
        self, session: Session, services: EvaluationServices, make: _Make, parent: QWidget
    ) -> QWidget:
        return make(session, services, self.pair, parent)

    def _connect(self, page: QWidget) -> None:
        for signal, slot in (
            ("open_requested", self.open_requested),
            ("class_requested", self._show_class),
            ("range_requested", self._show_range),
        ):
            if hasattr(page, signal):
                getattr(page, signal).connect(slot)

    def _show_class(self, run: str, class_id: int) -> None:
        """List the images by how well a model finds a class, the worst first."""
        from segstudio.evaluation.ui.images_page import ImagesPage

        page = self.page(IMAGES)
        assert isinstance(page, ImagesPage)
        page.show_class(run, class_id)
        self.bring(IMAGES)

    def _show_range(self, chosen: object) -> None:
        """List the images in a range of one model's mean IoU."""
        from segstudio.evaluation.ui.image_rows import FigureRange
        from segstudio.evaluation.ui.images_page import ImagesPage

        page = self.page(IMAGES)
        assert isinstance(page, ImagesPage)
        page.show_range(chosen if isinstance(chosen, FigureRange) else None)
        self.bring(IMAGES)
