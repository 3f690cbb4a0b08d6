"""A stroke of the brush that is being drawn."""

from __future__ import annotations

from dataclasses import dataclass

from segstudio.core.history import EditRecorder
from segstudio.session.document import Document

PointXY = tuple[float, float]
"""(x, y) in the image; pixel x covers [x, x + 1)."""


@dataclass
class Stroke:
    """What was decided when the brush went down, and how far it is.

    Attributes:
        document: Whose annotation is painted on.
        recorder: What was painted so far.
        last_xy: Where the brush was last.
        size: Its diameter in pixels.
        class_id: The class that is painted.
        only_over: If given, only pixels of this class are painted over.
        instance_id: The instance that the pixels get where instance ids are kept.
    """

    document: Document
    recorder: EditRecorder
    last_xy: PointXY
    size: int
    class_id: int
    only_over: int | None
    instance_id: int
