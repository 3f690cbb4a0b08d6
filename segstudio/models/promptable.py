"""SAM and SAM 2.1: an image is embedded once, then each click or box is answered with masks.

Kirillov et al. 2023, Ravi et al. 2024, through the package transformers. The embedding takes
seconds and belongs into a job; an answer takes milliseconds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.models.devices import repeatable, resolve_device
from segstudio.models.families.huggingface import filled
from segstudio.models.hub_folder import PROMPTABLE, HubFolder, folder_of
from segstudio.models.preprocess import Preprocess

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the image."""
_BUDGET_BYTES: Final = 512 << 20


@dataclass(frozen=True)
class Embedding:
    """What the image encoder makes of an image.

    Attributes:
        source_hw: (height, width) of the image.
        resized_hw: What it was resized to, before any padding.
        maps: The features, on the network's device.
    """

    source_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    maps: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of the features."""
        return sum(each.numel() * each.element_size() for each in self.maps)


@dataclass(frozen=True)
class PromptAnswer:
    """Masks for a prompt, the one that the network trusts most first.

    Attributes:
        scores: (M,) float32: the IoU that the network expects of each.
        logits: (M, H, W) float32 at the image's resolution; above 0 is the object.
    """

    scores: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """(M, H, W)."""
        found: npt.NDArray[np.bool_] = self.logits > 0
        return found


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
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._lock, self._running = threading.Lock(), threading.Lock()

    @classmethod
    def open(cls, path: Path, device: str = "auto") -> Promptable:
        """Open a folder of Hugging Face, or a file of it.

        Raises:
            SegstudioError: if it holds no SAM, its weights do not fit, or transformers is missing.
        """
        folder = folder_of(path)
        found = None if folder is None else HubFolder.read(folder)
        row = None if found is None else PROMPTABLE.get(found.architecture)
        if found is None or row is None:
            raise SegstudioError(
                f"{path} holds no network that answers clicks.",
                "Choose a folder of Hugging Face with SAM or SAM 2.1.",
            )
        network = filled(row.builds, row.config, found.config, found.weights, row.spare)
        side = row.side(network.config)
        preprocess = Preprocess.from_dict({**found.normalisation, "size": list(side)})
        return cls(network, preprocess, device, pads=row.pads)

    def kept(self, digest: str) -> Embedding | None:
        """The embedding of an image if it is still there."""
        with self._lock:
            found = self._kept.get(digest)
            if found is not None:
                self._kept.move_to_end(digest)
            return found

    def embed(self, pixels: Image, digest: str) -> Embedding:
        """The embedding of an image, made now unless it is kept; belongs into a job.

        Args:
            pixels: (H, W, 3) uint8 RGB.
            digest: Of the image's content.
        """
        if (known := self.kept(digest)) is not None:
            return known
        x, resized_hw = self._input(pixels)
        with self._running, torch.inference_mode(), repeatable():
            maps = self._network.get_image_embeddings(x.to(self._device))
        found = Embedding(
            (pixels.shape[0], pixels.shape[1]),
            resized_hw,
            (maps,) if isinstance(maps, Tensor) else tuple(maps),
        )
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
    ) -> PromptAnswer:
        """Masks for points and a box, best first.

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
        if len(points) != len(labels) or (not points and box is None):
            raise ValueError("a prompt is a box, or points with a label each")
        across = self._scale(embedding)
        prompt: dict[str, Tensor] = {}
        if points:
            prompt["input_points"] = torch.tensor([[*points]]).float()[None] * across
            prompt["input_labels"] = torch.tensor([[[*labels]]])
        if box is not None:
            prompt["input_boxes"] = torch.tensor([[[*box]]]).float() * across.repeat(2)
        prompt = {name: tensor.to(self._device) for name, tensor in prompt.items()}
        maps = list(embedding.maps) if len(embedding.maps) > 1 else embedding.maps[0]
        several = len(points) == 1 and box is None
        with self._running, torch.inference_mode(), repeatable():
            output = self._network(image_embeddings=maps, multimask_output=several, **prompt)
            whole = self._whole(output.pred_masks[0].float(), embedding)[0]
        scores = output.iou_scores[0, 0].float()
        order = torch.argsort(scores, descending=True, stable=True)
        return PromptAnswer(scores[order].cpu().numpy(), whole[order].cpu().numpy())

    def _input(self, pixels: Image) -> tuple[Tensor, tuple[int, int]]:
        height, width = self._side
        size = self._side
        if self._pads:
            scale = max(self._side) / max(pixels.shape[:2])
            size = int(pixels.shape[0] * scale + 0.5), int(pixels.shape[1] * scale + 0.5)
        x, _ = replace(self._preprocess, size=size).prepare(pixels)
        return F.pad(x, (0, width - size[1], 0, height - size[0])), size

    def _scale(self, embedding: Embedding) -> Tensor:
        """(2,): what x and y of the image are multiplied by."""
        sides = zip(embedding.resized_hw, embedding.source_hw, strict=True)
        down, across = (resized / source for resized, source in sides)
        return torch.tensor([across, down])

    def _whole(self, masks: Tensor, embedding: Embedding) -> Tensor:
        """Logits (1, M, h, w) at the image's resolution, the padding cut off."""
        if self._pads:
            masks = F.interpolate(masks, self._side, mode="bilinear", align_corners=False)
            masks = masks[..., : embedding.resized_hw[0], : embedding.resized_hw[1]]
        return F.interpolate(masks, embedding.source_hw, mode="bilinear", align_corners=False)
