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
_QUIET_TURNS = 4
"""A restored image takes fewer jobs, one after the other."""


def tell(what: str, /, **more: object) -> None:
    """One line to the parent, given to the system at once."""
    os.write(1, (json.dumps({"tell": what, **more}) + "\n").encode())


def packed(labels: np.ndarray) -> str:
    """A map as text."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(labels).tobytes(), 1)).decode()


class Painter:
    """Does one small step at each tick of a timer, so that a kill may come anywhere."""

    def __init__(self, app: Application, folder: Path, seed: int, *, saving: bool) -> None:
        self._app, self._folder, self._saving = app, folder, saving
        self._rng = random.Random(seed)
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
        while True:
            yield from self._act()

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
            mask = self._folder / "masks" / photo.name
            with pil.open(photo) as image:
                empty = np.zeros(image.size[::-1], np.uint8)
            maps[photo.name] = np.array(pil.open(mask)) if mask.exists() else empty
            self._before[photo.name] = [maps[photo.name]]
        tell("disk", maps={name: packed(labels) for name, labels in maps.items()})

    def _act(self) -> Steps:
        kind = self._rng.choices(
            ("stroke", "erase", "undo", "switch"), (10, 2, 2, 0 if self._saving else 2)
        )[0]
        if kind == "switch":
            tell("begin", kind=kind)
            self._app.window.commands.run(self._rng.choice(("image.next", "image.previous")))
            yield from self._idle()
        elif kind == "undo":
            if len(self._before[self._document.ref.name]) < 2:
                return
            yield from self._undo()
        else:
            yield from self._stroke(erase=kind == "erase")
        tell(
            "done",
            image=self._document.ref.name,
            labels=packed(self._document.annotation.labels),
        )
        if self._saving:
            self._app.window.commands.run("file.save")
            for _ in range(self._rng.randrange(8)):
                yield

    def _undo(self) -> Steps:
        states = self._before[self._document.ref.name]
        tell("begin", kind="undo", image=self._document.ref.name, labels=packed(states[-2]))
        self._app.window.commands.run("edit.undo")
        yield
        states.pop()

    def _stroke(self, *, erase: bool) -> Steps:
        rng, viewport = self._rng, self._app.window.canvas.viewport
        self._studio.session.set_view(tool="brush", brush_size=rng.randrange(1, 9), active_class=1)
        height, width = self._document.shape_hw
        name, value = self._document.ref.name, 0 if erase else 1
        tell("begin", kind="stroke", image=name, value=value)
        keys = Qt.KeyboardModifier.ControlModifier if erase else Qt.KeyboardModifier.NoModifier
        points = [
            QPoint(
                *(int(v) for v in viewport.to_screen((rng.random() * width, rng.random() * height)))
            )
            for _ in range(rng.randrange(2, 6))
        ]
        before = np.array(self._document.annotation.labels)
        QTest.mousePress(viewport, LEFT, keys, points[0])
        for point in points[1:]:
            yield
            QTest.mouseMove(viewport, point)
        yield
        QTest.mouseRelease(viewport, LEFT, keys, points[-1])
        after = np.array(self._document.annotation.labels)
        if not np.array_equal(before, after):
            self._before[name].append(after)


def main() -> int:
    """`painter.py FOLDER SEED paint|save`."""
    folder = Path(sys.argv[1])
    app = Application(folder, False, None)
    painter = Painter(app, folder, int(sys.argv[2]), saving=sys.argv[3] == "save")
    try:
        return app.exec()
    finally:
        del painter


if __name__ == "__main__":
    sys.exit(main())
