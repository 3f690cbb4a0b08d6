"""The one door to the models: torch is loaded behind it, inside a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import Image
from segstudio.core.prediction import (
    Ensemble,
    ModelSpec,
    Prediction,
    RunOptions,
    Variant,
    parts_of,
)
from segstudio.jobs import Job

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel
    from segstudio.models.ensembles import Member
    from segstudio.models.segmenter import Segmenter
    from segstudio.models.segmenter_cache import SegmenterCache

Check = Callable[[], None]
"""Raises `CancelledError` if the work shall stop."""
Report = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what happens now)."""


class Predictor(Protocol):
    """A model with its weights loaded."""

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image of shape (H, W, 3) uint8 RGB."""
        ...


class Engine(Protocol):
    """What segstudio asks of its models; every method may take long and belongs into a job."""

    def specs(self) -> dict[str, ModelSpec]:
        """All models by id."""
        ...

    def is_available(self, spec: ModelSpec) -> bool:
        """Whether the weights are on disk."""
        ...

    def download(self, spec: ModelSpec, check: Check, report: Report) -> None:
        """Fetch the weights."""
        ...

    def spec_from_weights(self, path: Path) -> ModelSpec:
        """Describe a file of the user's own."""
        ...

    def predictor(self, spec: ModelSpec, device: str, check: Check) -> Predictor:
        """Load a model, or give the loaded one."""
        ...

    def traced_model(
        self,
        spec: ModelSpec,
        pixels: Image,
        options: RunOptions,
        around_xy: tuple[int, int] | None,
        check: Check,
    ) -> TracedModel:
        """A loaded model with an image (H, W, 3) uint8 RGB to look into.

        Of a large image only a part around a pixel (x, y), or in the middle, is taken.
        """
        ...


def loaded(engine: Engine, spec: ModelSpec, device: str, job: Job) -> Predictor:
    """A model that is ready to run, downloaded first where its weights are not on disk.

    Raises:
        SegstudioError: if it cannot be downloaded or loaded.
    """
    before = job.progress
    if not engine.is_available(spec):
        engine.download(spec, job.check, job.report)
    job.report(before.done, before.total, f"Loading {spec.title}")
    return engine.predictor(spec, device, job.check)


class TorchEngine:
    """The models of `segstudio.models`, kept loaded while memory allows."""

    def __init__(self) -> None:
        self._cache: SegmenterCache | None = None

    def specs(self) -> dict[str, ModelSpec]:
        """All models by id; does not load torch."""
        from segstudio.models.registry import registry

        return registry()

    def is_available(self, spec: ModelSpec) -> bool:
        """Whether the weights are on disk; does not load torch."""
        from segstudio.models.weights import is_available

        return all(is_available(part) for part in parts_of(spec))

    def download(self, spec: ModelSpec, check: Check, report: Report) -> None:
        """Fetch the weights; does not load torch.

        Raises:
            SegstudioError: if they cannot be had.
        """
        from segstudio.models.weights import download, is_available

        for part in parts_of(spec):
            if not is_available(part):
                download(part, check, report)

    def spec_from_weights(self, path: Path) -> ModelSpec:
        """Describe a file of the user's own.

        Raises:
            SegstudioError: if it holds no network that segstudio knows.
        """
        from segstudio.models.registry import spec_from_weights

        return spec_from_weights(path)

    def predictor(self, spec: ModelSpec, device: str, check: Check) -> Predictor:
        """Load a model (torch with it), or give the loaded one.

        Raises:
            SegstudioError: if the weights are missing or do not fit.
        """
        return self._member(spec, device, check)

    def _member(self, spec: ModelSpec, device: str, check: Check) -> Member:
        made_of = spec.made_of
        if isinstance(made_of, Variant):
            from segstudio.models.ensembles import VariantPredictor

            base = self._member(made_of.base, device, check)
            return VariantPredictor(spec, base, made_of.overrides)
        if isinstance(made_of, Ensemble):
            from segstudio.models.ensembles import EnsemblePredictor, PanopticPredictor

            members = [self._member(member, device, check) for member in made_of.members]
            if made_of.method == "panoptic":
                return PanopticPredictor(spec, *members)
            return EnsemblePredictor(spec, members)
        return self._segmenter(spec, device, check)

    def traced_model(
        self,
        spec: ModelSpec,
        pixels: Image,
        options: RunOptions,
        around_xy: tuple[int, int] | None,
        check: Check,
    ) -> TracedModel:
        """A loaded model with an image, or a part of a large one, to look into.

        Raises:
            SegstudioError: if the weights are missing or do not fit, or several models answer
                together.
        """
        from segstudio.inspection.nets.traced_model import TracedModel

        if isinstance(spec.made_of, Variant):
            own = replace(options, **spec.made_of.overrides)
            return self.traced_model(spec.made_of.base, pixels, own, around_xy, check)
        if spec.made_of is not None:
            raise SegstudioError(
                f"{spec.title} is several networks.", "Choose one of them to look inside it."
            )
        segmenter = self._segmenter(spec, options.device, check)
        return TracedModel(segmenter, pixels, options, around_xy)

    def _segmenter(self, spec: ModelSpec, device: str, check: Check) -> Segmenter:
        if self._cache is None:
            from segstudio.models.segmenter_cache import SegmenterCache

            self._cache = SegmenterCache()
        return self._cache.get(spec, device, check=check)
