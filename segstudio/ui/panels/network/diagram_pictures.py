"""The pictures of the diagram's nodes: asked for when seen, kept until better ones come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import cv2
import numpy as np
from PySide6.QtGui import QImage, QPixmap

from segstudio.app.feature_maps import FeatureMaps
from segstudio.core.diagram import Node
from segstudio.core.features import Role
from segstudio.core.labels import Image
from segstudio.session.inspection import Inspection, Picture, Traced

_SIZES = (48, 96, 192, 384, 768)


class NodePictures:
    """Asks for pictures in steps of size, so that zooming doesn't ask again all the time.

    Attributes:
        shown: By stage id.
    """

    def __init__(self, feature_maps: FeatureMaps, asker: str, changed: Callable[[], None]) -> None:
        self._feature_maps, self._asker, self._changed = feature_maps, asker, changed
        self.shown: dict[str, QPixmap] = {}
        self._asked: dict[str, tuple[object, ...]] = {}
        self._traced: Traced | None = None

    def follow(self, traced: Traced | None) -> None:
        """Show another trace; pictures of the same model's stages stay until the new ones come."""
        if traced is self._traced:
            return
        before, self._traced = self._traced, traced
        self._asked.clear()
        if before is None or traced is None or before.model != traced.model:
            self.shown.clear()

    def ask(self, nodes: Iterable[tuple[Node, float]], inspection: Inspection) -> None:
        """Ask for what is missing of nodes with the device pixels of their pictures' longer side."""
        traced = self._traced
        if traced is None:
            return
        for node, wanted in nodes:
            px = next((size for size in _SIZES if size >= wanted), _SIZES[-1])
            look: tuple[object, ...] = (
                inspection.picture, inspection.picture_channel, inspection.look
            )  # fmt: skip
            asked = self._asked.get(node.id)
            if asked is not None and asked[:-1] == look and _at_least(asked[-1], px):
                continue
            self._asked[node.id] = key = (*look, px)
            if node.role is Role.INPUT and inspection.picture is not Picture.CHANNEL:
                self.shown[node.id] = QPixmap.fromImage(as_qimage(photo_picture(traced, px)))
                self._changed()
                continue
            self._feature_maps.node_picture(
                traced, node.id, inspection.picture, inspection.picture_channel, inspection.look,
                px, partial(self._arrived, traced, node.id, key), asker=self._asker,
            )  # fmt: skip

    def _arrived(
        self, traced: Traced, stage_id: str, key: tuple[object, ...], picture: Image
    ) -> None:
        if traced is self._traced and self._asked.get(stage_id) == key:
            self.shown[stage_id] = QPixmap.fromImage(as_qimage(picture))
            self._changed()


def _at_least(asked: object, px: int) -> bool:
    return isinstance(asked, int) and asked >= px


def photo_picture(traced: Traced, px: int) -> Image:
    """The part of the photo that the network saw, the longer side `px` long: RGB uint8."""
    part = traced.document.pixels[traced.placement.window.slices]
    height, width = part.shape[:2]
    step = max(1, max(height, width) // (2 * px))
    scale = px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # every few pixels first: large photos would take too long on the thread of the window
    return cv2.resize(part[::step, ::step], size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def as_qimage(picture: Image) -> QImage:
    """RGB (h, w, 3) uint8 as an image of its own memory."""
    height, width = picture.shape[:2]
    stride = picture.strides[0]
    return QImage(picture.data, width, height, stride, QImage.Format.Format_RGB888).copy()
