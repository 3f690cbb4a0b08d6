"""The images as rows of a table: one figure of every model, sorted and filtered."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QIcon

from segstudio.core.text import printable
from segstudio.evaluation.own_pixels import started_in
from segstudio.evaluation.ui.class_rows import RunHead
from segstudio.evaluation.ui.figure_text import figure_text
from segstudio.kit.icons import icon
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.metrics.class_sums import Numbers
from segstudio.metrics.image_figures import figures_at
from segstudio.metrics.measure import AnyFigure, Unit, Where
from segstudio.runs.score_sides import run_title
from segstudio.session.session import ImageState, Session

Indices = npt.NDArray[np.intp]
_SPREAD_TIP = "Best model minus worst: where it matters which one is used"
_OWN_TIP = "Partly this model's own pixels: the score says little."
_NO_SCORES = {"uncertainty"}
"""Ratios that say nothing of the annotation."""


@dataclass(frozen=True, eq=False)
class ImageFiguresTable:
    """One figure of some images and models.

    Attributes:
        figure: Which one.
        heads: The models, R of them.
        names: Of all images of the folder.
        indices: (n,) the images, ascending.
        values: (R, n) the figure; NaN where it is not known.
    """

    figure: AnyFigure = figures_at(Where.IMAGES, has_background=False)[0]
    heads: tuple[RunHead, ...] = ()
    names: Sequence[str] = ()
    indices: Indices = field(default_factory=lambda: np.zeros(0, np.intp))
    values: Numbers = field(default_factory=lambda: np.zeros((0, 0)))

    @cached_property
    def spread(self) -> Numbers:
        """(n,) largest minus smallest of the models' values; NaN with fewer than two."""
        known = ~np.isnan(self.values)
        high = np.where(known, self.values, -np.inf).max(axis=0, initial=-np.inf)
        low = np.where(known, self.values, np.inf).min(axis=0, initial=np.inf)
        spread: Numbers = np.full(len(self.indices), np.nan)
        np.subtract(high, low, out=spread, where=known.sum(axis=0) > 1)
        return spread

    def column(self, number: int) -> Numbers | None:
        """(n,) the values of a column of numbers: the models from 1 on, then the spread."""
        if 0 < number <= len(self.heads):
            row: Numbers = self.values[number - 1]
            return row
        return self.spread if number == len(self.heads) + 1 and len(self.heads) > 1 else None


@dataclass(frozen=True)
class FigureRange:
    """Values of one model from `low` to below `high` (or up to it, if `closed`)."""

    run: str
    low: float
    high: float
    closed: bool = False

    def keeps(self, values: Numbers) -> npt.NDArray[np.bool_]:
        """(n,) which values lie within; NaN never does."""
        below = values <= self.high if self.closed else values < self.high
        return (values >= self.low) & below


