"""A loaded model with one image: its trace, and what it answers when features are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.attention import AttentionBlock, AttentionBlocks, BlockAttention
from segstudio.core.errors import CancelledError, SegstudioError, one_line
from segstudio.core.features import Cut, FeatureMap, FeatureTrace, LayerInfo, Role, SkipEdge
from segstudio.core.geometry import Rect
from segstudio.core.input_geometry import InputGeometry
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import ModelSpec, Prediction, RunOptions
from segstudio.core.progress import Check, no_check, no_report
from segstudio.core.proposals import Proposals, Ranked
from segstudio.inspection.nets.ablation import cutting
from segstudio.inspection.nets.attribution import Gradients, gradients, stage_field
from segstudio.inspection.nets.region_proposals import proposals
from segstudio.inspection.nets.running import evaluating, masks_left_small, to_numpy
from segstudio.inspection.nets.skip_merges import SkipMerge, look_at_join
from segstudio.inspection.nets.targets import LogitTarget
from segstudio.inspection.nets.token_attention import attention_of, block_attention
from segstudio.inspection.nets.tracing import Traced, trace_with_output
from segstudio.models.detection import InstanceRunner, own_runner
from segstudio.models.devices import repeatable
from segstudio.models.preprocess import Geometry, Preprocess, restore
from segstudio.models.segmenter import Segmenter
from segstudio.models.semantic import (
    ClassMap,
    SemanticRunner,
    as_logits,
    at_source,
    to_class_map,
)
from segstudio.models.universal import UniversalRunner

FloatArray = NDArray[np.float32]
_NEVER: Final = 100.0
"""So far below all others is the logit of a class that a head does not know."""

INPUT_LIMIT: Final = 2048 * 2048
"""Pixels of the network's input beyond which a part of the photo is inspected instead of all."""


