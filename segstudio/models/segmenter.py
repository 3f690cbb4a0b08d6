"""A model that is loaded and answers: pixels in, `Prediction` out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from segstudio.core.errors import CancelledError, SegstudioError, one_line
from segstudio.core.formatting import counted
from segstudio.core.labels import Image
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions, channels_text
from segstudio.core.progress import Check, Report, no_check, no_report
from segstudio.core.route_answer import route_title
from segstudio.models.augmentation import Variants
from segstudio.models.checkpoints import broken_tensors, far_too_few, load_into, load_state
from segstudio.models.conversion import network_key
from segstudio.models.detection import InstanceRunner, finds_instances, own_runner
from segstudio.models.devices import (
    give_back_freed_memory,
    is_out_of_memory,
    release_memory,
    repeatable,
    resolve_device,
)
from segstudio.models.ensembles import of_instances
from segstudio.models.families import FAMILIES, imported
from segstudio.models.preprocess import CHANNELS, Preprocess
from segstudio.models.routes import Call, ReplacedPart, cannot_be_taken, part_of, route_of, taking
from segstudio.models.semantic import NoNumbersError, SemanticRunner, require_numbers
from segstudio.models.tryout import ProgramNetwork
from segstudio.models.universal import UniversalRunner
from segstudio.models.weights import require_weights

_SMALLEST_TILE: Final = 256
_OWN: Final = "segstudio.models."
_INPUT_SCALES: Final = (1.0, 0.5, 0.25)

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Attempt:
    """One way to run: where, and how small the network's input is made."""

    device: torch.device
    tile_px: int
    input_scale: float = 1.0