class ImageModel(TableModel[int]):
    """Asks for nothing but small arrays; a row is made when it is drawn.

    Rows are positions in `table.indices`, told apart by the image.
    """

    def __init__(self, session: Session, parent: QObject) -> None:
        self.table = ImageFiguresTable()
        super().__init__(
            image_columns(session, self.table), lambda place: int(self.table.indices[place]), parent
        )
        self._session = session
        self._order: Indices = np.zeros(0, np.intp)
        self._text = ""
        self._marks: Collection[str] = ()
        self._range: FigureRange | None = None

    def show_table(self, table: ImageFiguresTable) -> None:
        """Show other figures, or those of other images."""
        order = self._places(table)
        shown = self.table.indices[self._order]
        same = table.heads == self.table.heads and np.array_equal(table.indices[order], shown)
        if not same:
            self.beginResetModel()
        self.table, self._order, self.rows = table, order, order.tolist()
        self.columns = image_columns(self._session, table)
        if same:
            self.repaint()
        else:
            self.endResetModel()

    def filter(self, text: str, marks: Collection[str], within: FigureRange | None) -> None:
        """List only images with this in their name, without these marks, in this range.

        Args:
            text: Part of the name, any case.
            marks: Of "reviewed", "edited": images that have one of them are left out.
            within: A range of one model's values, or None.
        """
        self._text, self._marks, self._range = text.casefold(), marks, within
        self._rebuild()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Order the images by a column; those without a value come last."""
        if self._sorting != (column, order):  # Qt asks twice
            self._sorting = (column, order)
            self._rebuild()

    def _rebuild(self) -> None:
        self.beginResetModel()
        self._order = self._places(self.table)
        self.rows = self._order.tolist()
        self.endResetModel()

    def image_at(self, row: int) -> int:
        """The image of a row, -1 if there is none."""
        return int(self.table.indices[self.rows[row]]) if 0 <= row < len(self.rows) else -1

    def place_of(self, identity: Hashable) -> int:
        """The row of an image, -1 if it is not listed."""
        rows = np.flatnonzero(self.table.indices[self._order] == identity)
        return int(rows[0]) if rows.size else -1

    def run_at(self, column: int) -> str:
        """The model of a column; "" for the name and the spread."""
        heads = self.table.heads
        return heads[column - 1].run if 0 < column <= len(heads) else ""

    def _places(self, table: ImageFiguresTable) -> Indices:
        """The listed positions of a table in the order that was asked for."""
        kept = np.flatnonzero(self._kept(table))
        column, order = self._sorting
        values = table.column(column)
        if values is None:
            return kept[::-1] if order == Qt.SortOrder.DescendingOrder and column == 0 else kept
        chosen = values[kept]
        known = ~np.isnan(chosen)
        sign = -1 if order == Qt.SortOrder.DescendingOrder else 1
        ranked = kept[known][np.argsort(sign * chosen[known], kind="stable")]
        return np.concatenate([ranked, kept[~known]])

    def _kept(self, table: ImageFiguresTable) -> npt.NDArray[np.bool_]:
        keep = np.ones(len(table.indices), np.bool_)
        if self._text:
            names = table.names
            keep &= np.array([self._text in names[i].casefold() for i in table.indices], np.bool_)
        if self._marks:
            keep &= np.array([not self._is_marked(int(i)) for i in table.indices], np.bool_)
        runs = [head.run for head in table.heads]
        if self._range is not None and self._range.run in runs:
            keep &= self._range.keeps(table.values[runs.index(self._range.run)])
        return keep

    def _is_marked(self, image: int) -> bool:
        state = self._session.state(image)
        return any(getattr(state, mark) for mark in self._marks)


def image_columns(session: Session, table: ImageFiguresTable) -> tuple[Column[int], ...]:
    """The name, the models, and how far these lie apart; rows are positions in the table."""

    def name(place: int) -> str:
        return printable(table.names[int(table.indices[place])])

    def state(place: int) -> ImageState:
        return session.state(int(table.indices[place]))

    evaluation = session.evaluation
    started = {} if evaluation is None or evaluation.originals else started_in(session.states)

    def own(head: RunHead) -> Collection[int]:
        """Places of the images whose annotation has pixels of the model itself."""
        found = (i for i, image in enumerate(table.indices) if head.run in started.get(image, ()))
        return frozenset(found) if started and _is_score(table.figure) else ()

    def mark(place: int) -> QIcon | None:
        if state(place).reviewed:
            return icon("circle-check")
        return icon("pencil") if state(place).edited else None

    columns = [
        Column(
            "Image", name, "Click to open the image; the sign tells whether it is done",
            cell_tip=lambda p: f"{name(p)}{_mark_text(session, state(p))}", icon=mark,
            most=200,
        ),
        *(_values_column(table, i, h.short, own(h)) for i, h in enumerate(table.heads, 1)),
    ]  # fmt: skip
    if len(table.heads) > 1:
        columns.append(_values_column(table, len(columns), "Spread"))
    return tuple(columns)


def _is_score(figure: AnyFigure) -> bool:
    """Whether the figure holds the model against the annotation."""
    return figure.unit is not Unit.SECONDS and figure.key not in _NO_SCORES


def _values_column(
    table: ImageFiguresTable, number: int, title: str, own: Collection[int] = ()
) -> Column[int]:
    """A column of numbers.

    Args:
        table: The figures.
        number: Which column.
        title: Its head.
        own: Places of images whose annotation has pixels of that model: marked.
    """
    values, heads = table.column(number), table.heads
    assert values is not None
    head = heads[number - 1] if number <= len(heads) else None

    def value(place: int) -> float:
        return float(values[place])

    def text(place: int) -> str:
        return figure_text(table.figure, value(place))

    def tip(place: int) -> str:
        return f"{text(place)}. {_OWN_TIP}" if place in own else text(place)

    return Column(
        title, text,
        f"{table.figure.name} of {head.title}" if head else _SPREAD_TIP, value, side=Side.RIGHT,
        cell_tip=tip if own else None,
        icon=(lambda place: icon("triangle-alert") if place in own else None) if own else None,
        bar=value if head and table.figure.unit is Unit.RATIO else None,
        bar_color=lambda _place: head.color if head else None,
    )  # fmt: skip


def _mark_text(session: Session, state: ImageState) -> str:
    marks = [name for name in ("reviewed", "edited") if getattr(state, name)]
    marks += [f"started from {run_title(session, run)}" for run in sorted(state.taken)]
    return f" ({', '.join(marks)})" if marks else ""
