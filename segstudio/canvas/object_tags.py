"""Numbers, boxes and scores of objects over the picture: of those that are seen, none over another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from segstudio.canvas.overlay import objects_run
from segstudio.canvas.view import Size
from segstudio.core.geometry import Rect
from segstudio.core.object_figures import ObjectFigures, ObjectRow
from segstudio.session.document import Document
from segstudio.session.session import ViewState

if TYPE_CHECKING:
    from segstudio.annotation.object_table import ObjectTable
    from segstudio.canvas.object_marks import ToScreen

_MOST_TAGS, _MOST_BOXES = 150, 1_500
"""Of more the largest: all would cost a frame's time, and nobody could read them."""
_TRIED = 500
"""For so many a free place is looked for."""
_LEAST_BOX_PX, _LEAST_TAG_PX = 3.0, 5.0
"""Objects that are smaller on the screen get none."""
_TAG_PX, _RIM, _CELL_PX = 11, 3, 4
_PLATE, _CASING, _LINE = (15, 17, 19, 225), (0, 0, 0, 160), (255, 255, 255, 255)
"""Premultiplied: blue, green, red, alpha."""
_WORDS = QColor(255, 255, 255)


class Tag(NamedTuple):
    """What is written beside an object: the text, and its plate in whole logical pixels."""

    left: int
    top: int
    width: int
    height: int
    text: str


@dataclass(frozen=True, eq=False)
class SeenObjects:
    """The objects that are seen and not too small, the largest first.

    Attributes:
        rows: The objects.
        boxes: (N, 4): left, top, right and bottom in logical pixels of the view.
    """

    rows: list[ObjectRow]
    boxes: npt.NDArray[np.float64]


class ObjectTags:
    """Draws them for one view; the drawing is kept until the view or the objects differ."""

    def __init__(self, table: ObjectTable) -> None:
        self._table = table
        self._drawn: tuple[object, ...] = ()
        self._picture = QImage()

    def paint(
        self,
        painter: QPainter,
        document: Document,
        view: ViewState,
        to_screen: ToScreen,
        selected: Sequence[int] = (),
        covered_px: int = 0,
    ) -> None:
        """Draw what is switched on, over the objects that the view tells apart.

        Args:
            painter: Of the view.
            document: The image.
            view: What is shown of it in that view.
            to_screen: From the image to logical pixels of the view.
            selected: Objects of the annotation that have a tag already.
            covered_px: Logical pixels at the upper edge that the view's header covers.
        """
        figures = self._figures(document, view)
        if figures is None:
            return
        device = painter.device()
        size, ratio = (device.width(), device.height()), device.devicePixelRatio()
        switches = (view.object_ids, view.object_boxes, view.object_scores)
        at = (*to_screen((0.0, 0.0)), *to_screen((1.0, 1.0)))
        others = () if objects_run(document, view) else tuple(selected)
        drawn = (figures, switches, at, size, ratio, others, covered_px)
        if not _same(drawn, self._drawn):
            self._drawn = drawn
            seen = seen_objects(figures, to_screen, size)
            self._picture = _picture(seen, view, size, ratio, frozenset(others), covered_px)
        painter.drawImage(0, 0, self._picture)

    def _figures(self, document: Document, view: ViewState) -> ObjectFigures | None:
        """The objects to be marked; None if none are, or they are not known yet."""
        wanted = view.object_ids or view.object_boxes or view.object_scores
        run = objects_run(document, view) if wanted and view.overlay_visible else None
        return None if run is None else self._table.of(run)


