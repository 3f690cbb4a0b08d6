"""The disagreement: where models, or a model and the annotation, differ, and who is right there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QColor, QPalette
from PySide6.QtWidgets import QMenu, QPushButton, QToolButton, QVBoxLayout, QWidget

from segstudio.comparison.disagreement import Disagreement, foreign_runs, silent_runs
from segstudio.comparison.error_targets import ErrorTargets
from segstudio.comparison.ui.answers import UNKNOWN, AnswersView, classes_text
from segstudio.comparison.ui.errors_page import ErrorsPage, summary_of
from segstudio.core.formatting import count_text, percent_text
from segstudio.core.schema import LabelSchema
from segstudio.core.text import enumerated
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Stacked, Switch
from segstudio.kit.icon_button import action_icon
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import CommandTip
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.panel_header import PanelHeader, on_panel_ground
from segstudio.kit.plain import in_menu
from segstudio.kit.segment_row import Segments
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Emphasis, Side, TableModel
from segstudio.runs.named_runs import is_removed
from segstudio.session.disputes import DisagreementState, DisputedRegion, Disputes
from segstudio.session.session import Change, Session, What

_SHOWN = What.DISAGREEMENT | What.ERRORS | What.DOCUMENT | What.PREDICTIONS | What.SCHEMA
ERRORS, MODELS = "Your annotation", "Between models"
_TABS = {
    ERRORS: "Where your annotation differs from a model, or from the ground truth",
    MODELS: "Where two models or more differ, whatever is annotated",
}
_NO_IMAGE = "Open an image to see where models differ on it."
_NO_RUNS = "Run two models or more on this image to see where they differ."
_FEW_CHOSEN = "Choose two models or more to compare."
_WAITING = "Comparing…"
PIXELS, VOTES, ANNOTATION = range(3)
"""The columns."""
_SAME_SHARE = 0.995
_MANY = 5
"""So many models need room below the list."""
_SIZES = (1, 5, 10, 25, 50, 100, 250)


class DisagreementPanel(QWidget):
    """One of two pages: errors of the annotation, or regions on which models differ.

    The regions stand by size; below them who says what of the opened one.

    Signals:
        region_opened: The `Rect` of the region that the user wants to see.
    """

    region_opened = Signal(object)

    def __init__(
        self,
        session: Session,
        disagreement: Disagreement,
        targets: ErrorTargets,
        actions: ActionSet,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._targets = targets
        self._session, self._disagreement = session, disagreement
        self._opened = 0
        on_panel_ground(self)
        self.header = PanelHeader("Disagreement", folds=True, panel=self)
        self.summary = ElidedLabel()
        self.summary.setContentsMargins(12, 0, 12, 2)
        self.summary.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.header.note.setAccessibleName("How much the models differ, in short")
        self.summary.setAccessibleName("How much the models differ")
        self.show_layer = action_icon(actions["disagreement.show"])
        self.previous = action_icon(actions["disagreement.previous"])
        self.next = action_icon(actions["disagreement.next"])
        self.run_models = QPushButton(actions["compare.models"].icon(), "Run models…")
        CommandTip(actions["compare.models"], self.run_models)
        self.run_models.clicked.connect(actions["compare.models"].trigger)
        self.choices = ChoicesButton(session, disagreement, lambda menu: self.errors.fill(menu))
        for button in (self.previous, self.next, self.show_layer, self.choices):
            self.header.add(button)
        self.header.add_menu("More of the disagreement panel")
        self.tabs = Segments("What is listed", _TABS)
        pages = self._put_up_pages()
        self.errors = ErrorsPage(session, targets, actions, pages)
        self.model: TableModel[DisputedRegion] = TableModel(
            region_columns(None, session.disagreeing, session.schema), lambda r: r.number, self
        )
        self.table = TableView(
            self.model, "Regions on which the models differ",
            sorting=(PIXELS, Qt.SortOrder.DescendingOrder),
        )  # fmt: skip
        self.answers = AnswersView()
        self._lay_out(pages)
        self._refresh = Coalescer(self, self._show)
        self.table.reached.connect(lambda region: self._open(region.number))
        self.table.verbs = lambda region: [
            ("scan", "Show the region", lambda: self._open(region.number))
        ]
        self.answers.asked.connect(disagreement.take)
        self.errors.reached.connect(self.region_opened)
        for name in _TABS:
            self.tabs.button(name).clicked.connect(partial(self._bring, name))
        session.changed.connect(self._on_change)
        self._show()

    @property
    def empty_text(self) -> str:
        """The line shown instead of regions, "" while there are some."""
        return self.errors.empty_text if self._session.errors_in_front else self._switch.empty_text

    def _bring(self, name: str, _checked: bool = False) -> None:
        self._targets.bring(name == ERRORS)

    def _put_up_pages(self) -> QWidget:
        """Put below the tabs what the pages will lie in: Qt styles them anew below another parent."""
        pages = QWidget()
        self.tabs.setContentsMargins(12, 2, 12, 4)
        whole = _Column(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.tabs)
        whole.addWidget(pages, 1)
        return pages

    def _lay_out(self, pages: QWidget) -> None:
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.summary)
        column.addWidget(self.table, 1)
        column.addWidget(self.answers)
        regions = QWidget(pages)
        self._switch = Switch(EmptyState("", self.run_models), contents, inside=regions)
        self._pages = Stacked(self.errors, regions, inside=pages)

    def fold(self, folded: bool) -> None:
        """Show the line with how much the models differ, or the regions too."""
        self.header.show_folded(folded)
        for button in (self.previous, self.next, self.choices):
            button.setVisible(not folded)
        self._show_front()
        self._show_note()

    def _show_note(self) -> None:
        """The line on top says by itself how much the models differ while it is all that is seen."""
        session = self._session
        in_front = session.errors_in_front
        said = summary_of(session.errors) if in_front else _summary(session.disagreement)
        self.header.note.show_text(said if self.header.folded else "")

    def _show_front(self) -> None:
        """Show the page that the keys are about; the layer is about models alone."""
        in_front = self._session.errors_in_front
        self.tabs.choose(ERRORS if in_front else MODELS)
        self._pages.setCurrentIndex(0 if in_front else 1)
        self.show_layer.setVisible(not in_front and not self.header.folded)

    def _on_change(self, change: Change) -> None:
        if change.what & What.DISAGREEMENT:
            self._follow()
        if change.what & What.ERRORS:
            self.errors.follow()
        if change.what & _SHOWN:
            self._refresh.request()

    def _follow(self) -> None:
        """Another region is looked at: have it seen."""
        opened, disputes = self._session.disagreeing.opened, self._session.disagreement
        if opened == self._opened:
            return
        self._opened = opened
        region = None if disputes is None else disputes.region(opened)
        if region is not None:
            self.region_opened.emit(region.rect)

    def _open(self, number: int) -> None:
        self._opened = 0  # a second click goes there again
        self._disagreement.open(number)
        self._follow()

    def _show(self) -> None:
        session = self._session
        disputes, state = session.disagreement, session.disagreeing
        self.summary.show_text(_summary(disputes))
        self._show_note()
        self._show_front()
        self.errors.show_errors()
        filled, text = self._contents()
        self._switch.show_contents(filled, text)
        self.run_models.setVisible(text == _NO_RUNS)
        self.model.show_rows(
            () if disputes is None else disputes.regions,
            region_columns(disputes, state, session.schema),
        )
        few = disputes is None or len(disputes.runs) < _MANY
        self.table.show_more_or_less((3 if few else 2.5, 7))
        self.table.choose(state.opened)
        region = None if disputes is None else disputes.region(state.opened)
        self.answers.show_region(disputes, region, state, session.schema)

    def _contents(self) -> tuple[bool, str]:
        """Whether there are regions to show, else what to say."""
        session = self._session
        disputes, document = session.disagreement, session.document
        if disputes is not None and disputes.regions:
            return True, ""
        if disputes is not None:
            return False, _no_regions(disputes)
        if session.disagreeing.waiting:
            return False, _WAITING
        if document is None:
            return False, _NO_IMAGE
        foreign = foreign_runs(document)
        if foreign and len(document.predictions) > 1:
            return False, _cannot_compare([document.predictions[run].title for run in foreign])
        return False, _FEW_CHOSEN if len(document.predictions) > 1 else _NO_RUNS


class _Column(QVBoxLayout):
    """Lets lists be as low as they can: asked by width they would need all rows they want."""

    def hasHeightForWidth(self) -> bool:
        return False


def region_columns(
    disputes: Disputes | None, state: DisagreementState, schema: LabelSchema
) -> tuple[Column[DisputedRegion], ...]:
    """Size, a square for each model in their order, and which model the annotation agrees with."""
    runs, titles = ((), ()) if disputes is None else (disputes.runs, disputes.titles)

    def said(region: DisputedRegion) -> str:
        """Who says what, a line for each answer."""
        title = dict(zip(runs, titles, strict=True))
        return "\n".join(
            f"{classes_text(answer.classes, schema)}: {', '.join(title[r] for r in answer.runs)}"
            for answer in region.answers
        )

    def tip(region: DisputedRegion) -> str:
        size = f"{count_text(region.pixels)} pixels, vote entropy {region.entropy:.2f}"
        return f"{size}\n{said(region)}"

    def votes(region: DisputedRegion) -> list[QColor]:
        colors = {}
        for answer in region.answers:
            spec = schema.get(answer.classes[0][0])
            color = QColor(*(UNKNOWN if spec is None else spec.color))
            colors.update(dict.fromkeys(answer.runs, color))
        return [colors[run] for run in runs]

    return (
        Column("Pixels", lambda region: count_text(region.pixels), "Size of the region",
               lambda region: region.pixels, cell_tip=tip, side=Side.RIGHT),
        Column("Votes", lambda _region: "",
               "One square a model, in their order below: the class that it gives most of the region",
               key=lambda region: (region.entropy, region.pixels), cell_tip=tip, swatches=votes,
               spoken=said),
        _annotation_column(titles, state, tip),
    )  # fmt: skip


def _annotation_column(
    titles: Sequence[str], state: DisagreementState, tip: Callable[[DisputedRegion], str]
) -> Column[DisputedRegion]:
    names = short_model_titles(titles)

    def best(region: DisputedRegion) -> float:
        return max(state.agreement.get(region.number, (0.0,)))

    def best_text(region: DisputedRegion) -> str:
        shares = state.agreement.get(region.number)
        if shares is None:
            return ""
        if not best(region):
            return "none"
        return f"{percent_text(best(region), 0)} {names[shares.index(best(region))]}"

    return Column(
        "Annotation", best_text, "The model with which the annotation agrees best on the region",
        key=lambda region: (best(region), region.pixels), cell_tip=tip, stretch=60,
        emphasis=lambda r: Emphasis.STRONG if best(r) >= _SAME_SHARE else Emphasis.NONE,
    )  # fmt: skip


def _summary(disputes: Disputes | None) -> str:
    if disputes is None:
        return ""
    share = 100 * disputes.pixels / max(1, disputes.values.size)
    shown = f"{share:.1f} %" if share >= 0.1 or not disputes.pixels else "under 0.1 %"
    return f"{len(disputes.runs)} models differ on {shown} of the pixels"


def _cannot_compare(titles: Sequence[str]) -> str:
    """What to do about models none of whose classes is one of the folder's."""
    return (
        f"None of the classes of {enumerated(sorted(titles))} is one of the folder's, so there is "
        "nothing to compare. Say what they count as in Evaluation > Class mapping."
    )


