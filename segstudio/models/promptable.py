"""SAM and SAM 2.1: an image is embedded once, then each click or box is answered with masks.

Kirillov et al. 2023, Ravi et al. 2024, through the package transformers. The embedding takes
seconds and belongs into a job; an answer takes milliseconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.geometry import Rect
from segstudio.core.labels import Image, Mask
from segstudio.core.progress import Check, Report, no_check, no_report
from segstudio.models.checkpoints import load_state
from segstudio.models.click_decoder import ClickDecoder, Decoded, DecoderInput
from segstudio.models.devices import repeatable, resolve_device
from segstudio.models.families.huggingface import filled
from segstudio.models.hub_folder import PROMPTABLE
from segstudio.models.preprocess import Preprocess
from segstudio.models.published import IMAGENET_MEAN, IMAGENET_STD
from segstudio.models.sam_files import PromptableFile, read_promptable, renamed

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the image."""
_BUDGET_BYTES: Final = 512 << 20


@dataclass(frozen=True)
class Embedding:
    """What the image encoder makes of an image.

    Attributes:
        source_hw: (height, width) of the image.
        resized_hw: What it was resized to, before any padding.
        image: The features as the decoder wants them, on the network's device.
        rows: (height, h): how much of each row of a small mask each row of the image gets.
        columns: (width, w): the same of columns.
    """

    source_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    image: DecoderInput
    rows: Tensor
    columns: Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of the features."""
        weights = (self.rows, self.columns)
        return self.image.nbytes + sum(each.numel() * each.element_size() for each in weights)


@dataclass(frozen=True)
class ObjectMask:
    """One of the masks for a prompt.

    Attributes:
        score: The IoU that the network expects of it.
        rect: The pixels of the image outside of which nothing is in it; empty if nothing is.
        mask: (rect.height, rect.width) bool.
    """

    score: float
    rect: Rect
    mask: Mask


class Promptable:
    """A network that answers prompts, and the embeddings that it made last.

    May be used by several threads; the network works for one at a time.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        device: str = "auto",
        *,
        pads: bool,
        max_bytes: int = _BUDGET_BYTES,
    ) -> None:
        """Args:
        network: `SamModel` or `Sam2Model` of transformers.
        preprocess: Mean and standard deviation, and the size of the network's input.
        device: "auto", "cpu", "cuda", "mps".
        pads: Whether images keep their proportions and are padded to that size.
        max_bytes: Of embeddings that are kept.
        """
        assert preprocess.size is not None
        self._device = resolve_device(device)
        self._network: Any = network.to(self._device).eval().requires_grad_(requires_grad=False)
        self._preprocess, self._side, self._pads = preprocess, preprocess.size, pads
        self._max_bytes = max_bytes
        self._decoder = ClickDecoder(self._network)
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._lock, self._running = threading.Lock(), threading.Lock()

    @classmethod
    def open(cls, path: Path, device: str = "auto") -> Promptable:
        """Open a folder of Hugging Face, a file of it, or a file that the authors published.

        Raises:
            SegstudioError: if it holds no SAM, its weights do not fit, or transformers is missing.
        """
        found = read_promptable(path)
        if found is None:
            raise SegstudioError(
                f"{path} holds no network that answers clicks.",
                "Choose a folder of Hugging Face, or a file, with SAM or SAM 2.1.",
            )
        row = PROMPTABLE[found.architecture]
        state = _published_state(found) if found.published else None
        network = filled(
            row.builds, row.config, found.config, found.weights, row.spare, state=state
        )
        side = row.side(network.config)
        usual = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
        preprocess = Preprocess.from_dict({**usual, **found.normalisation, "size": list(side)})
        return cls(network, preprocess, device, pads=row.pads)

    @property
    def tensors(self) -> int:
        """How many tensors the network has."""
        return len(self._network.state_dict())

    def kept(self, digest: str) -> Embedding | None:
        """The embedding of an image if it is still there."""
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
            return found

    def embed(
        self, pixels: Image, digest: str, check: Check = no_check, report: Report = no_report
    ) -> Embedding:
        """The embedding of an image, made now unless it is kept; belongs into a job.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            digest: Of the image's content.
            check: Called between the encoder's blocks; what it raises ends the work.
            report: Told (blocks done, blocks in all, text).
        """
        if (known := self.kept(digest)) is not None:
            return known
        x, resized_hw = self._input(pixels)
        with self._running, torch.inference_mode(), repeatable():
            with _watched(self._blocks(), check, report):
                maps = self._network.get_image_embeddings(x.to(self._device))
            image = self._decoder.prepare((maps,) if isinstance(maps, Tensor) else tuple(maps))
            source_hw = (pixels.shape[0], pixels.shape[1])
            small_hw = (4 * image.grid[0], 4 * image.grid[1])
            rows, columns = (
                self._stretched(*sides).to(self._device)
                for sides in zip(small_hw, self._side, resized_hw, source_hw, strict=True)
            )
        found = Embedding(source_hw, resized_hw, image, rows, columns)
        with self._lock:
            self._kept[digest] = found
            while len(self._kept) > 1 and self.nbytes > self._max_bytes:
                self._kept.popitem(last=False)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of the embeddings kept."""
        return sum(each.nbytes for each in list(self._kept.values()))

    def answer(
        self,
        embedding: Embedding,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: Box | None = None,
    ) -> tuple[ObjectMask, ...]:
        """Masks for points and a box, the one that the network trusts most first.

        A single point may mean a part or a whole, so it is answered with three masks; more is
        answered with one.

        Args:
            embedding: Of the image.
            points: (x, y) in pixels of the image.
            labels: For each point 1 (on the object) or 0 (not on it).
            box: Around the object.

        Raises:
            ValueError: for no prompt at all, or labels that do not fit the points.
        """
        return self._answer(embedding, points, labels, box, most=3)

    def best(
        self,
        embedding: Embedding,
        points: Sequence[tuple[float, float]] = (),
        labels: Sequence[int] = (),
        box: Box | None = None,
    ) -> ObjectMask:
        """The first mask of `answer` alone, in less time."""
        return self._answer(embedding, points, labels, box, most=1)[0]

    def _answer(
        self,
        embedding: Embedding,
        points: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box: Box | None,
        *,
        most: int,
    ) -> tuple[ObjectMask, ...]:
        image, several = embedding.image, len(points) == 1 and box is None
        with self._running, torch.inference_mode(), repeatable():
            decoded = self._decode(embedding, points, labels, box)
            if several:
                order = torch.argsort(decoded.scores[1:], descending=True, stable=True)
                numbers = [1 + int(number) for number in order[:most]]
                scores = decoded.scores[numbers]
                masks = self._decoder.masks(image, decoded, numbers)
            else:
                scores, masks = self._decoder.single(image, decoded)
            cut = [_cut_out(mask, embedding.rows, embedding.columns) for mask in masks]
        return tuple(ObjectMask(float(s), *found) for s, found in zip(scores, cut, strict=True))

    def _decode(
        self,
        embedding: Embedding,
        points: Sequence[tuple[float, float]],
        labels: Sequence[int],
        box: Box | None,
    ) -> Decoded:
        if len(points) != len(labels) or (not points and box is None):
            raise ValueError("a prompt is a box, or points with a label each")
        sides = zip(embedding.resized_hw, embedding.source_hw, strict=True)
        down, across = (resized / source for resized, source in sides)
        scale = torch.tensor([across, down])
        prompt: dict[str, Tensor] = {}
        if points:
            prompt["input_points"] = torch.tensor([[*points]]).float()[None] * scale
            prompt["input_labels"] = torch.tensor([[[*labels]]])
        if box is not None:
            prompt["input_boxes"] = torch.tensor([[[*box]]]).float() * scale.repeat(2)
        prompt = {name: tensor.to(self._device) for name, tensor in prompt.items()}
        return self._decoder.decode(embedding.image, prompt)

    def _input(self, pixels: Image) -> tuple[Tensor, tuple[int, int]]:
        height, width = self._side
        size = self._side
        if self._pads:
            scale = max(self._side) / max(pixels.shape[:2])
            size = int(pixels.shape[0] * scale + 0.5), int(pixels.shape[1] * scale + 0.5)
        x, _ = replace(self._preprocess, size=size).prepare(pixels)
        return F.pad(x, (0, width - size[1], 0, height - size[0])), size

    def _blocks(self) -> list[nn.Module]:
        encoder = self._network.vision_encoder
        return [*(encoder.layers if self._pads else encoder.backbone.blocks)]

    def _stretched(self, small: int, side: int, resized: int, source: int) -> Tensor:
        """(source, small): what each place along a side of the image gets of a small mask's.

        Stretching is linear, so that of the unit matrix says all of it. Where images are padded
        the mask is stretched to the network's input first and the padding is cut off.
        """
        weights = torch.eye(small)[None]
        if self._pads:
            weights = F.interpolate(weights, side, mode="linear", align_corners=False)
            weights = weights[..., :resized]
        weights = F.interpolate(weights, source, mode="linear", align_corners=False)
        return weights[0].t().contiguous()


def _published_state(found: PromptableFile) -> dict[str, Tensor]:
    """The tensors of a published file as transformers has them."""
    state = renamed(found.architecture, load_state(found.weights))
    kinds = [f"prompt_encoder.point_embed.{i}.weight" for i in range(4)]
    if found.architecture == "Sam2Model" and all(each in state for each in kinds):
        joined = torch.cat([state.pop(each) for each in kinds])
        state["prompt_encoder.point_embed.weight"] = joined
    return state


@contextmanager
def _watched(blocks: list[nn.Module], check: Check, report: Report) -> Iterator[None]:
    """Tell how far the encoder is, and let it be stopped, while it runs."""

    def told(number: int) -> None:
        check()
        report(number, len(blocks), "Reading the image")

    hooks = [
        block.register_forward_pre_hook(lambda *_given, number=number: told(number))
        for number, block in enumerate(blocks)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _cut_out(small: Tensor, rows: Tensor, columns: Tensor) -> tuple[Rect, Mask]:
    """Where in the image a small mask's logits (h, w) are above 0, worked out there alone."""
    inside = small > 0
    if not bool(inside.any()):
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    top, bottom = _reached(inside.any(1), rows)
    left, right = _reached(inside.any(0), columns)
    rows, columns = rows[top:bottom], columns[left:right]
    above, below = _ends((rows > 0).any(0))
    before, after = _ends((columns > 0).any(0))
    part = rows[:, above:below] @ small[above:below, before:after]
    mask = (part @ columns[:, before:after].t() > 0).cpu().numpy()
    down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(down):
        return Rect(0, 0, 0, 0), np.zeros((0, 0), np.bool_)
    inner = Rect(int(down[0]), int(across[0]), int(down[-1]) + 1, int(across[-1]) + 1)
    rect = Rect(top + inner.top, left + inner.left, top + inner.bottom, left + inner.right)
    return rect, np.ascontiguousarray(mask[inner.slices])


def _reached(inside: Tensor, weights: Tensor) -> tuple[int, int]:
    """The places along a side of the image that get anything of those of a small mask's."""
    first, last = _ends(inside)
    return _ends((weights[:, first:last] > 0).any(1))


def _ends(flags: Tensor) -> tuple[int, int]:
    found = torch.nonzero(flags)
    return int(found[0]), int(found[-1]) + 1