def _picture(
    seen: SeenObjects,
    view: ViewState,
    size: Size,
    ratio: float,
    tagged: frozenset[int],
    covered_px: int,
) -> QImage:
    """Boxes, plates and words on nothing, in pixels of the screen."""
    picture = QImage(
        round(size[0] * ratio), round(size[1] * ratio), QImage.Format.Format_ARGB32_Premultiplied
    )
    picture.fill(0)
    pixels = np.frombuffer(picture.bits(), np.uint8).reshape(picture.height(), picture.width(), 4)
    thin = max(1, round(ratio))
    if view.object_boxes:
        corners = np.rint(seen.boxes * ratio).astype(np.int64)
        corners = corners.clip(-8, max(pixels.shape) + 8).tolist()
        # three thin ones: OpenCV draws a thick one ten times slower
        for color, out in ((_CASING, thin), (_CASING, -thin), (_LINE, 0)):
            for left, top, right, bottom in corners:
                first, last = (left - out, top - out), (right - 1 + out, bottom - 1 + out)
                cv2.rectangle(pixels, first, last, color, thin)
    tags = tags_of(seen, view, size, tagged, covered_px)
    for tag in tags:
        first = (round(tag.left * ratio), round(tag.top * ratio))
        last = (round((tag.left + tag.width) * ratio), round((tag.top + tag.height) * ratio))
        cv2.rectangle(pixels, first, (last[0] - 1, last[1] - 1), _PLATE, -1)
    picture.setDevicePixelRatio(ratio)
    painter = QPainter(picture)
    painter.setFont(_font())
    painter.setPen(_WORDS)
    rise = QFontMetricsF(_font()).ascent()
    for tag in tags:
        painter.drawText(QPointF(tag.left + _RIM, tag.top + rise), tag.text)
    painter.end()
    return picture


def seen_objects(figures: ObjectFigures, to_screen: ToScreen, size: Size) -> SeenObjects:
    """The objects of which something is seen in a view of a size."""
    left, top = to_screen((0.0, 0.0))
    scale = to_screen((1.0, 0.0))[0] - left
    seen = Rect(
        math.floor(-top / scale),
        math.floor(-left / scale),
        math.ceil((size[1] - top) / scale),
        math.ceil((size[0] - left) / scale),
    )
    places = figures.seen_in(seen)
    bounds = figures.bounds[places]
    sides = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    places = places[sides * scale >= _LEAST_BOX_PX]
    places = places[np.argsort(-figures.areas[places], kind="stable")[:_MOST_BOXES]]
    boxes = figures.bounds[places][:, [1, 0, 3, 2]] * scale + np.array([left, top, left, top])
    return SeenObjects([figures.rows[place] for place in places.tolist()], boxes)


def tags_of(
    seen: SeenObjects,
    view: ViewState,
    size: Size,
    tagged: frozenset[int] = frozenset(),
    covered_px: int = 0,
) -> list[Tag]:
    """What is written and where: the largest objects first, none over another one's.

    Args:
        seen: The objects.
        view: What is switched on.
        size: Of the view, in logical pixels.
        tagged: Objects that have a tag already.
        covered_px: Logical pixels at the upper edge that the view's header covers.
    """
    if not (view.object_ids or view.object_scores):
        return []
    metrics = QFontMetricsF(_font())
    height = math.ceil(metrics.height())
    advance = cache(lambda text: math.ceil(metrics.horizontalAdvance(text)))
    free = np.ones((size[1] // _CELL_PX + 2, size[0] // _CELL_PX + 2), np.bool_)
    found: list[Tag] = []
    for row, box in zip(seen.rows[:_TRIED], seen.boxes.tolist(), strict=False):
        text = _text(row, view)
        if not text or row.id in tagged or max(box[2] - box[0], box[3] - box[1]) < _LEAST_TAG_PX:
            continue
        # digits are equally wide
        width = sum(map(advance, text)) + 2 * _RIM
        left, top = (box[0] + box[2] - width) / 2, (box[1] + box[3] - height) / 2
        has_room = box[2] - box[0] > width + _CELL_PX and box[3] - box[1] > height + _CELL_PX
        if view.object_boxes or not has_room:  # over its upper edge: it would hide it
            left, top = box[0] if view.object_boxes else left, box[1] - height - 1
        x = min(max(0, round(left)), size[0] - width)
        y = min(max(covered_px, round(top)), size[1] - height)
        cells = free[
            y // _CELL_PX : (y + height) // _CELL_PX + 1,
            x // _CELL_PX : (x + width) // _CELL_PX + 1,
        ]
        if cells.all():
            cells[:] = False
            found.append(Tag(x, y, width, height, text))
            if len(found) == _MOST_TAGS:
                break
    return found


def _text(row: ObjectRow, view: ViewState) -> str:
    number = f"#{row.id}" if view.object_ids else ""
    score = "" if not view.object_scores or math.isnan(row.score) else f"{row.score:.2f}"
    return f"{number} {score}".strip()


def _font() -> QFont:
    font = QFont()
    font.setPixelSize(_TAG_PX)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and one[0] is other[0] and one[1:] == other[1:]