class _Held:
    """A network in memory, which several descriptions may share, and whose turn it is."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.network: nn.Module | None = None
        self.calls: dict[tuple[str, torch.device], Call] = {}
        self.runner: type[InstanceRunner] = InstanceRunner
        self.check: Check = no_check
        self.lock = threading.RLock()

    def before_module(self, _module: nn.Module, _args: Any) -> None:
        self.check()


class Segmenter:
    """A network with its weights on a device. Safe to use from several threads, one at a time."""

    def __init__(self, spec: ModelSpec, weights: Path | None = None, device: str = "auto") -> None:
        """Args:
        spec: The model.
        weights: A file to use instead of the spec's own weights.
        device: "auto", "cpu", "cuda", "mps".

        Raises:
            SegstudioError: if the device is not there.
        """
        self.spec = spec
        self._weights = weights
        self._preprocess = Preprocess()
        self._held = _Held(resolve_device(device))
        self._lock = self._held.lock

    @property
    def device(self) -> torch.device:
        """Where the network is between runs."""
        return self._held.device

    @device.setter
    def device(self, device: torch.device) -> None:
        self._held.device = device

    def is_of(self, spec: ModelSpec) -> bool:
        """Whether this network is loaded and is that of a model, however that is described."""
        mine = self.spec
        same = (mine.task, mine.builder, mine.options, mine.weights, mine.embedded)
        others = (spec.task, spec.builder, spec.options, spec.weights, spec.embedded)
        return self._held.network is not None and same == others

    def described_as(self, spec: ModelSpec) -> Segmenter:
        """The same network, its images and answers read in another way; no file is read again.

        Args:
            spec: One that this `is_of`.
        """
        other = Segmenter(spec, self._weights, str(self.device))
        with self._lock:
            other._take(self._held)
        return other

    def _take(self, held: _Held) -> None:
        self._preprocess = _preprocess_of(self.spec)
        if held.network is not None:
            name = "" if self.spec.weights is None else self.spec.weights.filename
            _check_channels(held.network, self._preprocess, self._weights or Path(name))
        self._held, self._lock = held, held.lock

    @property
    def nbytes(self) -> int:
        """Bytes of the weights in memory; 0 before `load`."""
        if self._held.network is None:
            return 0
        tensors = [*self._held.network.parameters(), *self._held.network.buffers()]
        own = sum(t.numel() * t.element_size() for t in tensors)
        hidden = int(getattr(self._held.network, "hidden_bytes", 0))
        return (1 + len(self._held.calls)) * (own + hidden)

    @property
    def has_routes(self) -> bool:
        """Whether there is a part of the network that another route could run."""
        return part_of(self.network, self.spec.task) is not None

    @property
    def tensors(self) -> int:
        """How many tensors the network has, all of them from the file; loaded if need be."""
        return len(self.network.state_dict())

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode on the device; loaded if need be."""
        self.load()
        assert self._held.network is not None
        return self._held.network

    def load(self, check: Check = no_check) -> None:
        """Build the network and read its weights, once.

        Args:
            check: Called between the steps; what it raises stops the loading.

        Raises:
            SegstudioError: if the weights are missing, damaged, or do not fit.
        """
        with self._lock:
            if self._held.network is not None:
                return
            path = self._weights or require_weights(self.spec, check)
            check()
            network = _filled(self.spec, path, check)
            self._preprocess = _preprocess_of(self.spec)
            _check_channels(network, self._preprocess, path)
            check()
            network.eval().requires_grad_(requires_grad=False)
            if getattr(network, "only_on_cpu", False):
                self.device = torch.device("cpu")
            self._held.network = _move(network, self.device)
            for module in network.modules():
                if not isinstance(module, torch.jit.ScriptModule):  # these take no hooks
                    module.register_forward_pre_hook(self._held.before_module)
            if self.spec.task == "instance":
                finds_instances(network)
            self._held.runner = own_runner(network) or InstanceRunner
            for module in self._held.runner.deciding(network):
                module.register_forward_hook(_look_for_numbers)

    def predict(
        self,
        pixels: Image,
        options: RunOptions | None = None,
        check: Check = no_check,
        report: Report = no_report,
        *,
        name: str = "the image",
        route: str | None = None,
    ) -> Prediction:
        """Run the model on one image of any size.

        Where the memory of the device runs out, the input is made smaller and at last the CPU is
        used; the prediction's notes say so.

        Args:
            pixels: (H, W, 3) uint8 RGB; stored values (H, W, C) where the spec's channels have
                numbers.
            options: Thresholds and tiles; its device was decided when the segmenter was made.
            check: Called before every module of the network; what it raises stops the run.
            report: Told (tiles done, tiles in all, text).
            name: The image's file, for messages.
            route: How the network is run; the spec's route if None.

        Raises:
            SegstudioError: if the model cannot be loaded or fails on this image.
        """
        options = options or RunOptions()
        with self._lock:
            self.load(check)
            self._held.check = check
            try:
                taken = self.spec.route if route is None else route
                return self._predict(pixels, options, report, name, taken)
            except (CancelledError, SegstudioError):
                raise
            except NoNumbersError as error:
                raise self._without_numbers(name) from error
            except Exception as error:
                _log.warning("%s failed on %s", self.spec.title, name, exc_info=error)
                raise SegstudioError(
                    f"{self.spec.title} failed on {name} ({one_line(error)}).",
                    "Try another model or another size of the image.",
                ) from error
            finally:
                self._held.check = no_check
                give_back_freed_memory()

    def probabilities(
        self,
        pixels: Image,
        options: RunOptions,
        check: Check = no_check,
        report: Report = no_report,
        route: str | None = None,
    ) -> npt.NDArray[np.float32]:
        """Probabilities (C, H, W) float32 of the classes, C the highest class id + 1.

        Of models that find instances: see `ensembles.of_instances`. Arguments as `predict`.

        Raises:
            SegstudioError: if the model cannot be loaded or fails on this image.
        """
        classes = max(self.spec.schema.ids) + 1
        if self.spec.task == "instance":
            found = self.predict(pixels, options, check, report, route=route)
            return of_instances(found, classes)
        taken = self.spec.route if route is None else route
        self.load(check)
        self._check_pixels(pixels, "the image")
        with (
            self.exclusive(check),
            self._on_route(self.network, taken, self.device) as network,
            torch.inference_mode(),
            repeatable(),
        ):
            universal = self._universal(network, self.device)
            if universal is not None:
                return universal.shares(pixels, Variants.of(options), check)
            runner = SemanticRunner(network, self._preprocess, self.device, self.spec.output)
            tiles = (options.tile_px, options.overlap_px)
            try:
                return runner.probabilities(pixels, *tiles, check, report, Variants.of(options))
            except NoNumbersError as error:
                raise self._without_numbers("the image") from error

    @contextmanager
    def exclusive(self, check: Check) -> Iterator[None]:
        """Keep other threads from the network; its modules call `check` meanwhile.

        For those who work with `network` itself.
        """
        with self._lock:
            outer, self._held.check = self._held.check, check
            try:
                yield
            finally:
                self._held.check = outer

    def _predict(
        self, pixels: Image, options: RunOptions, report: Report, name: str, route: str
    ) -> Prediction:
        self._check_pixels(pixels, name)
        failed: list[_Attempt] = []
        for attempt in _attempts(self.spec, self.device, pixels, options):
            try:
                return self._run(pixels, attempt, options, report, failed, route)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                _log.info("%s on %s: out of memory at %s", self.spec.id, name, attempt)
            # outside the handler: the error's frames would keep the tensors alive
            failed.append(attempt)
            release_memory(attempt.device)
            self._held.check()
        raise SegstudioError(
            f"There is not enough memory to run {self.spec.title} on {name}.",
            "Close other programs, or use a smaller model.",
        )

    def _check_pixels(self, pixels: Image, name: str) -> None:
        if pixels.ndim != 3 or 0 in pixels.shape:
            raise SegstudioError(f"{name} has no pixels that a model could use.")
        by_number = isinstance(self._preprocess.channels, tuple)
        if not by_number and (pixels.shape[2] != 3 or pixels.dtype != np.uint8):
            raise SegstudioError(
                f"{self.spec.title} reads colours, and a model that answers with it channels "
                "by their numbers.",
                "Put models together that read the same channels.",
            )

    def _run(
        self,
        pixels: Image,
        attempt: _Attempt,
        options: RunOptions,
        report: Report,
        failed: list[_Attempt],
        route: str,
    ) -> Prediction:
        start = time.perf_counter()
        run = self._run_instances if self.spec.task == "instance" else self._run_semantic
        if issubclass(self._held.runner, UniversalRunner):
            run = self._run_universal
        is_there = _is_there(route, attempt.device)
        with (
            self._moved(attempt.device) as whole,
            self._on_route(whole, route, attempt.device) as network,
            torch.inference_mode(),
            repeatable(),
        ):
            prediction = run(network, pixels, attempt, options, report)
        notes = (*_memory_notes(failed, attempt), *prediction.notes)
        device = str(attempt.device)
        if route and is_there:
            device = f"{device} ({route_title(route)})"
        elif route:
            notes = (*notes, f"{route_title(route)} is not there, so it ran exactly.")
        seconds = time.perf_counter() - start
        return replace(prediction, notes=notes, seconds=seconds, device=device)

    def _run_semantic(
        self,
        network: nn.Module,
        pixels: Image,
        attempt: _Attempt,
        options: RunOptions,
        report: Report,
    ) -> Prediction:
        runner = SemanticRunner(network, self._preprocess, attempt.device, self.spec.output)
        found, tiles = runner.predict(
            pixels,
            attempt.tile_px,
            options.overlap_px,
            self._held.check,
            report,
            Variants.of(options),
        )
        return Prediction(
            self.spec.id,
            self.spec.title,
            self.spec.schema,
            found.labels,
            found.confidence,
            notes=(*_tile_notes(tiles, attempt.tile_px), *getattr(self.network, "notes", ())),
            entropy=found.entropy,
        )

    def _run_universal(
        self,
        network: nn.Module,
        pixels: Image,
        attempt: _Attempt,
        options: RunOptions,
        report: Report,
    ) -> Prediction:
        runner = self._universal(network, attempt.device)
        assert runner is not None
        scale = options.input_scale * attempt.input_scale
        return runner.answer(
            self.spec, pixels, replace(options, input_scale=scale), self._held.check
        )

    def _universal(self, network: nn.Module, device: torch.device) -> UniversalRunner | None:
        """What runs the network if it answers with queries."""
        if not issubclass(self._held.runner, UniversalRunner):
            return None
        return self._held.runner.for_spec(self.spec, network, self._preprocess, device)

    def _run_instances(
        self,
        network: nn.Module,
        pixels: Image,
        attempt: _Attempt,
        options: RunOptions,
        report: Report,
    ) -> Prediction:
        runner = self._held.runner(network, self._preprocess, attempt.device, self.spec.schema.ids)
        instances, tiles, full = runner.predict(
            pixels,
            attempt.tile_px,
            options.overlap_px,
            self._held.check,
            report,
            Variants.of(replace(options, input_scale=options.input_scale * attempt.input_scale)),
        )
        labels, ids, confidence = instances.flatten(
            (pixels.shape[0], pixels.shape[1]), options.score_threshold, options.mask_threshold
        )
        notes = _tile_notes(tiles, attempt.tile_px)
        if full:
            limit = f"The model reports at most {runner.limit} objects; there may be more."
            notes = (*notes, limit)
        return Prediction(
            self.spec.id,
            self.spec.title,
            self.spec.schema,
            labels,
            confidence,
            instances,
            ids,
            notes=notes,
        )

    @contextmanager
    def _moved(self, device: torch.device) -> Iterator[nn.Module]:
        """The network on a device, and back where it belongs afterwards.

        Where its own device has no room for it any more, it belongs on the other one from then on.
        """
        if device == self.device:
            yield self.network
            return
        try:
            yield _move(self.network, device)
        finally:
            try:
                _move(self.network, self.device)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                _log.info("%s stays on %s: %s", self.spec.id, device, error)
                _move(self.network, device)
                self.device = device

    @contextmanager
    def _on_route(
        self, network: nn.Module, route: str, device: torch.device
    ) -> Iterator[nn.Module]:
        """The network with its part run by a route; itself for "" and where that is not there.

        Raises:
            SegstudioError: if the route cannot be taken.
        """
        found, module = route_of(route), part_of(network, self.spec.task)
        if found is None or module is None or not found.available(device):
            yield network
            return
        call = self._held.calls.get((route, device))
        if call is None:
            self._held.check()
            part = ReplacedPart(module, self._fresh_part, self._part_key, self._preprocess.count)
            try:
                call = self._held.calls[route, device] = found.make(part, device)
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                _log.warning("%s by %s", self.spec.title, route_title(route), exc_info=error)
                raise cannot_be_taken(self.spec.title, route, error) from error
            self._held.check()
        with taking(network, self.spec.task, call) as run:
            yield run

    def _fresh_part(self) -> nn.Module:
        """The part that a route replaces, built anew on the CPU: it has none of the hooks."""
        if isinstance(self.network, ProgramNetwork):
            path = self._weights or require_weights(self.spec)
            return _filled(self.spec, path, no_check).eval().requires_grad_(requires_grad=False)
        whole = _build(self.spec)
        state = {name: value.cpu() for name, value in self.network.state_dict().items()}
        whole.load_state_dict(state, assign=True)
        whole.eval().requires_grad_(requires_grad=False)
        part = part_of(whole, self.spec.task)
        assert part is not None
        return part

    def _part_key(self) -> str:
        return network_key(self.spec, self._weights or require_weights(self.spec))

    def _without_numbers(self, name: str) -> SegstudioError:
        """What to say of an output that holds NaN: whether the weights do too."""
        broken = broken_tensors(self.network.state_dict())
        file = self._weights or (self.spec.weights and self.spec.weights.filename) or "the model"
        if broken:
            more = f" and {len(broken) - 1} more tensors" if len(broken) > 1 else ""
            hint = f"The weights in {file} are broken: {broken[0]}{more}."
        else:
            hint = "Its preprocessing does not fit the image, or its numbers grow too large."
        return SegstudioError(
            f"The output of {self.spec.title} for {name} holds no numbers (NaN).", hint
        )


