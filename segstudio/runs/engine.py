"""The one door to the models: torch is loaded behind it, inside a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.labels import Image
from segstudio.core.prediction import (
    Ensemble,
    ModelSpec,
    Prediction,
    RunOptions,
    Variant,
    exact,
    parts_of,
)
from segstudio.core.progress import Check, Report
from segstudio.jobs import Job

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel
    from segstudio.models.ensembles import Member
    from segstudio.models.segmenter import Segmenter
    from segstudio.models.segmenter_cache import SegmenterCache


class Predictor(Protocol):
    """A model with its weights loaded."""

    def predict(
        self, pixels: Image, options: RunOptions, check: Check, report: Report
    ) -> Prediction:
        """Segment one image of shape (H, W, 3) uint8 RGB."""
        ...


@dataclass(frozen=True)
class Examined:
    """What a file of weights is.

    Attributes:
        spec: Its model, with the usual answers to its questions.
        is_told: Whether the file itself says what it is: classes, what goes in, what comes out.
        tensors: How many tensors of the network it fills: all, or 0 if they do not fit.
        problem: Why it cannot be loaded, "" if it can.
    """

    spec: ModelSpec
    is_told: bool = True
    tensors: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Previewed:
    """What a model says as it is described now, and what its network was given.

    Attributes:
        prediction: Its answer.
        input_hw: Height and width of the network's input.
        input_range: The lowest and the highest value in it.
    """

    prediction: Prediction
    input_hw: tuple[int, int]
    input_range: tuple[float, float]


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

    def examine(self, path: Path, check: Check) -> Examined:
        """Describe a file of the user's own, and load it once."""
        ...

    def preview(
        self, spec: ModelSpec, pixels: Image, options: RunOptions, check: Check
    ) -> Previewed:
        """Run a plain model that is being described on one image of shape (H, W, 3) uint8 RGB."""
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

    def examine(self, path: Path, check: Check) -> Examined:
        """Describe a file of the user's own, and load it once (torch with it).

        Raises:
            SegstudioError: if it holds no network that segstudio knows.
        """
        from segstudio.models.hub_folder import network_folder
        from segstudio.models.recognition import describes_itself
        from segstudio.models.registry import spec_from_weights
        from segstudio.models.sam_files import promptable_spec
        from segstudio.models.weights import content_digest

        path = network_folder(path) or path if path.is_dir() else path
        clicked = promptable_spec(path)
        if clicked is not None:
            from segstudio.models.promptable import Promptable

            check()
            return Examined(clicked, True, Promptable.open(path).tensors)
        spec = spec_from_weights(path, check=check)
        if spec.weights is not None:  # with its digest it is the model that is run later
            digest = content_digest(Path(spec.weights.filename), check)
            spec = replace(spec, weights=replace(spec.weights, sha256=digest))
        check()
        is_told = describes_itself(path)
        try:
            tensors = self._segmenter(spec, "auto", check).tensors
        except SegstudioError as error:
            problem = f"{error.message} {error.hint}".strip()
            return Examined(spec, is_told, problem=problem)
        return Examined(spec, is_told, tensors)

    def predictor(self, spec: ModelSpec, device: str, check: Check) -> Predictor:
        """Load a model (torch with it), or give the loaded one.

        Raises:
            SegstudioError: if the weights are missing or do not fit.
        """
        return self._member(spec, device, check)

    def preview(
        self, spec: ModelSpec, pixels: Image, options: RunOptions, check: Check
    ) -> Previewed:
        """Run a plain model that is being described on one image; its network stays in memory.

        Raises:
            SegstudioError: if it cannot run as it is described; in plain words.
        """
        from segstudio.models.preprocess import Preprocess

        try:
            given, _ = Preprocess.from_dict(dict(spec.preprocess)).prepare(pixels)
        except (ValueError, TypeError) as error:
            raise SegstudioError(f"Such input makes no sense: {error}.") from error
        check()
        height, width = given.shape[-2:]
        segmenter = self._segmenter(spec, options.device, check)
        try:
            found = segmenter.predict(pixels, options, check)
        except SegstudioError as error:
            if error.__cause__ is None or isinstance(error.__cause__, SegstudioError):
                raise
            if "NaN" in error.message:
                raise
            raise SegstudioError(
                f"The network does not take this input ({counted(given.shape[1], 'channel')} of "
                f"{width} x {height} pixels), or its output is not what is said here.",
                "Try another input size (many networks want multiples of 32), other channels or "
                "another output.",
            ) from error
        return Previewed(found, (height, width), (float(given.min()), float(given.max())))

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
        segmenter = self._segmenter(spec, device, check)
        if spec.route:
            from segstudio.models.segmenter import RoutedPredictor

            return RoutedPredictor(segmenter, spec.route)
        return segmenter

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
            SegstudioError: if the weights are missing or do not fit, several models answer
                together, or the network comes as a program.
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
        unseen = getattr(segmenter.network, "unseen", "")
        if unseen:
            raise SegstudioError(
                f"{spec.title} shows no inner layers: {unseen}.",
                "Open its weights as a file of tensors, if you have them, to look inside.",
            )
        return TracedModel(segmenter, pixels, options, around_xy)

    def _segmenter(self, spec: ModelSpec, device: str, check: Check) -> Segmenter:
        if self._cache is None:
            from segstudio.models.segmenter_cache import SegmenterCache

            self._cache = SegmenterCache()
        # by whatever routes a network is run, it is loaded once
        return self._cache.get(exact(spec), device, check=check)
