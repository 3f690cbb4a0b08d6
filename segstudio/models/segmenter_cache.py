"""Models kept loaded while memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from segstudio.core.prediction import ModelSpec
from segstudio.core.progress import Check, no_check
from segstudio.models.devices import release_memory
from segstudio.models.segmenter import Segmenter


class SegmenterCache:
    """Loaded models, the least recently used of which go when their weights take too much."""

    def __init__(self, max_bytes: int = 2 * 1024**3) -> None:
        """Keep up to `max_bytes` of weights; the model in use always stays."""
        self.max_bytes = max_bytes
        self._held: OrderedDict[tuple[str, str, str], Segmenter] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Bytes of the weights held."""
        return sum(s.nbytes for s in list(self._held.values()))

    def get(
        self,
        spec: ModelSpec,
        device: str = "auto",
        weights: Path | None = None,
        check: Check = no_check,
    ) -> Segmenter:
        """The loaded model, from memory if it was used before.

        Args:
            spec: The model.
            device: "auto", "cpu", "cuda", "mps".
            weights: A file to use instead of the spec's own weights.
            check: Called between the steps of loading; what it raises stops it.

        Raises:
            SegstudioError: if the model cannot be loaded.
        """
        fresh = Segmenter(spec, weights, device)
        file = weights.resolve() if weights is not None else spec.weights and spec.weights.filename
        key = (spec.id, str(file), str(fresh.device))
        with self._lock:
            segmenter = self._held.get(key)
            if segmenter is None or (segmenter.spec != spec and not segmenter.is_of(spec)):
                segmenter = self._held[key] = fresh
            elif segmenter.spec != spec:
                segmenter = self._held[key] = segmenter.described_as(spec)
            self._held.move_to_end(key)
        try:
            segmenter.load(check)
        except BaseException:
            with self._lock:
                if self._held.get(key) is segmenter:
                    del self._held[key]
            raise
        self._shrink()
        return segmenter

    def clear(self) -> None:
        """Forget all models."""
        with self._lock:
            devices = {s.device for s in self._held.values()}
            self._held.clear()
        for device in devices:
            release_memory(device)

    def _shrink(self) -> None:
        """Drop the least recently used until the rest fits; the newest stays."""
        dropped = set()
        with self._lock:
            while len(self._held) > 1 and self.nbytes > self.max_bytes:
                _, segmenter = self._held.popitem(last=False)
                dropped.add(segmenter.device)
        for device in dropped:
            release_memory(device)