class TracedModel:
    """A model and an image (or a window of it), which goes through the network whole.

    Safe to use from several threads: the network works for one at a time.

    Attributes:
        input_geometry: Where the network's input lies on the photo.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        pixels: Image,
        options: RunOptions | None = None,
        around_xy: tuple[int, int] | None = None,
    ) -> None:
        """Take a segmenter, an image (H, W, 3) uint8 RGB, and the thresholds for instances.

        Args:
            segmenter: The model.
            pixels: (H, W, 3) uint8 RGB, the photo.
            options: Thresholds for instances.
            around_xy: Of a photo whose input would exceed `INPUT_LIMIT`, the part around this
                pixel goes through the network; None: its middle.

        Raises:
            SegstudioError: if the model cannot be loaded.
        """
        self._segmenter = segmenter
        photo_hw = (pixels.shape[0], pixels.shape[1])
        self._options = options or RunOptions()
        self._network = segmenter.network
        self._preprocess = Preprocess.from_dict(dict(segmenter.spec.preprocess))
        window = _window(self._preprocess.resized_hw(*photo_hw), photo_hw, around_xy)
        self._pixels = np.ascontiguousarray(pixels[window.slices])
        with self._named_errors():
            self._range = self._preprocess.value_range(pixels)
            x, self._geometry = self._preprocess.prepare(self._pixels, self._range)
        self._x: Tensor = x.contiguous(memory_format=torch.channels_last)
        self.input_geometry = InputGeometry(
            photo_hw, window, self._geometry.resized_hw, self._geometry.padded_hw
        )

    @property
    def spec(self) -> ModelSpec:
        """The model."""
        return self._segmenter.spec

    @property
    def _input(self) -> Tensor:
        """The network's input (1, C, h, w), where the network is: a run without memory moves it."""
        if self._x.device != self._segmenter.device:
            self._x = self._x.to(self._segmenter.device)
        return self._x

    @property
    def _universal(self) -> UniversalRunner | None:
        segmenter = self._segmenter
        if not UniversalRunner.runs(self._network):
            return None
        return UniversalRunner.for_spec(
            self.spec, self._network, self._preprocess, segmenter.device
        )

    @property
    def _runner(self) -> SemanticRunner:
        segmenter = self._segmenter
        return SemanticRunner(self._network, self._preprocess, segmenter.device, self.spec.output)

    def trace(self, keep: Iterable[str] | None = None, check: Check = no_check) -> FeatureTrace:
        """Return the trace of the image as the network sees it; `keep` as in `tracing.trace`.

        Raises:
            SegstudioError: if the network does not run on the image.
        """
        return self._traced(keep, check).trace

    def look(self, check: Check = no_check) -> tuple[FeatureTrace, Prediction]:
        """Return the trace, and what the model says of the window.

        Raises:
            SegstudioError: if the network does not run on the image.
        """
        traced = self._traced(None, check)
        if self.spec.finds_objects or self._universal is not None:
            return traced.trace, self.predict(check=check)
        with torch.inference_mode():
            logits = at_source(as_logits(traced.output, self.spec.output), self._geometry)
            return traced.trace, self._answer(to_class_map(logits))

    def _traced(self, keep: Iterable[str] | None, check: Check) -> Traced:
        with self._at_work(check), masks_left_small(self._network):
            traced = trace_with_output(self._network, self._input, keep=keep, check=check)
        scale = self.input_geometry.scale
        layers = tuple(replace(layer, photo_scale=scale) for layer in traced.trace.layers)
        found = replace(traced.trace, layers=layers)
        traced = replace(traced, trace=found)
        window, photo = self.input_geometry.window, self.input_geometry.photo_hw
        if window.shape_hw != photo:
            part = f"{window.width} x {window.height} pixels at {window.left}, {window.top}"
            note = f"The image is large: a part of it is inspected, {part}."
            traced = replace(traced, trace=replace(found, notes=(*found.notes, note)))
        again = found.activations.recompute
        if again is not None:

            def recompute(names: tuple[str, ...]) -> Mapping[str, FeatureMap]:
                with self._at_work(no_check), masks_left_small(self._network):
                    return again(names)

            found.activations.recompute_by(recompute)
        return traced

    def predict(self, cuts: Iterable[Cut] = (), check: Check = no_check) -> Prediction:
        """Return what the model says of the window, with cuts applied together.

        Without cuts it is that of `Segmenter.predict` for an image that is not cut into tiles.

        Raises:
            SegstudioError: if a cut's place did not come up, or the model fails on the image.
        """
        with (
            self._at_work(check),
            torch.inference_mode(),
            repeatable(),
            evaluating(self._network),
            cutting(self._network, cuts, check=check) as knife,
        ):
            found = self._run()
        knife.verify()
        return found

    def labels(self, cuts: Iterable[Cut] = ()) -> Labels:
        """Return the class map (h, w) uint8 of the window; see `predict`."""
        return self.predict(cuts).labels

    def logits(self, check: Check = no_check) -> FloatArray | None:
        """Return the logits (K, h, w) of the window; None for models that do not end in any."""
        if self.spec.finds_objects or self._universal is not None:
            return None
        with self._at_work(check), torch.inference_mode(), evaluating(self._network):
            return to_numpy(self._runner.logits(self._pixels, self._range)[0])

    def skip_merge(self, edge: SkipEdge, check: Check = no_check) -> SkipMerge:
        """Return what the join of a skip edge brings together.

        Raises:
            SegstudioError: if the join did not run.
        """
        with self._at_work(check), masks_left_small(self._network):
            return look_at_join(self._network, self._input, edge, check=check)

    def gradients(
        self,
        found: FeatureTrace,
        class_id: int,
        *,
        pixel_xy: tuple[int, int] | None = None,
        region: NDArray[np.bool_] | None = None,
        layers: tuple[str, ...] | None = None,
        check: Check = no_check,
    ) -> Gradients:
        """Return the gradients of a class's score at the stages of the trace.

        Args:
            found: The trace.
            class_id: The model's class.
            pixel_xy: The only photo pixel that counts; overrides `region`.
            region: (H, W) bool of the photo: pixels that count; None: the whole window.
            layers: Ids of the stages; None: all that are maps.
            check: Called before every module; what it raises stops the work.

        Raises:
            SegstudioError: for an unknown class, a place outside the window, or a network without
                gradients.
        """
        target = self._target(class_id, pixel_xy, region)
        with self._at_work(check):
            return gradients(self._network, self._input, found, target, layers=layers, check=check)

    def stage_field(
        self,
        found: FeatureTrace,
        layer_id: str,
        position: tuple[int, int],
        *,
        channel: int | None = None,
        check: Check = no_check,
    ) -> FloatArray:
        """Return the effective receptive field of one position of a stage, on the window (h, w)."""
        with self._at_work(check):
            values = stage_field(
                self._network,
                self._input,
                found.layer(layer_id),
                position,
                channel=channel,
                check=check,
            )
        return self.input_geometry.of_input(values)

    def attention_of(
        self, name: str, check: Check = no_check
    ) -> tuple[AttentionBlocks, BlockAttention | None]:
        """Return the network's blocks with attention over the image, and what one computes."""
        with self._at_work(check), masks_left_small(self._network):
            return attention_of(self._network, self._input, name, check=check)

    def block_attention(self, block: AttentionBlock, check: Check = no_check) -> BlockAttention:
        """Return what one block's tokens look at on the image.

        Raises:
            SegstudioError: if the block does not run as it did before.
        """
        with self._at_work(check), masks_left_small(self._network):
            return block_attention(self._network, self._input, block, check=check)

    def proposals(self, check: Check = no_check) -> Proposals | None:
        """Return the regions that the network proposes, in pixels of the photo; None if it does not."""
        with self._at_work(check), masks_left_small(self._network):
            found = proposals(self._network, self._input, check=check)
        if found is None:
            return None
        return replace(
            found, before=self._on_photo(found.before), after=self._on_photo(found.after)
        )

    def _on_photo(self, ranked: Ranked) -> Ranked:
        """Boxes in pixels of the input, in those of the photo."""
        top, left = self.input_geometry.to_photo((0.0, 0.0))
        vertical, horizontal = self.input_geometry.scale
        scale = np.array([horizontal, vertical] * 2, np.float32)
        return replace(ranked, boxes=ranked.boxes / scale + np.array([left, top] * 2, np.float32))

    def logit_lens_stages(self, found: FeatureTrace) -> tuple[str, ...]:
        """Return the ids of the stages that the head can read; none where queries say the classes."""
        if self._universal is not None:
            return ()
        return tuple(layer.id for layer in logit_lens_stages(self._network, found))

    def logit_lens(self, found: FeatureTrace, layer_id: str) -> Prediction:
        """Return what the head says from a stage (a logit lens), of the window.

        Raises:
            SegstudioError: if the head expects another number of channels.
        """
        if self._universal is not None:
            raise SegstudioError(
                f"{self.spec.title} names classes by its queries, so no stage can be read alone.",
                "Look at its maps and gradients instead.",
            )
        with self._at_work(no_check):
            logits = torch.from_numpy(logit_lens(self._network, found, layer_id))[None]
        logits = as_logits(logits, self.spec.output)
        if max(self.spec.schema.ids) == logits.shape[1]:  # the head knows nothing of class 0
            logits = F.pad(logits, (0, 0, 0, 0, 1, 0), value=float(logits.min()) - _NEVER)
        whole = restore(logits, self._geometry)
        answer = self._answer(to_class_map(whole))
        return replace(answer, title=f"{self.spec.title} read from {layer_id}")

    def _target(
        self,
        class_id: int,
        pixel_xy: tuple[int, int] | None,
        region: NDArray[np.bool_] | None,
    ) -> LogitTarget:
        window = self.input_geometry.window
        if pixel_xy is not None:
            x, y = pixel_xy
            if not (window.top <= y < window.bottom and window.left <= x < window.right):
                raise SegstudioError("The pixel lies outside the part that is inspected.")
            row, col = self.input_geometry.to_input((y + 0.5, x + 0.5))
            return LogitTarget(class_id, pixel=(int(row), int(col)))
        height, width = self._geometry.padded_hw
        rows, cols = _centres(self._geometry)
        inside = np.zeros((height, width), np.bool_)
        if region is None:
            inside[: len(rows), : len(cols)] = True
        else:
            inside[: len(rows), : len(cols)] = region[window.slices][np.ix_(rows, cols)]
        return LogitTarget(class_id, region=inside)

    def _run(self) -> Prediction:
        spec, device = self._segmenter.spec, self._segmenter.device
        if self._universal is not None:
            whole = replace(self._options, flips=False, scales=(1.0,), input_scale=1.0)
            return self._universal.answer(spec, self._pixels, whole, no_check)
        if spec.task == "semantic":
            return self._answer(to_class_map(self._runner.logits(self._pixels, self._range)))
        kind = own_runner(self._network) or InstanceRunner
        finder = kind(self._network, self._preprocess, device, spec.schema.ids)
        side = max(self._pixels.shape)
        instances, _, _ = finder.predict(self._pixels, side, 0, no_check, no_report)
        size = (self._pixels.shape[0], self._pixels.shape[1])
        options = self._options
        labels, ids, confidence = instances.flatten(
            size, options.score_threshold, options.mask_threshold
        )
        answer = self._answer(ClassMap(labels, confidence, None))
        return replace(answer, instances=instances, instance_ids=ids)

    def _answer(self, found: ClassMap) -> Prediction:
        spec, device = self.spec, str(self._segmenter.device)
        return Prediction(
            spec.id, spec.title, spec.schema, found.labels, found.confidence,
            device=device, entropy=found.entropy,
        )  # fmt: skip

    @contextmanager
    def _at_work(self, check: Check) -> Iterator[None]:
        """The network for this thread alone; its modules ask `check`; errors name the model."""
        with self._segmenter.exclusive(check), self._named_errors():
            yield

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Whatever a network raises on an image becomes an error that names the model."""
        try:
            yield
        except (SegstudioError, CancelledError):
            raise
        except Exception as error:
            raise SegstudioError(
                f"{self._segmenter.spec.title} failed on the image ({one_line(error)}).",
                "Try another model or another size of the image.",
            ) from error


def _centres(geometry: Geometry) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The window's row and column under the middle of each row and column of the resized input."""
    found = []
    for source, resized in zip(geometry.source_hw, geometry.resized_hw, strict=True):
        found.append(((np.arange(resized) + 0.5) * source / resized).astype(np.intp))
    return found[0], found[1]


