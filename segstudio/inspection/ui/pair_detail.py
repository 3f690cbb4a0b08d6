"""Two stages beside each other: their pictures, names and shapes."""

from __future__ import annotations

import math
from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPixmap
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from segstudio.core.formatting import DASH
from segstudio.core.labels import Image
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.stage_similarity import StageSimilarity
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import FaintLabel, PlainLabel, plain
from segstudio.report.diagram_style import stride_words
from segstudio.session.inspection import TracedNetwork
from segstudio.session.session import Session

PICTURE_PX: Final = 192
"""The longer side of the pictures that are asked for."""
_WIDTH: Final = 148


class PairDetail(QWidget):
    """The two stages that are looked at, and how alike they are."""

    def __init__(self, session: Session, feature_maps: FeatureMaps) -> None:
        super().__init__()
        self._session, self._feature_maps = session, feature_maps
        self._shown: tuple[object, ...] = ()
        self.first = StagePicture("Stage of the first model")
        self.second = StagePicture("Stage of the second model")
        self.value = PlainLabel()
        self.value.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setFixedWidth(_WIDTH)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.first, 1)
        column.addWidget(self.value)
        column.addWidget(self.second, 1)

    def show_pair(self, pair: tuple[str, str], similarity: StageSimilarity | None) -> None:
        """Show a stage of the traced network and one of the second one."""
        inspection = self._session.inspection
        first, second = inspection.traced, inspection.second
        look = (inspection.picture, inspection.picture_channel, inspection.look)
        wanted = (first, second, pair, look, similarity)
        if first is None or second is None or wanted == self._shown:
            return
        self._shown = wanted
        value = math.nan if similarity is None else similarity.value(*pair)
        self.value.setText(f"CKA {DASH if math.isnan(value) else f'{value:.3f}'}")
        self._show_stage(self.first, first, pair[0])
        self._show_stage(self.second, second, pair[1])

    def _show_stage(self, box: StagePicture, traced: TracedNetwork, stage: str) -> None:
        layer = next((one for one in traced.trace.layers if one.id == stage), None)
        if layer is None:
            return
        channels, height, width = layer.shape
        box.show_stage(stage, f"{channels} \u00d7 {height} \u00d7 {width}")
        box.setToolTip(plain(f"{traced.title}: {stage}, {stride_words(layer.photo_stride)}"))
        inspection, wanted = self._session.inspection, self._shown

        def arrived(image: Image) -> None:
            if wanted is self._shown:
                box.show_picture(image)

        self._feature_maps.node_picture(
            traced, stage, inspection.picture, inspection.picture_channel, inspection.look,
            PICTURE_PX, arrived,
        )  # fmt: skip


class StagePicture(QWidget):
    """A stage's picture, as large as fits, with what it is below."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.picture = _Picture()
        self.picture.setAccessibleName(name)
        self.caption = ElidedLabel()
        self.shape = FaintLabel(wraps=False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.picture, 1)
        column.addWidget(self.caption)
        column.addWidget(self.shape)

    def show_stage(self, caption: str, shape: str) -> None:
        """Say what is shown; the picture comes later."""
        self.caption.show_text(caption)
        self.shape.setText(shape)
        self.picture.show_pixmap(None)

    def show_picture(self, image: Image) -> None:
        """Show the picture (h, w, 3) uint8 RGB."""
        self.picture.show_pixmap(pixmap_of(image))


class _Picture(QWidget):
    """Draws a pixmap in its proportions."""

    def __init__(self) -> None:
        super().__init__()
        self._pixmap: QPixmap | None = None
        self.setMinimumSize(QSize(64, 48))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_pixmap(self, pixmap: QPixmap | None) -> None:
        """Show another picture, or none."""
        self._pixmap = pixmap
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._pixmap is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.AlternateBase))
        else:
            size = self._pixmap.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            box = self.rect()
            box.setSize(size)
            box.moveCenter(self.rect().center())
            painter.drawPixmap(box, self._pixmap)
        painter.end()
