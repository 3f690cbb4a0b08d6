"""What a model is, how it is asked, and what it answered: values without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from segstudio.core.ground import Panoptic
from segstudio.core.instances import Instances
from segstudio.core.labels import Labels
from segstudio.core.schema import LabelSchema

Task = Literal["semantic", "instance", "panoptic", "promptable"]
TASKS: Final[tuple[Task, ...]] = ("semantic", "instance", "panoptic", "promptable")
EnsembleMethod = Literal["mean", "vote", "panoptic"]
ENSEMBLE_METHODS: Final[Mapping[EnsembleMethod, str]] = {
    "mean": "mean of their probabilities",
    "vote": "majority vote",
    "panoptic": "objects of the first over the classes of the second",
}
"""In a few words, for people."""
OutputKind = Literal["softmax", "sigmoid", "logit"]
OUTPUT_KINDS: Final = ("softmax", "sigmoid", "logit")


@dataclass(frozen=True)
class Output:
    """What the channels of a semantic network's output mean.

    Attributes:
        kind: "softmax": one logit a class, the highest wins. "sigmoid": one logit a class but the
            background, each on its own: the highest wins if its probability is above the
            threshold, else it is background. "logit": one channel, a class against background.
        threshold: Of "sigmoid" and "logit", between 0 and 1.
    """

    kind: OutputKind = "softmax"
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.kind not in OUTPUT_KINDS:
            raise ValueError(f"output is {self.kind!r}; it can be {', '.join(OUTPUT_KINDS)}")
        number = isinstance(self.threshold, int | float)
        if not number or not 0 < self.threshold < 1:
            raise ValueError(f"the threshold is {self.threshold}; it lies between 0 and 1")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Output:
        """Make one from `to_json`'s values.

        Raises:
            ValueError: for an unknown key or a wrong value.
        """
        if unknown := set(data) - {"kind", "threshold"}:
            raise ValueError(f"unknown settings of the output: {', '.join(sorted(unknown))}")
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        """Plain values; the threshold only where it counts."""
        return {"kind": self.kind, **({} if self.kind == "softmax" else asdict(self))}

    def classes(self, channels: int) -> int:
        """How many classes a network with so many channels tells apart."""
        return channels + 1 if self.kind == "sigmoid" else max(channels, 2)

    @property
    def text(self) -> str:
        """In a few words, for people."""
        if self.kind == "softmax":
            return "the highest of the classes"
        each = "each class alone" if self.kind == "sigmoid" else "one class against background"
        return f"{each}, above {self.threshold:g}"


@dataclass(frozen=True)
class WeightsFile:
    """Where a model's weights come from.

    Attributes:
        filename: Name of the file in the weights folder (or in the embedded resources).
        url: Where it is downloaded from; empty for embedded or hand-given files.
        sha256: Expected start of the SHA-256 (torchvision publishes the first 8 hex digits in the
            name) or the whole digest; empty if unknown.
        size: Bytes, 0 if unknown.
    """

    filename: str
    url: str = ""
    sha256: str = ""
    size: int = 0


@dataclass(frozen=True)
class Question:
    """What a file of weights does not tell about its network, and what is usual.

    Attributes:
        option: The option of the builder that the answer is given to.
        text: What is asked, in a few words.
        choices: The possible answers, the usual one among them.
        default: The usual one.
    """

    option: str
    text: str
    choices: tuple[str, ...]
    default: str


@dataclass(frozen=True)
class ModelSpec:
    """One entry of the model registry.

    Attributes:
        id: Stable name for the command line, e.g. "unet-nuclei".
        title: Name for people.
        family: Key of `models.families.FAMILIES`, or a name of its own.
        task: "semantic": a class for each pixel; "instance": objects; "panoptic": objects over
            classes of stuff; "promptable": the object at a point or in a box, so that it runs on
            no folder.
        schema: The classes that the model tells apart; those of an instance model are things, all
            but the background where none is said to be one.
        builder: "module:function" of the network's builder, resolved on first use.
        options: Keyword arguments of the builder.
        preprocess: JSON form of `models.preprocess.Preprocess`.
        weights: The weights' file, or None if the user must give one.
        embedded: Whether the weights ship with segstudio.
        licence: Of the weights.
        description: One or two sentences: what it was trained on, what it is good for.
        metrics: Published or measured numbers, name -> value.
        made_of: For a model that is another one run in another way, or several together.
        output: What the channels of a semantic network's output mean.
        questions: What the weights did not tell; the answers taken are in `options`.
        route: Key of `core.route_answer.ROUTE_TITLES`: how its network is run; "" is exact.
    """

    id: str
    title: str
    family: str
    task: Task
    schema: LabelSchema
    builder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    weights: WeightsFile | None = None
    embedded: bool = False
    licence: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    made_of: Variant | Ensemble | None = None
    output: Output = Output()
    questions: tuple[Question, ...] = ()
    route: str = ""

    @property
    def finds_objects(self) -> bool:
        """Whether its answers have objects, with scores and thresholds."""
        return self.task != "semantic"

    def __post_init__(self) -> None:
        schema = self.schema
        if self.task == "instance" and not any(c.thing for c in schema.classes):
            ground = schema.background_id
            classes = tuple(replace(c, thing=c.id != ground) for c in schema.classes)
            object.__setattr__(self, "schema", replace(schema, classes=classes))

    @property
    def own_file(self) -> str:
        """Path of the weights, for a plain model from a file of the user's own; else ""."""
        if self.weights is None or self.made_of is not None or self.embedded:
            return ""
        return self.weights.filename if Path(self.weights.filename).is_absolute() else ""


