"""How long something that counts its steps still takes."""

from __future__ import annotations

from collections import deque
from typing import Final

_SURE_AFTER_S: Final = 3.0
_LOOK_BACK_S: Final = 10.0


class Pace:
    """Estimates what is left from the speed of the last seconds.

    What is on disk already goes faster than what has to be worked out.
    """

    def __init__(self) -> None:
        self._job: object = None
        self._seen: deque[tuple[float, int]] = deque()

    def left(self, job: object, done: int, total: int, now: float) -> float | None:
        """Seconds, or None while nothing can be said.

        Args:
            job: What tells jobs apart.
            done: Steps so far; fewer than before mean that it started over.
            total: All steps; 0 if unknown.
            now: The time in seconds.
        """
        seen = self._seen
        if job != self._job or (seen and done < seen[-1][1]):
            self._job = job
            seen.clear()
        if not seen or done > seen[-1][1]:
            seen.append((now, done))
        while len(seen) > 2 and now - seen[1][0] > _LOOK_BACK_S:
            seen.popleft()
        began, first = seen[0]
        passed = now - began
        if total <= 0 or passed < _SURE_AFTER_S or done == first:
            return None
        return passed * (total - done) / (done - first)

    def forget(self) -> None:
        """Nothing is done any more: what comes is watched from its start."""
        self._seen.clear()
