"""How far the evaluation of the folder is; its figures are in `evaluation.figures_table`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Evaluation:
    """The models that are compared on the open folder. Replaced as a whole, never changed.

    Attributes:
        runs: Ids of the models, in the order in which they were asked for.
        running: Whether images are being evaluated.
        done: How many images are through, by model.
        total: How many images there are to do.
        version: Grows with every change of the figures.
        asked: Keys of the measures that are counted besides those that always are.
        originals: Whether the reference is the ground truth as other programs wrote it, without
            what was corrected here.
        stopped: Whether it was cancelled before its end.
        waiting: Whether it is begun when it is known by which routes the models run.
    """

    runs: tuple[str, ...] = ()
    running: bool = False
    done: Mapping[str, int] = field(default_factory=dict)
    total: int = 0
    version: int = 0
    asked: frozenset[str] = frozenset()
    originals: bool = False
    stopped: bool = False
    waiting: bool = False

    @property
    def busy(self) -> bool:
        """Whether it runs, or waits to begin."""
        return self.running or self.waiting