@dataclass(frozen=True)
class Variant:
    """A model run with options of its own: thresholds, input size, test-time augmentation.

    Attributes:
        base: The model.
        overrides: Fields of `RunOptions` that this variant sets; the others are the user's.
    """

    base: ModelSpec
    overrides: Mapping[str, Any]


@dataclass(frozen=True)
class Ensemble:
    """Several models that answer together.

    Attributes:
        members: The models; all have classes of the same names, in any order, but for "panoptic".
        method: "mean" of their probabilities; majority "vote" of their classes; "panoptic": the
            objects that the first finds over the classes of the second.
    """

    members: tuple[ModelSpec, ...]
    method: EnsembleMethod = "mean"


def parts_of(spec: ModelSpec) -> tuple[ModelSpec, ...]:
    """The models with weights of their own that a model is made of; itself for a plain one."""
    made_of = spec.made_of
    if isinstance(made_of, Variant):
        return parts_of(made_of.base)
    if isinstance(made_of, Ensemble):
        found = [part for member in made_of.members for part in parts_of(member)]
        return tuple({part.id: part for part in found}.values())
    return (spec,)


OTHER_CHANNELS: Final = (
    "Choose other channels (Model > Name and describe weights…, or --set channels=...), or an "
    "image that has them."
)
"""What to do about an image that lacks channels."""


def channels_text(channels: str | Sequence[int]) -> str:
    """The name of an order of colours; of stored channels their numbers, in their order."""
    if isinstance(channels, str):
        return channels
    return f"channel{'s' * (len(channels) > 1)} {', '.join(map(str, channels))}"


def stored_channels(spec: ModelSpec) -> tuple[int, ...]:
    """The numbers of the stored channels that a model gets, from 1; none if it gets colours."""
    chosen = [part.preprocess.get("channels") for part in parts_of(spec)]
    return tuple(n for numbers in chosen if isinstance(numbers, list | tuple) for n in numbers)


def reads_stored(spec: ModelSpec) -> bool:
    """Whether a model gets an image's stored values, since its channels are chosen by number."""
    return bool(stored_channels(spec))


def described(spec: ModelSpec) -> dict[str, Any]:
    """How a model's network is built, what goes into it and what its output means, as JSON values.

    Two models with the same weights answer alike if these are equal.
    """
    return {
        "builder": spec.builder,
        "options": dict(spec.options),
        "preprocess": dict(spec.preprocess),
        "output": spec.output.to_json(),
        "classes": list(spec.schema.ids),
    }


def with_routes(spec: ModelSpec, route_of: Callable[[ModelSpec], str]) -> ModelSpec:
    """The model with the route that a function gives to each of its parts.

    It is the same object if no route is another one.
    """
    made_of = spec.made_of
    if isinstance(made_of, Variant):
        base = with_routes(made_of.base, route_of)
        return spec if base is made_of.base else replace(spec, made_of=replace(made_of, base=base))
    if isinstance(made_of, Ensemble):
        members = tuple(with_routes(member, route_of) for member in made_of.members)
        same = all(a is b for a, b in zip(members, made_of.members, strict=True))
        return spec if same else replace(spec, made_of=replace(made_of, members=members))
    route = route_of(spec)
    return spec if route == spec.route else replace(spec, route=route)


def exact(spec: ModelSpec) -> ModelSpec:
    """The model with all its networks run exactly."""
    return with_routes(spec, lambda _part: "")


def route_names(spec: ModelSpec) -> tuple[str, ...]:
    """The routes of a model's parts, those that are not exact, each once."""
    return tuple(dict.fromkeys(part.route for part in parts_of(spec) if part.route))


def route_key(spec: ModelSpec) -> str:
    """The routes of all parts in one word; "" if all are exact."""
    routes = [part.route for part in parts_of(spec)]
    return "+".join(route or "exact" for route in routes) if any(routes) else ""


def by_route_key(spec: ModelSpec, key: str) -> ModelSpec:
    """The model with the routes that `route_key` named; exact if it fits another one's parts."""
    names = [part.id for part in parts_of(spec)]
    routes = [name if name != "exact" else "" for name in key.split("+")]
    known = dict(zip(names, routes, strict=True)) if len(names) == len(routes) else {}
    return with_routes(spec, lambda part: known.get(part.id, ""))