def _no_regions(disputes: Disputes) -> str:
    if not disputes.pixels:
        return f"The {len(disputes.runs)} models agree on every pixel."
    return (
        f"The models differ on {count_text(disputes.pixels)} pixels only, in "
        f"{count_text(disputes.unlisted)} regions too small to be listed."
    )


class ChoicesButton(QToolButton):
    """Its menu is made when it opens, from what there is then."""

    def __init__(
        self,
        session: Session,
        disagreement: Disagreement,
        fill_with_errors: Callable[[QMenu], object],
    ) -> None:
        super().__init__()
        self._session, self._disagreement = session, disagreement
        self._fill_with_errors = fill_with_errors
        self.setIcon(icon("sliders-horizontal"))
        self.setIconSize(QSize(16, 16))
        self.setAutoRaise(True)
        self.setToolTip("What is compared, and the smallest region to list")
        self.setAccessibleName("What is compared")
        self.setProperty("plain", True)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.choices = QMenu(self)
        self.choices.aboutToShow.connect(self.fill)
        self.setMenu(self.choices)

    def fill(self) -> None:
        """List the predictions of the open image and the sizes."""
        menu, session = self.choices, self._session
        menu.clear()
        if session.errors_in_front:
            self._fill_with_errors(menu)
            return
        document, state = session.document, session.disagreeing
        predictions = {} if document is None else document.predictions
        menu.addSection("Compare")
        silent = silent_runs(session)
        for run, prediction in predictions.items():
            title = in_menu(prediction.title)
            is_gone = is_removed(run, session.models)
            action = menu.addAction(f"{title}  (removed)" if is_gone else title)
            action.setCheckable(True)
            action.setChecked(run not in silent)
            action.setEnabled(prediction.own is None)
            action.toggled.connect(partial(self._disagreement.include, run))
        if not predictions:
            menu.addAction("No predictions yet").setEnabled(False)
        menu.addSection("List regions")
        sizes = QActionGroup(menu)
        for size in _SIZES:
            text = "of every size" if size == 1 else f"from {size} pixels on"
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(size == state.min_pixels)
            action.triggered.connect(partial(self._set_size, size))
            sizes.addAction(action)

    def _set_size(self, size: int, _checked: bool = False) -> None:
        self._disagreement.set_min_pixels(size)
