"""A loaded model with one image: its trace, and what it answers when features are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from segstudio.core.errors import CancelledError, SegstudioError
from segstudio.core.features import Cut, FeatureTrace
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import RunOptions
from segstudio.inspection.ablation import cutting
from segstudio.inspection.running import evaluating
from segstudio.inspection.tracing import trace
from segstudio.models.detection import InstanceRunner
from segstudio.models.download import no_check, no_report
from segstudio.models.preprocess import Preprocess
from segstudio.models.segmenter import Segmenter
from segstudio.models.semantic import SemanticRunner, to_class_map


class Subject:
    """A model and an image, which goes through the network whole, as the model wants it."""

    def __init__(
        self, segmenter: Segmenter, pixels: Image, options: RunOptions | None = None
    ) -> None:
        """Take a segmenter, an image (H, W, 3) uint8 RGB, and the thresholds for instances.

        Raises:
            SegstudioError: if the model cannot be loaded.
        """
        self._segmenter = segmenter
        self._pixels = pixels
        self._options = options or RunOptions()
        self._network = segmenter.network
        self._preprocess = Preprocess.from_dict(dict(segmenter.spec.preprocess))

    def trace(self, keep: Iterable[str] | None = None) -> FeatureTrace:
        """Return the trace of the image as the network sees it; `keep` as in `tracing.trace`.

        Raises:
            SegstudioError: if the network does not run on the image.
        """
        with self._named_errors():
            x, _ = self._preprocess.prepare(self._pixels)
            x = x.to(self._segmenter.device).contiguous(memory_format=torch.channels_last)
            return trace(self._network, x, keep=keep)

    def labels(self, cuts: Iterable[Cut] = ()) -> Labels:
        """Return the class map (H, W) uint8 at the image's own size, with cuts applied together.

        Without cuts it is that of `Segmenter.predict` for an image that is not cut into tiles.

        Raises:
            SegstudioError: if a cut's place did not come up, or the model fails on the image.
        """
        flags = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
        with (
            self._named_errors(),
            torch.inference_mode(),
            flags,
            evaluating(self._network),
            cutting(self._network, cuts) as knife,
        ):
            found = self._run()
        knife.verify()
        return found

    def _run(self) -> Labels:
        spec, device = self._segmenter.spec, self._segmenter.device
        if spec.task == "semantic":
            runner = SemanticRunner(self._network, self._preprocess, device)
            return to_class_map(runner.logits(self._pixels))[0]
        if not isinstance(self._network, GeneralizedRCNN):
            raise SegstudioError(f"{spec.title} finds instances, but is no Mask R-CNN.")
        instances, _, _ = InstanceRunner(
            self._network, self._preprocess, device, spec.schema.ids
        ).predict(self._pixels, max(self._pixels.shape), 0, no_check, no_report)
        size = (self._pixels.shape[0], self._pixels.shape[1])
        options = self._options
        return instances.flatten(size, options.score_threshold, options.mask_threshold)[0]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Whatever a network raises on an image becomes an error that names the model."""
        try:
            yield
        except (SegstudioError, CancelledError):
            raise
        except Exception as error:
            raise SegstudioError(
                f"{self._segmenter.spec.title} failed on the image ({error}).",
                "Try another model or another size of the image.",
            ) from error
