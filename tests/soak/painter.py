"""A child of the soak: the real window, painted on with a real mouse until it is killed.

Tells its parent on standard output, one JSON object a line, what is on disk after recovery, what
it is about to do, and what the annotation is after each finished action.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sys
import traceback
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as pil
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.window.application import Application

LEFT = Qt.MouseButton.LeftButton
Steps = Iterator[None]
NONE, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
DRAGS = ("rectangle", "ellipse", "lasso", "grabcut", "split", "merge")
CLICKS = ("fill", "wand", "superpixel", "scissors", "polygon", "split", "merge", "select")
"""Tools that are used by a drag, and by clicks; some by both."""
_QUIET_TURNS = 4
"""A restored image takes fewer jobs, one after the other."""


def tell(what: str, /, **more: object) -> None:
    """One line to the parent, given to the system at once."""
    os.write(1, (json.dumps({"tell": what, **more}) + "\n").encode())


def packed(labels: np.ndarray) -> str:
    """Maps as text."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(labels).tobytes(), 1)).decode()


class Painter:
    """Does one small step at each tick of a timer, so that a kill may come anywhere."""

    def __init__(self, app: Application, folder: Path, seed: int, mode: str) -> None:
        self._app, self._folder, self._saving = app, folder, mode == "save"
        weights = (10, 2, 0, 2, 2) if mode == "stroke" else (6, 2, 8, 2, 0 if self._saving else 2)
        self._weights = weights
        self._rng = random.Random(seed)
        self._of_objects = bool(seed % 2)
        self._steps = self._run()
        self._before: dict[str, list[np.ndarray]] = {}
        self._timer = QTimer(interval=1)
        self._timer.timeout.connect(self._step)
        self._timer.start()

    def _step(self) -> None:
        self._timer.stop()  # a step may let events happen
        try:
            next(self._steps)
        except Exception:  # noqa: BLE001 - said, and the parent sees that it ended
            traceback.print_exc()
            os._exit(3)
        self._timer.start()

    @property
    def _studio(self):
        return self._app.studio

    @property
    def _document(self):
        return self._studio.session.document

    def _idle(self) -> Steps:
        """Until nothing is done any more, and what came of it has arrived.

        A job that has ended is no job any more, but its result may wait, and begin another one.
        """
        quiet = 0
        while quiet < _QUIET_TURNS:
            delivered: list[bool] = []
            while self._is_busy():
                quiet = 0
                yield
            self._app.dispatcher.post(lambda told=delivered: told.append(True))
            while not delivered:
                yield
            quiet += 1

    def _is_busy(self) -> bool:
        if self._studio is None or self._document is None or self._studio.session.loading:
            return True
        # Not for the models: PyTorch is loaded beside all this.
        return any(job.lane != "model" for job in self._studio.jobs.jobs())

    def _run(self) -> Steps:
        yield from self._idle()
        yield from self._recover()
        yield from self._idle()
        self._tell_disk()
        self._studio.objects.set_of_objects({1}, on=self._of_objects)
        yield from self._idle()
        while True:
            yield from self._act()

    def _state(self) -> np.ndarray:
        """(2, H, W): classes and numbers of the objects."""
        annotation = self._document.annotation
        ids = annotation.instances
        numbers = np.zeros(annotation.shape_hw) if ids is None else ids
        return np.stack((annotation.labels, numbers)).astype(np.uint16)

    def _recover(self) -> Steps:
        """Press Restore in the dialog for every image that it offers."""
        from segstudio.annotation.ui.recovery_dialog import RecoveryDialog

        for _ in range(20):  # the dialog is opened by a job's result
            yield
        offered = 0
        while isinstance(dialog := QApplication.activeModalWidget(), RecoveryDialog):
            offered += 1
            QTest.mouseClick(dialog.restore, LEFT)
            yield from self._idle()
        while self._studio.autosave.unsaved():
            self._studio.autosave.save_all()
            yield from self._idle()
        tell("recovered", offered=offered)

    def _tell_disk(self) -> None:
        """What is on disk now, read by another reader than the program's."""
        maps = {}
        for photo in sorted(self._folder.glob("*.png")):
            with pil.open(photo) as image:
                empty = np.zeros(image.size[::-1], np.uint16)
            files = (self._folder / part / photo.name for part in ("masks", "instances"))
            found = [np.array(pil.open(file)) if file.exists() else empty for file in files]
            maps[photo.name] = np.stack(found).astype(np.uint16)
            self._before[photo.name] = [maps[photo.name]]
        tell("disk", maps={name: packed(labels) for name, labels in maps.items()})

    def _act(self) -> Steps:
        kinds = ("stroke", "erase", "tool", "undo", "switch")
        kind = self._rng.choices(kinds, self._weights)[0]
        if kind == "switch":
            tell("begin", kind=kind)
            self._app.window.commands.run(self._rng.choice(("image.next", "image.previous")))
            yield from self._idle()
        elif kind == "undo":
            if len(self._before[self._document.ref.name]) < 2:
                return
            yield from self._undo()
        elif kind == "tool":
            yield from self._use_tool()
        else:
            yield from self._stroke(erase=kind == "erase")
        tell("done", image=self._document.ref.name, labels=packed(self._state()))
        if self._saving:
            self._app.window.commands.run("file.save")
            for _ in range(self._rng.randrange(8)):
                yield

    def _undo(self) -> Steps:
        states = self._before[self._document.ref.name]
        tell("begin", kind="undo", image=self._document.ref.name, labels=packed(states[-2]))
        self._studio.editing.undo()
        yield
        states.pop()

    def _use_tool(self) -> Steps:
        """A tool that paints in one go, or an operation on regions; what comes of it is not known."""
        rng, name = self._rng, self._document.ref.name
        tell("begin", kind="tool", image=name)
        before = self._state()
        view = {"wand_tolerance": 90, "brush_size": rng.randrange(6, 12), "active_class": 1}
        if not rng.randrange(6):
            yield from self._operate()
        else:
            drags = rng.randrange(2)
            tool = rng.choice(DRAGS if drags else CLICKS)
            self._studio.session.set_view(tool=tool, **view)
            yield from self._idle()
            yield from self._drag() if drags else self._click(rng.randrange(1, 5))
            yield from self._end(tool)
        if not np.array_equal(before, self._state()):
            self._before[name].append(self._state())

    def _point(self) -> QPoint:
        height, width = self._document.shape_hw
        x, y = self._rng.random() * width, self._rng.random() * height
        return QPoint(*(int(v) for v in self._app.window.canvas.viewport.to_screen((x, y))))

    def _drag(self) -> Steps:
        viewport, keys = self._app.window.canvas.viewport, self._rng.choice((NONE, NONE, CTRL))
        QTest.mousePress(viewport, LEFT, keys, self._point())
        for _ in range(self._rng.randrange(1, 5)):
            yield
            QTest.mouseMove(viewport, self._point())
        yield
        QTest.mouseRelease(viewport, LEFT, keys, self._point())
        yield from self._idle()

    def _click(self, count: int) -> Steps:
        viewport, keys = self._app.window.canvas.viewport, self._rng.choice((NONE, NONE, CTRL))
        for _ in range(count):
            QTest.mouseClick(viewport, LEFT, keys, self._point())
            yield
        yield from self._idle()

    def _end(self, tool: str) -> Steps:
        """Paint what is begun, delete what is selected, and let go of the rest."""
        viewport = self._app.window.canvas.viewport
        if tool == "select":
            self._studio.objects.delete()
        elif tool not in ("split", "merge"):
            QTest.keyClick(viewport, Qt.Key.Key_Return)
        yield from self._idle()
        QTest.keyClick(viewport, Qt.Key.Key_Escape)
        yield from self._idle()

    def _operate(self) -> Steps:
        from segstudio.annotation.region_operations import OPERATIONS, Target
        from segstudio.annotation.tidying import TidyRequest

        operation = self._rng.choice(OPERATIONS)
        amount = self._rng.randrange(1, 5) if operation.amount is not None else 0
        self._studio.tidying.apply(TidyRequest(operation, Target(), amount, 1))
        yield from self._idle()

    def _stroke(self, *, erase: bool) -> Steps:
        rng, viewport = self._rng, self._app.window.canvas.viewport
        self._studio.session.set_view(tool="brush", brush_size=rng.randrange(1, 9), active_class=1)
        name, value = self._document.ref.name, 0 if erase else 1
        tell("begin", kind="stroke", image=name, value=value)
        keys = CTRL if erase else NONE
        points = [self._point() for _ in range(rng.randrange(2, 6))]
        before = self._state()
        QTest.mousePress(viewport, LEFT, keys, points[0])
        for point in points[1:]:
            yield
            QTest.mouseMove(viewport, point)
        yield
        QTest.mouseRelease(viewport, LEFT, keys, points[-1])
        after = self._state()
        if not np.array_equal(before, after):
            self._before[name].append(after)


def main() -> int:
    """`painter.py FOLDER SEED stroke|paint|save`: strokes alone, all tools, or saving after each."""
    folder = Path(sys.argv[1])
    app = Application(folder, False, None)
    painter = Painter(app, folder, int(sys.argv[2]), sys.argv[3])
    try:
        return app.exec()
    finally:
        del painter


if __name__ == "__main__":
    sys.exit(main())
