"""How far the evaluation is, and how long it will take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QSize
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from segstudio.core.formatting import count_text, duration_text
from segstudio.kit.plain import PlainLabel
from segstudio.session.evaluation import Evaluation

_SURE_AFTER_S = 3.0
_LOOK_BACK_S = 10.0
"""The speed is that of the last seconds: what is on disk goes faster than what has to be run."""
_LONGEST = "{0} of {0} images, 59 min left"


class EvaluationProgress(QWidget):
    """A bar and a line of text while images are evaluated, the line alone afterwards."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._seen: deque[tuple[float, int]] = deque()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(QSize(140, 8))
        self.bar.setAccessibleName("Images evaluated")
        self.label = PlainLabel()
        self.label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.bar)
        row.addWidget(self.label)

    def show_state(self, evaluation: Evaluation) -> None:
        """Show how far it is."""
        done, whole = _through(evaluation)
        self.bar.setVisible(evaluation.running)
        self.bar.setRange(0, max(1, whole))
        self.bar.setValue(done)
        self.label.setMinimumWidth(self._room(evaluation.total) if evaluation.running else 0)
        if not evaluation.running:
            self._seen.clear()
            self.label.setText(f"{_at_rest(evaluation)}{_against(evaluation)}")
            return
        self.label.setText(f"{_images(evaluation)}{self._left(done, whole)}")

    def _room(self, total: int) -> int:
        """Width of the text at its longest, so that it does not wander while it counts."""
        return self.label.fontMetrics().horizontalAdvance(_LONGEST.format(count_text(total)))

    def _left(self, done: int, whole: int) -> str:
        now, seen = self._now(), self._seen
        if seen and done < seen[-1][1]:
            seen.clear()  # it started over
        if not seen or done > seen[-1][1]:
            seen.append((now, done))
        while len(seen) > 2 and now - seen[1][0] > _LOOK_BACK_S:
            seen.popleft()
        began, first = seen[0]
        passed = now - began
        if passed < _SURE_AFTER_S or done == first:
            return ""
        return f", {duration_text(passed * (whole - done) / (done - first))} left"


def _through(evaluation: Evaluation) -> tuple[int, int]:
    """Images times models: how many are done, and how many there are."""
    done = sum(evaluation.done.get(run, 0) for run in evaluation.runs)
    return done, evaluation.total * len(evaluation.runs)


def _images(evaluation: Evaluation) -> str:
    least = min((evaluation.done.get(run, 0) for run in evaluation.runs), default=0)
    noun = "image" if evaluation.total == 1 else "images"
    return f"{count_text(least)} of {count_text(evaluation.total)} {noun}"


def _against(evaluation: Evaluation) -> str:
    """Said with the figures as long as they are not measured against what is seen."""
    return (
        ", against the originals" if evaluation.originals and any(evaluation.done.values()) else ""
    )


def _at_rest(evaluation: Evaluation) -> str:
    done, whole = _through(evaluation)
    if not evaluation.runs or not whole:
        return ""
    if done < whole and evaluation.stopped:
        return f"Stopped at {_images(evaluation)}; Evaluate goes on from there"
    if done < whole:  # the others failed
        return f"{_images(evaluation)} evaluated"
    noun = "image" if evaluation.total == 1 else "images"
    return f"{count_text(evaluation.total)} {noun} evaluated"
