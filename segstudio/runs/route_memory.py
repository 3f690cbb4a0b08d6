"""What the test of routes found for each model on this machine, kept in the user's cache."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import read_json_or
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, RunOptions, parts_of, with_routes
from segstudio.core.progress import Check, Report
from segstudio.core.route_answer import RouteAnswer
from segstudio.core.text import utf8_json
from segstudio.models.weights import content_digest, find_weights
from segstudio.storage.atomic import make_folder, write_atomically

Given = Callable[[ModelSpec], Image]
"""What a model gets of an image."""
Halted = Callable[[], bool]
"""Whether the test has to halt for now, since something else needs the processor."""
RouteTest = Callable[[ModelSpec, Image, RunOptions, Check, Report, Halted], RouteAnswer]
"""Finds the best route of a model by running it on an image (H, W, 3) uint8."""

WORTH_TESTING: Final = 8
"""Of fewer images a run is over before a test would be."""
_PACKAGES: Final = ("torch", "openvino", "onnxruntime")

_log = logging.getLogger(__name__)


def tested_apart(
    spec: ModelSpec,
    pixels: Image,
    options: RunOptions,
    check: Check,
    report: Report,
    halted: Halted,
) -> RouteAnswer:
    """The real test; torch is loaded in the process that it starts."""
    from segstudio.models.route_test import fastest_apart

    return fastest_apart(spec, pixels, options, check, report, halted)


def machine_text() -> str:
    """Changes when the quickest route may be another one: processor, versions, threads."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = (line for line in lines if line.startswith(("model name", "flags", "Features")))
    cpu = sorted(set(told)) or [platform.processor()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS") or str(cores)
    versions = [f"{name} {_version(name)}" for name in _PACKAGES]
    return "\n".join([platform.system(), platform.machine(), *cpu, *versions, threads])


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


class RouteMemory:
    """Answers by machine and model in one JSON file; may be used by several threads.

    Of two programs that write at the same time the later one's answers stay: the other's are
    found again by another test.
    """

    def __init__(self, file: Path, machine: Callable[[], str] = machine_text) -> None:
        """Args:
        file: Where it is kept; it may be missing.
        machine: Tells what the quickest route depends on besides the model.
        """
        self._file, self._machine = file, machine
        self._lock = threading.Lock()

    def find(self, specs: Iterable[ModelSpec], device: str) -> dict[str, RouteAnswer]:
        """What is known of the parts of models, by their ids.

        Args:
            specs: The models; those without weights on disk are passed over.
            device: As in `RunOptions`.
        """
        data = self._read()
        known = data["answers"].get(self._place(device), {})
        if not known:
            return {}
        found, digests = {}, dict(data["digests"])
        for part in {part.id: part for spec in specs for part in parts_of(spec)}.values():
            digest = _digest(part, digests)
            try:
                if digest in known:
                    found[part.id] = RouteAnswer.from_json(known[digest])
            except ValueError as error:
                _log.info("%s: %s", self._file, error)
        if digests != data["digests"]:
            self._write(digests=digests)
        return found

    def keep(self, spec: ModelSpec, device: str, answer: RouteAnswer) -> None:
        """Remember the answer for a model with weights of its own."""
        digests = dict(self._read()["digests"])
        digest = _digest(spec, digests)
        if digest:
            self._write(digests, (self._place(device), digest, answer))

    def _place(self, device: str) -> str:
        return hashlib.sha256(f"{self._machine()}\n{device}".encode()).hexdigest()[:32]

    def _read(self) -> dict[str, dict[str, Any]]:
        data = read_json_or(self._file, {})
        parts = {name: data.get(name) if isinstance(data, dict) else None for name in _PARTS}
        return {name: part if isinstance(part, dict) else {} for name, part in parts.items()}

    def _write(
        self,
        digests: Mapping[str, Any],
        new: tuple[str, str, RouteAnswer] | None = None,
    ) -> None:
        with self._lock:
            data = self._read()
            data["digests"].update(digests)
            if new is not None:
                place, digest, answer = new
                data["answers"].setdefault(place, {})[digest] = answer.to_json()
            try:
                make_folder(self._file.parent)
                write_atomically(self._file, utf8_json(json.dumps(data, indent=1) + "\n"))
            except SegstudioError as error:
                _log.warning("What was measured of routes is not kept: %s", error)


_PARTS: Final = ("answers", "digests")


def _digest(spec: ModelSpec, digests: dict[str, Any]) -> str:
    """Of weights and architecture; "" where there are none. What was worked out is put in."""
    path = find_weights(spec)
    if path is None:
        return ""
    try:
        stat = path.stat()
        state = [stat.st_size, stat.st_mtime_ns]
        known = digests.get(str(path))
        if not isinstance(known, list) or known[:2] != state:
            known = digests[str(path)] = [*state, content_digest(path)]
    except OSError:
        return ""
    told = json.dumps(
        [known[2], spec.builder, dict(spec.options), spec.task], sort_keys=True, default=str
    )
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def find_routes(
    parts: Iterable[ModelSpec],
    given: Given,
    options: RunOptions,
    memory: RouteMemory,
    test: RouteTest,
    check: Check,
    report: Report,
    halted: Halted = lambda: False,
) -> dict[str, RouteAnswer]:
    """Test models with weights of their own one after the other, and remember what was found.

    `given` tells what each gets of the image of the test. One that the test fails on counts as exact; that is not remembered, nor that nothing was quicker
    while the computer was busy with something else.

    Raises:
        CancelledError: if `check` raised it; what was found before is remembered.
    """
    found = {}
    for part in parts:
        check()
        try:
            found[part.id] = test(
                replace(part, route=""), given(part), options, check, report, halted
            )
        except SegstudioError as error:
            _log.warning("%s was not tested: %s", part.title, error)
            found[part.id] = RouteAnswer()
            continue
        if found[part.id].route or not _is_busy():
            memory.keep(part, options.device, found[part.id])
    return found


def _is_busy() -> bool:
    """Whether far more is at work here than a test: what it timed tells little then."""
    cores = os.cpu_count() or 1
    return hasattr(os, "getloadavg") and os.getloadavg()[0] > 2 * cores


def on_routes(spec: ModelSpec, answers: Mapping[str, RouteAnswer]) -> ModelSpec:
    """The model with the routes that were found for its parts, the others exact."""
    return with_routes(spec, lambda part: answers.get(part.id, RouteAnswer()).route)