class RoutedPredictor:
    """A loaded model whose network is run by a route; what looks into it gets the exact one."""

    def __init__(self, segmenter: Segmenter, route: str) -> None:
        """Take the model and a key of `routes.ROUTES`."""
        self._segmenter, self._route = segmenter, route

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image; see `Segmenter.predict`."""
        return self._segmenter.predict(pixels, options, check, report, route=self._route)

    def probabilities(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> npt.NDArray[np.float32]:
        """Probabilities of the classes; see `Segmenter.probabilities`."""
        return self._segmenter.probabilities(pixels, options, check, report, self._route)


def resolve_builder(builder: str) -> Callable[..., nn.Module]:
    """The function that "module:function" names.

    Raises:
        SegstudioError: if it cannot be imported.
    """
    try:
        function: Callable[..., nn.Module] = imported(builder)
    except (ImportError, AttributeError, ValueError) as error:
        raise SegstudioError(
            f"The builder {builder!r} of a model cannot be imported ({one_line(error)}).",
            "Install the package that brings the model.",
        ) from error
    return function


class _Unfilled(TorchFunctionMode):
    """Leaves new parameters without the random numbers that take most of the time to build."""

    _FILLING: Final = {
        torch.Tensor.uniform_, torch.Tensor.normal_,
        nn.init.uniform_, nn.init.normal_, nn.init.kaiming_uniform_,
    }  # fmt: skip

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        options = kwargs or {}
        if func in self._FILLING:
            filled = args[0] if args else options.get("tensor")
            if isinstance(filled, nn.Parameter):
                return filled
        return func(*args, **options)


def _filled(spec: ModelSpec, path: Path, check: Check) -> nn.Module:
    """The network of a spec with the weights of a file.

    Raises:
        SegstudioError: if the file is damaged or does not fit.
    """
    family = FAMILIES.get(spec.family)
    if family is not None and family.filler:
        fill: Callable[[ModelSpec, Path], nn.Module] = imported(family.filler)
        return fill(spec, path)
    state = load_state(path)
    check()
    _check_size(spec, state, path)
    network = _build(spec)
    check()
    load_into(network, state, str(path))
    return network


def _build(spec: ModelSpec) -> nn.Module:
    builder = resolve_builder(spec.builder)
    try:
        # `load_into` fills each parameter or refuses the file. Another package's network may need
        # its first numbers all the same.
        with _Unfilled() if spec.builder.startswith(_OWN) else nullcontext():
            return builder(**spec.options)
    except Exception as error:
        # Only what a builder says itself is meant for people.
        options = ", ".join(f"{name} {value!r}" for name, value in spec.options.items())
        why = str(error) if isinstance(error, ValueError) else options
        raise SegstudioError(
            f"{spec.title} cannot be built with its options ({why}).",
            "The description inside the weights' file is wrong.",
        ) from error


def _check_size(spec: ModelSpec, state: Mapping[str, torch.Tensor], path: Path) -> None:
    """Refuse a description that asks for a far larger network than the file has weights for.

    Raises:
        SegstudioError: before any memory is taken.
    """
    if not spec.builder.startswith(_OWN):
        return  # another package's network may need real tensors to be built
    few = far_too_few(state, lambda: _build(spec))
    if few is not None:
        given, asked = few
        raise SegstudioError(
            f"{path} describes a network of {asked:,} numbers, but holds {given:,}.",
            "Choose the architecture that the weights were made with.",
        )


def _look_for_numbers(_module: nn.Module, _args: Any, output: Any) -> None:
    for value in output if isinstance(output, tuple | list) else [output]:
        if isinstance(value, torch.Tensor):
            require_numbers(value)
        elif isinstance(value, tuple | list):
            _look_for_numbers(_module, _args, value)


def _check_channels(network: nn.Module, preprocess: Preprocess, path: Path) -> None:
    """Refuse a network that takes other images than it would get, where it says what it takes.

    Raises:
        SegstudioError: in plain words.
    """
    taken = getattr(network, "in_channels", None)
    if not isinstance(taken, int) or taken == preprocess.count:
        return
    fitting = [name for name, count in CHANNELS.items() if count == taken]
    numbers = ",".join(map(str, range(1, taken + 1)))
    raise SegstudioError(
        f"{path} takes images of {counted(taken, 'channel')}, "
        f"but would get {preprocess.count} ({channels_text(preprocess.channels)}).",
        f"Choose {fitting[0] if fitting else numbers} as the channels of its input.",
    )


def _preprocess_of(spec: ModelSpec) -> Preprocess:
    try:
        return Preprocess.from_dict(dict(spec.preprocess))
    except (TypeError, ValueError) as error:
        raise SegstudioError(
            f"The preprocessing of {spec.title} is wrong ({one_line(error)})."
        ) from error


def _move(network: nn.Module, device: torch.device) -> nn.Module:
    """The network on a device, in the memory format that convolutions run fastest in."""
    return network.to(device).to(memory_format=torch.channels_last)


def _attempts(
    spec: ModelSpec, device: torch.device, pixels: Image, options: RunOptions
) -> Iterator[_Attempt]:
    """What to try, in order: as asked, smaller and smaller, then the same on the CPU."""
    cpu = torch.device("cpu")
    for place in [device] if device == cpu else [device, cpu]:
        if spec.finds_objects:
            yield from (_Attempt(place, options.tile_px, scale) for scale in _INPUT_SCALES)
            continue
        tile = options.tile_px
        yield _Attempt(place, tile)
        tile = min(tile, max(pixels.shape[:2]))
        while tile // 2 >= _SMALLEST_TILE:
            tile //= 2
            yield _Attempt(place, tile)


def _is_there(key: str, device: torch.device) -> bool:
    route = route_of(key)
    return route is not None and route.available(device)


def _memory_notes(failed: list[_Attempt], attempt: _Attempt) -> tuple[str, ...]:
    """What was done because memory ran out."""
    if not failed:
        return ()
    if failed[0].device != attempt.device:
        return (f"Memory ran out on {failed[0].device}, so it ran on the CPU.",)
    if attempt.input_scale != 1:
        part = f"{attempt.input_scale:.0%} of the size"
        return (f"Memory ran out on {attempt.device}, so the image was given at {part}.",)
    return (f"Memory ran out on {attempt.device}, so the tiles were made smaller.",)


def _tile_notes(tiles: int, tile_px: int) -> tuple[str, ...]:
    return () if tiles == 1 else (f"Cut into {tiles} overlapping tiles of {tile_px} pixels.",)
