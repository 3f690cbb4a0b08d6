"""How a data set is trained on: proposed from its fingerprint, with the reasons in sentences.

Values without torch, so that a window can show a plan before anything is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.schema import LabelSchema
from segstudio.training.class_balance import advise
from segstudio.training.fingerprint import Fingerprint
from segstudio.training.losses import parse_loss

SCRATCH: Final = "scratch"
DEFAULT_MINUTES: Final = 20.0
_CORE_PIXELS: Final = 60_000.0
"""Pixels a second that one core trains on at full resolution, as the slowest of two machines did."""
_GPU_PIXELS: Final = 20e6
_BFLOAT16_GAIN: Final = 2.5
_ENOUGH_PASSES: Final = 12
_FEW_PASSES: Final = 4
_FINE: Final = 12.0
"""Structures that are not wider, in pixels, lose their shape at half the resolution."""
_RARE: Final = 0.02
_UNEQUAL: Final = 2.0
"""From this ratio of contrasts on, each image is scaled by its own values."""
_LEAST_STEPS: Final = 20


@dataclass(frozen=True)
class TrainableNetwork:
    """A kind of network that can be trained from scratch.

    Attributes:
        key: Its name in commands and records.
        title: Its name for people.
        family: Key of `models.families.FAMILIES`.
        builder: "module:function" of that family.
        options: Of the builder, besides channels and classes.
        classes_option: How the builder calls the number of logits.
        channels_option: How it calls those of the image; "" if it takes colours only.
        divisor: What height and width of its input are padded to multiples of.
        rate: Usual learning rate; the range test looks around it.
        purpose: When to choose it.
    """

    key: str
    title: str
    family: str
    builder: str
    options: Mapping[str, Any] = field(default_factory=dict)
    classes_option: str = "num_classes"
    channels_option: str = "in_channels"
    divisor: int = 32
    rate: float = 3e-3
    purpose: str = ""


_FAMILIES: Final = "segstudio.models.families."
_SEGFORMER_B0: Final = {
    "model_type": "segformer",
    "num_channels": 3,
    "hidden_sizes": [32, 64, 160, 256],
    "depths": [2, 2, 2, 2],
    "num_attention_heads": [1, 2, 5, 8],
    "sr_ratios": [8, 4, 2, 1],
    "mlp_ratios": [4, 4, 4, 4],
    "decoder_hidden_size": 256,
}
ARCHITECTURES: Final[dict[str, TrainableNetwork]] = {
    row.key: row
    for row in (
        TrainableNetwork(
            "unet", "U-Net", "stem-unet", _FAMILIES + "stem_unet:StemUNet",
            purpose="the first choice from scratch, sized to the data and to the time",
        ),
        TrainableNetwork(
            "classic-unet", "U-Net after Ronneberger", "unet", _FAMILIES + "unet:UNet",
            {"base_channels": 16, "depth": 4, "upsampling": "bilinear"}, divisor=16,
            purpose="the U-Net of the paper, as courses build it",
        ),
        TrainableNetwork(
            "smp-unet", "U-Net on a ResNet-18", "smp", _FAMILIES + "smp:smp_network",
            {"arch": "Unet", "encoder": "resnet18"}, "classes", rate=1e-3,
            purpose="more weights, for many images and a GPU",
        ),
        TrainableNetwork(
            "smp-fpn", "FPN on a ResNet-18", "smp", _FAMILIES + "smp:smp_network",
            {"arch": "FPN", "encoder": "resnet18"}, "classes", rate=1e-3,
            purpose="objects of many sizes, with a light decoder",
        ),
        TrainableNetwork(
            "deeplab", "DeepLabV3 on a MobileNetV3", "deeplab",
            _FAMILIES + "torchvision_semantic:deeplabv3", {}, channels_option="", rate=1e-3,
            purpose="scenes with much of the surroundings taken in",
        ),
        TrainableNetwork(
            "lraspp", "LR-ASPP on a MobileNetV3", "lraspp",
            _FAMILIES + "torchvision_semantic:lraspp", {}, channels_option="", rate=1e-3,
            purpose="small and quick; its edges are coarse",
        ),
        TrainableNetwork(
            "segformer", "SegFormer b0", "segformer", _FAMILIES + "huggingface:semantic_network",
            {"architecture": "SegformerForSemanticSegmentation", "config": _SEGFORMER_B0},
            "num_labels", channels_option="", rate=5e-4,
            purpose="a transformer, for many images and a GPU",
        ),
    )
}  # fmt: skip
"""By key; the first is proposed."""


@dataclass(frozen=True)
class Wanted:
    """What a person asked for; None is left to the program.

    Attributes:
        arch: Key of `ARCHITECTURES`.
        start: "scratch", or the title of the model whose weights are taken.
        minutes: How long, at most.
        epochs: How many passes, instead.
        loss: As `losses.parse_loss` reads it.
        crop: Side of the crops in pixels.
        batch: Crops a step.
        rate: Learning rate.
        seed: Of all that is left to chance.
        threads: Of the CPU.
        device: Where it runs, "cpu" or "cuda:0" say.
        bfloat16: Whether that device computes in bfloat16 itself.
    """

    arch: str | None = None
    start: str = SCRATCH
    minutes: float | None = None
    epochs: int | None = None
    loss: str | None = None
    crop: int | None = None
    batch: int | None = None
    rate: float | None = None
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    bfloat16: bool = False


@dataclass(frozen=True)
class TrainingPlan:
    """All that a training is made of.

    Attributes:
        arch: Key of `ARCHITECTURES`, or "" for that of the start.
        start: "scratch", or the title of the model whose weights are taken.
        family: Key of `models.families.FAMILIES`.
        builder: "module:function" of the network's builder.
        options: Its arguments.
        preprocess: JSON form of `models.preprocess.Preprocess`.
        crop: Side of the crops, in pixels of the network's input.
        batch: Crops a step.
        steps: Steps an epoch.
        loss: As `losses.parse_loss` reads it.
        learning_rate: The usual one, or the one that was asked for.
        finds_rate: Whether the range test may choose another one.
        weight_decay: Of AdamW.
        ema: Decay of the averaged weights.
        precision: "float32" or "bfloat16".
        minutes: How long; None if epochs are counted.
        epochs: How many epochs; None if time counts.
        augmentation: Of `transforms.Augmentation`, as JSON.
        thin: Ids of the classes whose centre lines count, where the loss knows of such.
        pixel_shares: Of each id of a class, its part of the pixels.
        seed: Of all that is left to chance.
        threads: Of the CPU.
        device: Where it runs.
        why: The reasons, in sentences.
    """

    arch: str
    start: str
    family: str
    builder: str
    options: dict[str, Any]
    preprocess: dict[str, Any]
    crop: int
    batch: int
    steps: int
    loss: str
    learning_rate: float
    finds_rate: bool
    weight_decay: float
    ema: float
    precision: str
    minutes: float | None
    epochs: int | None
    augmentation: dict[str, Any]
    thin: tuple[int, ...]
    pixel_shares: tuple[float, ...]
    seed: int
    threads: int
    device: str
    why: tuple[str, ...]

    @property
    def budget(self) -> dict[str, float]:
        """Minutes or epochs, by that name."""
        if self.epochs is not None:
            return {"epochs": self.epochs}
        return {"minutes": self.minutes or DEFAULT_MINUTES}

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainingPlan:
        """The inverse of `to_json`.

        Raises:
            SegstudioError: if an entry is missing.
        """
        try:
            values = {name: data[name] for name in cls.__dataclass_fields__}
        except (KeyError, TypeError) as error:
            raise SegstudioError(
                f"The plan of the training has no entry {error}.",
                "It was written by another version: train anew, without --resume.",
            ) from error
        for name in ("thin", "pixel_shares", "why"):
            values[name] = tuple(values[name])
        return cls(**values)


@dataclass(frozen=True)
class StartModel:
    """A network that is trained further.

    Attributes:
        title: Its name for people.
        family: Key of its family.
        builder: Of its network.
        options: Of the builder, with the classes of the data.
        preprocess: What it wants of images.
        replaced: Whether its last layer is made anew, since the classes differ.
    """

    title: str
    family: str
    builder: str
    options: Mapping[str, Any]
    preprocess: Mapping[str, Any]
    replaced: bool = False


def propose(
    found: Fingerprint, schema: LabelSchema, wanted: Wanted, model: StartModel | None = None
) -> TrainingPlan:
    """The plan for a data set.

    Args:
        found: Measured on the images to train on.
        schema: The classes.
        wanted: What a person asked for.
        model: The network that is trained further; None from scratch.

    Raises:
        SegstudioError: if what was asked for does not go together.
    """
    return _Proposal(found, schema, wanted, model).plan()


class _Proposal:
    """Puts a plan together; each step adds its reasons."""

    def __init__(
        self, found: Fingerprint, schema: LabelSchema, wanted: Wanted, model: StartModel | None
    ) -> None:
        self.found, self.schema, self.wanted, self.model = found, schema, wanted, model
        self.why: list[str] = []
        self.minutes = None if wanted.epochs is not None else wanted.minutes or DEFAULT_MINUTES
        self.is_gpu = not wanted.device.startswith("cpu")
        self.channels = max(2, schema.num_classes)

    def plan(self) -> TrainingPlan:
        wanted, found = self.wanted, self.found
        self._tell_size()
        if self.model is None:
            arch = self._architecture()
            network = self._from_scratch(arch)
            rate = arch.rate
        else:
            arch = None
            network = self._from_start(self.model)
            rate = 5e-4
        family, builder, options, preprocess, stride, divisor = network
        crop = self._crop(stride, divisor, preprocess)
        batch = self._batch(crop, stride)
        rare = self._rare()
        loss, thin = self._loss()
        return TrainingPlan(
            arch="" if arch is None else arch.key,
            start=wanted.start,
            family=family,
            builder=builder,
            options=options,
            preprocess=preprocess,
            crop=crop,
            batch=batch,
            steps=self._steps(crop, batch, preprocess),
            loss=loss,
            learning_rate=wanted.rate or rate,
            finds_rate=wanted.rate is None,
            weight_decay=2e-2,
            ema=0.995,
            precision=self._precision(),
            minutes=self.minutes,
            epochs=wanted.epochs,
            augmentation={**self._augmentation(), "rare": list(rare)},
            thin=thin,
            pixel_shares=tuple(found.share(i) for i in range(self.channels)),
            seed=wanted.seed,
            threads=wanted.threads,
            device=wanted.device,
            why=tuple(self.why),
        )

    def _tell_size(self) -> None:
        found = self.found
        height, width = found.heights[1], found.widths[1]
        kind = "grey" if found.grey else "colour"
        self.why.append(
            f"{counted(found.images, f'{kind} image')} of about {width} x {height} pixels with "
            f"{counted(len(found.present), 'class', 'classes')}."
        )

    def _architecture(self) -> TrainableNetwork:
        key = self.wanted.arch or next(iter(ARCHITECTURES))
        if key not in ARCHITECTURES:
            raise SegstudioError(
                f"There is no architecture {key!r} to train.",
                f"Choose one of: {', '.join(ARCHITECTURES)}.",
            )
        return ARCHITECTURES[key]

    def _from_scratch(
        self, arch: TrainableNetwork
    ) -> tuple[str, str, dict[str, Any], dict[str, Any], int, int]:
        """Family, builder, options, preprocessing, stride of the first maps, and divisor."""
        options = {**arch.options}
        stride, divisor = 1, arch.divisor
        if arch.family == "stem-unet":
            stride, options = self._unet_options()
            divisor = stride * 2 ** (len(options["widths"]) - 1)
        elif arch.family not in ("unet",):
            stride = 4
        if arch.classes_option == "num_labels":
            options["config"] = {**options["config"], "num_labels": self.channels}
        else:
            options[arch.classes_option] = self.channels
        grey = self.found.grey and bool(arch.channels_option)
        if arch.channels_option:
            options[arch.channels_option] = 1 if grey else 3
        preprocess = self._normalisation(grey=grey)
        return (
            arch.family,
            arch.builder,
            options,
            {**preprocess, "divisor": divisor},
            stride,
            divisor,
        )

    def _unet_options(self) -> tuple[int, dict[str, Any]]:
        """Stride of the stem and widths, by what has to be seen and by the time there is."""
        found = self.found
        passes = self._passes()
        fine = 0 < found.thinnest <= _FINE
        whole = passes >= _ENOUGH_PASSES or (fine and passes >= _FEW_PASSES)
        stride = 1 if whole else 2
        width = 32 if self.is_gpu else 16 if whole else 24
        widths = [width, 2 * width, 4 * width, 6 * width, 8 * width]
        side = min(found.heights[1], found.widths[1])
        while len(widths) > 2 and stride * 2 ** (len(widths) - 1) * 4 > max(side, 32):
            widths.pop()
        thin = f"the thinnest class is about {found.thinnest:.0f} pixels wide"
        if whole:
            reason = f"{thin}, and there is time for it" if fine else "there is time for it"
            self.why.append(f"The network works at full resolution: {reason}.")
        else:
            self.why.append(
                "The network halves the resolution in its first layer: that is four times as quick, "
                "and in this time all images are to be seen several times."
            )
        bottleneck = stride * 2 ** (len(widths) - 1)
        self.why.append(
            f"{counted(len(widths), 'level')} of {widths[0]} to {widths[-1]} channels: the deepest "
            f"one sees {bottleneck} pixels as one."
        )
        return stride, {"widths": widths, "stem_stride": stride}

    def _passes(self) -> float:
        """How often all pixels are trained on in the time at full resolution, about."""
        if self.minutes is None:
            return math.inf if self.found.pixels < 2e7 else 0.0
        speed = _GPU_PIXELS if self.is_gpu else _CORE_PIXELS * max(1, self.wanted.threads)
        if self.wanted.bfloat16 and not self.is_gpu:
            speed *= _BFLOAT16_GAIN
        return self.minutes * 60 * speed / max(1, self.found.pixels)

    def _normalisation(self, *, grey: bool) -> dict[str, Any]:
        found = self.found
        if found.contrast >= _UNEQUAL:
            self.why.append(
                f"Some images have {found.contrast:.1f} times the contrast of others: each is "
                "scaled by its own darkest and brightest values."
            )
            values: dict[str, Any] = {"scaling": "percentile"}
            return values | ({"channels": "grey", "mean": [0.5], "std": [0.25]} if grey else
                             {"mean": [0.5] * 3, "std": [0.25] * 3})  # fmt: skip
        mean, std = [round(v, 4) for v in found.mean], [round(v, 4) for v in found.std]
        self.why.append(
            "Images are alike in brightness: the mean of all of them is taken off, and their "
            "spread divided out."
        )
        if grey:
            return {"scaling": "unit", "channels": "grey", "mean": mean[:1], "std": std[:1]}
        return {"scaling": "unit", "mean": mean, "std": std}

    def _from_start(
        self, model: StartModel
    ) -> tuple[str, str, dict[str, Any], dict[str, Any], int, int]:
        if self.wanted.arch is not None:
            self.why.append("The architecture is that of the start.")
        if model.preprocess.get("size") is not None:
            raise SegstudioError(
                f"{model.title} squeezes whole images to one size, so that crops cannot be "
                "trained on.",
                "Choose another start, or train from scratch.",
            )
        self.why.append(
            f"It starts from {model.title}"
            + (
                "; its last layer is made anew, since the classes are others."
                if model.replaced
                else ", with all its layers."
            )
        )
        divisor = int(model.preprocess.get("divisor", 1))
        return (
            model.family, model.builder, dict(model.options), dict(model.preprocess),
            1 if model.family in ("unet", "plain-unet") else 2, max(divisor, 32),
        )  # fmt: skip

    def _crop(self, stride: int, divisor: int, preprocess: Mapping[str, Any]) -> int:
        if self.wanted.crop is not None:
            return max(divisor, -(-self.wanted.crop // divisor) * divisor)
        height, width = self._network_size(preprocess)
        most = 512 if self.is_gpu else 256 if stride == 1 else 320
        whole = -(-min(height, width) // divisor) * divisor
        crop = max(divisor, min(most // divisor * divisor, whole))
        sizes = [f.size for i, f in self.found.by_class.items() if f.size and i]
        if self.found.upright:  # of scenes the usual region is a splinter
            sizes = []
        about = f", {crop / max(sizes):.0f} times the largest usual object" if sizes else ""
        if sizes and crop / max(sizes) < 2:
            about = ", about as large as the largest usual object"
        self.why.append(f"Crops of {crop} x {crop} pixels{about}.")
        return crop

    def _network_size(self, preprocess: Mapping[str, Any]) -> tuple[int, int]:
        """Height and width of the usual image as the network gets it."""
        height, width = self.found.heights[1], self.found.widths[1]
        short, factor = preprocess.get("short_side"), preprocess.get("factor")
        zoom = float(factor or (short / min(height, width) if short else 1.0))
        return max(1, round(height * zoom)), max(1, round(width * zoom))

    def _batch(self, crop: int, stride: int) -> int:
        if self.wanted.batch is not None:
            return self.wanted.batch
        if self.is_gpu:
            return 16 if crop <= 320 else 8
        return 4 if stride == 1 else 8

    def _steps(self, crop: int, batch: int, preprocess: Mapping[str, Any]) -> int:
        """Steps of an epoch: about one pass, and not less than pays the look at it."""
        height, width = self._network_size(preprocess)
        crops = self.found.images * max(1.0, height * width / crop**2)
        return max(_LEAST_STEPS, min(1000, round(crops / batch)))

    def _rare(self) -> tuple[int, ...]:
        present = self.found.present
        rare = tuple(i for i in present if self.found.share(i) < _RARE)
        if rare and len(rare) < len(present):
            named = ", ".join(self.schema.name_of(i) for i in rare)
            self.why.append(
                f"Rare classes ({named}) have less than {_RARE:.0%} of the pixels each: crops "
                "show them more often."
            )
            return rare
        return ()

    def _loss(self) -> tuple[str, tuple[int, ...]]:
        """The loss, and the classes whose centre lines count in it."""
        names = [self.schema.name_of(i) for i in range(len(self.found.balance.pixels))]
        advice = advise(self.found.balance, names)
        if self.wanted.loss is not None:
            thin = advice.thin or self.found.balance.thin_classes
            return parse_loss(self.wanted.loss).key, thin
        self.why.append(advice.why)
        return advice.loss, advice.thin

    def _precision(self) -> str:
        return "bfloat16" if self.wanted.bfloat16 else "float32"

    def _augmentation(self) -> dict[str, Any]:
        """Ranges for `transforms.Augmentation`, whose other fields stay as usual."""
        if self.found.upright:
            self.why.append(
                "Classes keep to the upper or the lower part of the images: crops are mirrored "
                "left to right, and not turned."
            )
            return {"upright": True}
        self.why.append("Crops are mirrored and turned at will: nothing says what is up.")
        return {"upright": False}


def with_rate(plan: TrainingPlan, rate: float) -> TrainingPlan:
    """The plan with the learning rate that the range test chose."""
    return replace(plan, learning_rate=rate, finds_rate=False)