def _window(
    input_hw: tuple[int, int], photo_hw: tuple[int, int], around_xy: tuple[int, int] | None
) -> Rect:
    """The part of a photo whose input stays within the limit, around a pixel or in the middle."""
    height, width = photo_hw
    part = (INPUT_LIMIT / (input_hw[0] * input_hw[1])) ** 0.5
    if part >= 1:
        return Rect.of_shape(photo_hw)
    x, y = around_xy or (width // 2, height // 2)
    high, wide = max(1, int(height * part)), max(1, int(width * part))
    top = min(max(y - high // 2, 0), height - high)
    left = min(max(x - wide // 2, 0), width - wide)
    return Rect(top, left, top + high, left + wide)


def head_module(model: nn.Module, found: FeatureTrace) -> tuple[nn.Module, int]:
    """Return the module of a trace's head and the channels that it reads.

    Raises:
        SegstudioError: if the trace has no head with a module of its own that begins with a
            convolution.
    """
    heads = [layer for layer in found.of_role(Role.HEAD) if layer.receptive_field is not None]
    if not heads:
        raise SegstudioError(f"{found.model} has no head that reads a map")
    try:
        module = model.get_submodule(heads[-1].name)
    except AttributeError as error:
        raise SegstudioError(f"the head of {found.model} is no module of its own") from error
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            return module, part.in_channels
    raise SegstudioError(f"{heads[-1].name} has no convolution to read a stage with")


def logit_lens_stages(model: nn.Module, found: FeatureTrace) -> tuple[LayerInfo, ...]:
    """Return the stages that the head can read: with as many channels as it expects."""
    try:
        _, channels = head_module(model, found)
    except SegstudioError:
        return ()
    roles = (Role.BOTTLENECK, Role.CONTEXT, Role.PYRAMID, Role.DECODER, Role.ENCODER)
    return tuple(layer for layer in found.of_role(*roles) if layer.shape[0] == channels)


def logit_lens(model: nn.Module, found: FeatureTrace, layer_id: str) -> NDArray[np.float32]:
    """Return the logits (K, H, W) that the head gives for a stage, at the image's size.

    Raises:
        SegstudioError: if the head expects another number of channels.
    """
    layer = found.layer(layer_id)
    module, channels = head_module(model, found)
    if layer.shape[0] != channels:
        raise SegstudioError(
            f"the head reads {channels} channels, {layer_id} has {layer.shape[0]}",
            "Choose one of: " + ", ".join(stage.id for stage in logit_lens_stages(model, found)),
        )
    parameter = next(module.parameters())
    stored = torch.from_numpy(found.activation(layer_id))
    features = stored[None].to(parameter.device, parameter.dtype)
    training = module.training
    try:
        module.eval()
        with torch.inference_mode():
            logits: Tensor = module(features)
            height, width = found.input_size
            logits = F.interpolate(
                logits.float(), size=(height, width), mode="bilinear", align_corners=False
            )
    finally:
        module.train(training)
    array: NDArray[np.float32] = logits[0].cpu().numpy()
    return array