@dataclass(frozen=True)
class RunOptions:
    """How a model is run.

    Attributes:
        device: "auto", "cpu", "cuda", "mps".
        score_threshold: Instances below this score are hidden (0..1); applied after the run.
        mask_threshold: A pixel belongs to an instance from this probability on; after the run.
        tile_px: Images with a longer side are cut into overlapping tiles of this size.
        overlap_px: Overlap of neighbouring tiles.
        input_scale: Size of the network's input relative to its usual one.
        flips: Average over the image and its three mirror images (test-time augmentation).
        scales: Average over these sizes of the input (test-time augmentation), relative to
            `input_scale`.
    """

    device: str = "auto"
    score_threshold: float = 0.5
    mask_threshold: float = 0.5
    tile_px: int = 2048
    overlap_px: int = 256
    input_scale: float = 1.0
    flips: bool = False
    scales: tuple[float, ...] = (1.0,)


def effective_options(spec: ModelSpec, options: RunOptions) -> RunOptions:
    """The options with which a model really runs: a variant's own come before the user's."""
    if isinstance(spec.made_of, Variant):
        return effective_options(spec.made_of.base, replace(options, **spec.made_of.overrides))
    return options


@dataclass(frozen=True)
class Prediction:
    """What a model answered for one image.

    Attributes:
        run: Key of the run: the model's id, or another name if weights or options differ.
        title: Name for people.
        schema: The model's classes.
        labels: (H, W) uint8 class ids at the image's own resolution (argmax, or instances
            flattened in order of score at the thresholds used).
        confidence: (H, W) uint8: probability of the chosen class, 0..255 for 0..1.
        instances: All detections with soft masks, for models that find objects; else None.
        instance_ids: (H, W) uint16 of the shown instances at the thresholds; else None.
        seconds: Wall-clock time of the forward pass with pre- and post-processing.
        device: Where it ran.
        notes: Plain sentences worth showing (fell back to the CPU, was cut into tiles, ...).
        entropy: (H, W) uint8: entropy of the classes' probabilities over its largest value, 0..255
            for 0..1; None where it follows from the confidence (see `uncertainty`).
        panoptic: What the objects lie over, for panoptic models; else None.
        own: (H, W) uint8 ids of the model's own classes, where none of them is one of the folder's
            in whose classes `labels` are; else None.
    """

    run: str
    title: str
    schema: LabelSchema
    labels: Labels
    confidence: npt.NDArray[np.uint8]
    instances: Instances | None = None
    instance_ids: npt.NDArray[np.uint16] | None = None
    seconds: float = 0.0
    device: str = "cpu"
    notes: tuple[str, ...] = ()
    entropy: npt.NDArray[np.uint8] | None = None
    panoptic: Panoptic | None = None
    own: Labels | None = None

    @property
    def drawn(self) -> Labels:
        """(H, W) uint8: what is shown of it. With `own` the ids are of its `schema`."""
        return self.labels if self.own is None else self.own

    @property
    def uncertainty(self) -> npt.NDArray[np.uint8]:
        """(H, W) uint8: normalised entropy of the classes' probabilities, 0..255 for 0..1.

        Where no entropy was kept there are two classes (or an object and its ground), so that it
        is the binary entropy of the confidence.
        """
        if self.entropy is not None:
            return self.entropy
        return BINARY_ENTROPY[self.confidence]

    @property
    def shape_hw(self) -> tuple[int, int]:
        """(H, W)."""
        return (self.labels.shape[0], self.labels.shape[1])

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays."""
        total = self.labels.nbytes + self.confidence.nbytes
        if self.own is not None:
            total += self.own.nbytes
        if self.entropy is not None:
            total += self.entropy.nbytes
        if self.instance_ids is not None:
            total += self.instance_ids.nbytes
        if self.instances is not None:
            total += self.instances.nbytes
        if self.panoptic is not None:
            total += self.panoptic.nbytes
        return total


def _binary_entropy() -> npt.NDArray[np.uint8]:
    """(256,) uint8: entropy in bits, times 255, of a probability given as 0..255."""
    p = np.arange(256) / 255
    inner = np.clip(p, 1e-12, 1 - 1e-12)
    bits = -(inner * np.log2(inner) + (1 - inner) * np.log2(1 - inner))
    levels: npt.NDArray[np.uint8] = np.rint(bits * 255).astype(np.uint8)
    return levels


BINARY_ENTROPY = _binary_entropy()
"""(256,) uint8: the entropy of two classes by the confidence, both 0..255 for 0..1."""


def with_thresholds(
    prediction: Prediction, score_threshold: float, mask_threshold: float
) -> Prediction:
    """The prediction at other thresholds, without running the model again.

    Args:
        prediction: One with instances; others are returned as they are.
        score_threshold: Instances below this score (0..1) are hidden.
        mask_threshold: A pixel belongs to an instance above this probability (0..1).
    """
    if prediction.instances is None:
        return prediction
    instances, panoptic = prediction.instances, prediction.panoptic
    if panoptic is not None:
        labels, ids, confidence = panoptic.laid(instances, score_threshold, mask_threshold)
    else:
        labels, ids, confidence = instances.flatten(
            prediction.shape_hw, score_threshold, mask_threshold
        )
    return replace(prediction, labels=labels, instance_ids=ids, confidence=confidence)
