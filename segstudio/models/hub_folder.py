"""Folders of Hugging Face: which network is in them, its classes and preprocessing, by their JSON.

`save_pretrained` of transformers writes config.json, preprocessor_config.json (or, with words,
processor_config.json) and the weights, in one file or in several with an index. Nothing here imports transformers, and nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import SegstudioError, one_line
from segstudio.core.json_text import parse_json
from segstudio.core.prediction import ModelSpec, Task, WeightsFile
from segstudio.core.regular_file import check_regular
from segstudio.core.schema import ClassSpec, LabelSchema, distinct_color
from segstudio.models.published import IMAGENET_MEAN, IMAGENET_STD
from segstudio.models.things import things_among

CONFIG: Final = "config.json"
PROCESSORS: Final = ("processor_config.json", "preprocessor_config.json")
"""What says how images are prepared: one file for images and words, or one for images alone."""
WEIGHTS: Final = (
    "model.safetensors", "model.safetensors.index.json",
    "pytorch_model.bin", "pytorch_model.bin.index.json",
)  # fmt: skip
"""Names of the weights, in the order in which they are looked for."""
INSTALL: Final = 'Install it: pip install "segstudio[hf]"'
_MOST_CLASSES: Final = 256
_UNIT: Final = 1 / 255


@dataclass(frozen=True)
class HubNetwork:
    """One of transformers' networks.

    Attributes:
        title: Its name for people.
        family: Its row in `families.FAMILIES`.
        config: Name of its configuration class.
        size: What its image processor resizes to where the folder does not say.
        divisor: Of which the sides become multiples where the folder does not say.
        own: What its image processor does otherwise than most where the folder does not say.
    """

    title: str
    family: str
    config: str
    size: int | Mapping[str, int] = 512
    divisor: int = 32
    own: Mapping[str, Any] = field(default_factory=dict)

    @property
    def universal(self) -> bool:
        """Whether one forward gives classes, objects and both."""
        return self.family == "mask2former"


_BICUBIC: Final = 3
"""Pillow's number of it, which the files have."""
_RESAMPLED: Final[Mapping[Any, dict[str, str]]] = {_BICUBIC: {"resample": "bicubic"}}
_HALVES: Final = {
    "resample": _BICUBIC, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
}  # fmt: skip
_MOBILE: Final = {"resample": _BICUBIC, "do_center_crop": True}
_SIDES: Final = {"shortest_edge": 800, "longest_edge": 1333}
ARCHITECTURES: Final[Mapping[str, HubNetwork]] = {
    "SegformerForSemanticSegmentation": HubNetwork("SegFormer", "segformer", "SegformerConfig"),
    "UperNetForSemanticSegmentation": HubNetwork("UPerNet", "transformers", "UperNetConfig"),
    "DPTForSemanticSegmentation": HubNetwork("DPT", "transformers", "DPTConfig", 384, own=_HALVES),
    "BeitForSemanticSegmentation": HubNetwork(
        "BEiT", "transformers", "BeitConfig", 640, own=_HALVES
    ),
    "MobileViTForSemanticSegmentation": HubNetwork(
        "MobileViT", "transformers", "MobileViTConfig", {"shortest_edge": 544}, own=_MOBILE
    ),
    "Mask2FormerForUniversalSegmentation": HubNetwork(
        "Mask2Former", "mask2former", "Mask2FormerConfig", _SIDES
    ),
    "MaskFormerForInstanceSegmentation": HubNetwork(
        "MaskFormer", "mask2former", "MaskFormerConfig", _SIDES
    ),
    "OneFormerForUniversalSegmentation": HubNetwork(
        "OneFormer", "mask2former", "OneFormerConfig", _SIDES, divisor=1
    ),
}
"""By the name that config.json has under "architectures"."""


@dataclass(frozen=True)
class PromptableArchitecture:
    """One of transformers' networks that answer clicks instead of naming classes.

    Attributes:
        builds: The class that is built.
        config: Its configuration class.
        pads: Whether its images keep their proportions and are padded to a square.
        spare: Begins of the names of tensors that it does not need (of video's memory).
    """

    builds: str
    config: str
    pads: bool = False
    spare: tuple[str, ...] = ()

    def side(self, config: Any) -> tuple[int, int]:
        """Height and width of the network's input.

        Args:
            config: The network's configuration.
        """
        vision = config.vision_config
        size = vision.image_size if self.pads else vision.backbone_config.image_size
        height, width = (size, size) if isinstance(size, int) else size
        return height, width


_MEMORY: Final = (
    "memory_", "object_pointer_", "mask_downsample", "no_object_pointer", "no_memory_positional",
    "occlusion_spatial", "temporal_positional",
)  # fmt: skip
PROMPTABLE: Final[Mapping[str, PromptableArchitecture]] = {
    "SamModel": PromptableArchitecture("SamModel", "SamConfig", pads=True),
    "Sam2Model": PromptableArchitecture("Sam2Model", "Sam2Config"),
    "Sam2VideoModel": PromptableArchitecture("Sam2Model", "Sam2Config", spare=_MEMORY),
}
"""By the name that config.json has under "architectures"."""


@dataclass(frozen=True)
class HubFolder:
    """What the files beside the weights say.

    Attributes:
        folder: Where they are.
        config: What config.json holds.
        processor: What is said of preparing images; empty if nothing is.
        weights: The weights, or the index of their files.
    """

    folder: Path
    config: Mapping[str, Any]
    processor: Mapping[str, Any]
    weights: Path

    @classmethod
    def read(cls, folder: Path) -> HubFolder:
        """Read them.

        Raises:
            SegstudioError: if they are damaged, or there are no weights.
        """
        config, (processor, _) = _read(folder / CONFIG), _processor(folder)
        weights = next((folder / each for each in WEIGHTS if (folder / each).is_file()), None)
        if weights is None:
            raise SegstudioError(
                f"{folder} has no weights beside {CONFIG}.", f"Put {WEIGHTS[0]} there."
            )
        return cls(folder, config, processor, weights)

    @property
    def architecture(self) -> str:
        """The name of the network's class."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    @property
    def normalisation(self) -> dict[str, list[float]]:
        """Mean and standard deviation of the channels."""
        return {
            "mean": _three(self.processor.get("image_mean"), IMAGENET_MEAN),
            "std": _three(self.processor.get("image_std"), IMAGENET_STD),
        }


class NetworkFolderError(SegstudioError):
    """A folder that was opened for its images has a network instead.

    Attributes:
        folder: Where its config.json is.
    """

    def __init__(self, opened: Path, folder: Path) -> None:
        super().__init__(
            f"{opened} holds a network and no images.",
            "Open it as weights: Model > Load weights from a folder.",
        )
        self.folder = folder


def folder_of(path: Path) -> Path | None:
    """The folder of Hugging Face that a path is, or is a file of; None if it is none."""
    folder = path if path.is_dir() else path.parent
    if path != folder and path.name not in (CONFIG, *PROCESSORS) and not _is_weights(path.name):
        return None
    try:
        config = _read(folder / CONFIG)
    except SegstudioError:
        return None
    return folder if isinstance(config.get("architectures"), list) else None


def network_folder(path: Path) -> Path | None:
    """The folder of a network that a path is, or is a file of; None if it is none.

    Such a folder has config.json and weights, whatever library wrote them. In the cache of Hugging
    Face it lies two folders further down.
    """
    folder = path if path.is_dir() else path.parent
    weights = [folder / name for name in WEIGHTS]
    if (folder / CONFIG).is_file() and (path == folder or path.name == CONFIG or path in weights):
        whole = any(each.is_file() for each in weights)
        return folder if whole else folder_of(folder)
    if folder != path or not (folder / "snapshots").is_dir():
        return folder_of(path)
    cached = [each for each in sorted(folder.glob("snapshots/*")) if (each / CONFIG).is_file()]
    try:
        newest = (folder / "refs" / "main").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        newest = ""
    cached.sort(key=lambda each: each.name != newest)
    return cached[0] if cached else None


def _is_weights(name: str) -> bool:
    return name in WEIGHTS or name.startswith(("model-0", "pytorch_model-0"))


def tells_all(folder: Path) -> bool:
    """Whether the files beside the weights name the classes and say how images are prepared.

    transformers calls classes LABEL_0, LABEL_1 ... where nobody named them.

    Raises:
        SegstudioError: if they are damaged, or there are no weights.
    """
    found = HubFolder.read(folder)
    names = found.config.get("id2label")
    named = isinstance(names, dict) and any(
        not re.fullmatch(rf"(label|class)[ _]?{re.escape(str(key))}", str(name), re.IGNORECASE)
        for key, name in names.items()
    )
    values = found.processor
    return named and ("image_mean" in values or values.get("do_normalize") is False)


def spec_of_folder(folder: Path) -> ModelSpec:
    """Describe the network in a folder, without reading its weights.

    Raises:
        SegstudioError: if it is none that segments, its weights are missing, or transformers is
            not installed.
    """
    found = HubFolder.read(folder)
    config, processor, name = found.config, found.processor, found.architecture
    row = ARCHITECTURES.get(name)
    if row is None:
        raise SegstudioError(_no_use(folder, name), _known())
    require_transformers(f"{folder} holds a {row.title}")
    names = _class_names(config, folder)
    shifted = row.universal or _reduces_labels(processor)
    things = _things(names, processor) if row.universal else frozenset()
    schema = _schema(names, things, shifted=shifted)
    return ModelSpec(
        id=folder.name,
        title=row.title,
        family=row.family,
        task=_task(names, things, f"{config.get('_name_or_path', '')} {folder.name}"),
        schema=schema,
        builder=f"segstudio.models.families.huggingface:{_builder(row)}",
        options={"architecture": name, "config": dict(config), "shifted": shifted},
        preprocess=_preprocess({**row.own, **processor}, row, folder),
        weights=WeightsFile(str(found.weights), size=_bytes(folder)),
        description=" ".join(
            filter(
                None,
                (_description(row, names, shifted=shifted), _otherwise({**row.own, **processor})),
            )
        ),
    )


def require_transformers(what: str) -> None:
    """Refuse to go on without the package.

    Args:
        what: What needs it, as the begin of a sentence.

    Raises:
        SegstudioError: if it is not installed.
    """
    if importlib.util.find_spec("transformers") is None:
        raise SegstudioError(f"{what}, which needs the package transformers.", INSTALL)


def parts_of_index(index: Path) -> list[Path]:
    """The files among which an index distributes a network's tensors.

    Raises:
        SegstudioError: if the index is damaged or names files elsewhere.
    """
    table = _read(index).get("weight_map")
    names = sorted({str(each) for each in table.values()}) if isinstance(table, dict) else []
    if not names or any(Path(each).name != each for each in names):
        raise SegstudioError(f"{index} is no index of weights.", "Copy or download it again.")
    return [index.parent / each for each in names]


_TRANSFORM: Final = "albumentations_config_eval.json"
"""What albumentations calls the transform that a training put beside its weights."""
_BYTE: Final = 255.0
_TO_TENSOR: Final = frozenset({"ToTensorV2", "ToTensor", "PadIfNeeded", "Lambda"})
_AS_STORED: Final[Mapping[str, Any]] = {"scaling": "none", "mean": [0.0], "std": [1.0]}


def transform_beside(folder: Path, channels: int) -> tuple[dict[str, Any], str]:
    """What the saved transform of albumentations says of preparing images.

    Args:
        folder: Of the weights.
        channels: That the network reads.

    Returns:
        Fields of `Preprocess`, empty if there is no such file; and what it does besides, which is
        not done here, in a sentence.

    Raises:
        SegstudioError: if the file is there but cannot be read.
    """
    said = _read(folder / _TRANSFORM, needed=False).get("transform")
    steps = said.get("transforms") if isinstance(said, dict) else None
    if not isinstance(steps, list):
        return {}, ""
    found: dict[str, Any] = {**_AS_STORED}
    others = []
    for step in (each for each in steps if isinstance(each, dict)):
        name = str(step.get("__class_fullname__", "")).rpartition(".")[2]
        told = _transformed(name, step, channels)
        if told is not None:
            found.update(told)
        elif name not in _TO_TENSOR:
            others.append(name)
    if others:
        return found, f"{_TRANSFORM} also says {', '.join(others)}, which is not done here."
    return found, ""


def _transformed(name: str, step: Mapping[str, Any], channels: int) -> dict[str, Any] | None:
    """The fields that one step of a transform sets; None if it has none."""
    most = step.get("max_pixel_value", step.get("max_value", _BYTE))
    scaling = {_BYTE: "unit", 1.0: "none"}.get(float(most or _BYTE)) if _is_number(most) else None
    if name == "ToFloat" and scaling:
        return {"scaling": scaling}
    if name == "Normalize":
        kind = step.get("normalization", "standard")
        if kind == "image":
            return {**_AS_STORED, "scaling": "standard"}
        mean, std = (_numbers(step.get(key)) for key in ("mean", "std"))
        fits = {len(mean), len(std)} <= {1, channels} and mean and std
        return {"scaling": scaling, "mean": mean, "std": std} if fits and scaling else None
    if name == "Resize" and all(isinstance(step.get(k), int) for k in ("height", "width")):
        return {"size": [step["height"], step["width"]]}
    if name == "SmallestMaxSize" and isinstance(step.get("max_size"), int):
        return {"short_side": step["max_size"]}
    return None


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _numbers(values: Any) -> list[float]:
    listed = values if isinstance(values, list) else [values]
    return (
        [float(v) for v in listed] if all(v is not None and _is_number(v) for v in listed) else []
    )


def _read(path: Path, *, needed: bool = True) -> dict[str, Any]:
    if not needed and not path.exists():
        return {}
    check_regular(path)
    try:
        data = parse_json(path.read_bytes())
    except OSError as error:
        raise SegstudioError(
            f"{path} cannot be read ({error.strerror or error}).", "Check that the file is there."
        ) from error
    except ValueError as error:
        raise SegstudioError(f"{path} is damaged ({one_line(error)}).", "Copy it again.") from error
    if not isinstance(data, dict):
        raise SegstudioError(f"{path} is damaged.", "Copy it again.")
    return data


def _processor(folder: Path) -> tuple[Mapping[str, Any], Path]:
    """What is said of preparing images, and the file that says it, if there is one."""
    both, alone = (folder / name for name in PROCESSORS)
    inner = _read(both, needed=False).get("image_processor")
    return (inner, both) if isinstance(inner, dict) else (_read(alone, needed=False), alone)


def _no_use(folder: Path, name: str) -> str:
    if name in PROMPTABLE:
        return (
            f"{folder} holds a {name}, which answers clicks and names no classes; the window's "
            "tool Point and box uses it."
        )
    return f"{folder} holds a {name or 'network'}, which gives no masks that segstudio knows."


def _known() -> str:
    titles = ", ".join(row.title for row in ARCHITECTURES.values())
    return f"Networks of Hugging Face that can be opened: {titles}, for segmentation."


def _builder(row: HubNetwork) -> str:
    return "universal_network" if row.universal else "semantic_network"


def _bytes(folder: Path) -> int:
    single = next((each for each in WEIGHTS if (folder / each).is_file()), "")
    path = folder / single
    files = parts_of_index(path) if single.endswith(".json") else [path]
    return sum(each.stat().st_size for each in files if each.is_file())


def _class_names(config: Mapping[str, Any], folder: Path) -> list[str]:
    table = config.get("id2label")
    if not isinstance(table, dict) or not table:
        count = config.get("num_labels", 2)
        count = min(count, _MOST_CLASSES) if isinstance(count, int) else 2
        table = {str(i): f"class {i}" for i in range(count)}
    try:
        by_id = {int(key): str(name) for key, name in table.items()}
        if sorted(by_id) != list(range(len(by_id))):
            raise ValueError("the ids have gaps")
    except ValueError as error:
        raise SegstudioError(
            f"The classes in {folder / CONFIG} cannot be read ({one_line(error)}).",
            "Copy it again.",
        ) from error
    if len(by_id) >= _MOST_CLASSES:
        raise SegstudioError(
            f"The network in {folder} tells {_MOST_CLASSES} or more classes apart.",
            f"segstudio can work with up to {_MOST_CLASSES - 1}.",
        )
    return [by_id[i] for i in range(len(by_id))]


def _reduces_labels(processor: Mapping[str, Any]) -> bool:
    return bool(processor.get("do_reduce_labels", processor.get("reduce_labels", False)))


def _things(names: list[str], processor: Mapping[str, Any]) -> frozenset[int]:
    """Places of the things: what OneFormer's processor says, or those of the usual data sets."""
    metadata = processor.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("thing_ids"), list):
        found = {i for i in metadata["thing_ids"] if isinstance(i, int) and 0 <= i < len(names)}
        return frozenset(found)
    return things_among(names)


def _schema(names: list[str], things: frozenset[int], *, shifted: bool) -> LabelSchema:
    first = int(shifted)
    classes = [
        ClassSpec(i, name, distinct_color(i), thing=i - first in things)
        for i, name in enumerate(names, first)
    ]
    if shifted:
        classes.append(ClassSpec(0, "background", distinct_color(0)))
    return LabelSchema(tuple(classes), None)


def _task(names: list[str], things: frozenset[int], called: str) -> Task:
    """What it was trained for, as far as its name and classes tell."""
    words = called.casefold()
    if not things or "semantic" in words:
        return "semantic"
    return "instance" if "instance" in words or len(things) == len(names) else "panoptic"


def _description(row: HubNetwork, names: list[str], *, shifted: bool) -> str:
    count = f"{len(names)} class{'es' * (len(names) != 1)}"
    ids = " Ids begin at 1; 0 is what belongs to no class." if shifted else ""
    return f"{row.title}, {count}, from a folder of Hugging Face.{ids}"


def _otherwise(processor: Mapping[str, Any]) -> str:
    """What its image processor does, and this program does not, in a sentence; "" if nothing."""
    if processor.get("do_center_crop"):
        size = processor.get("crop_size")
        sides = (
            f" of {size['width']} x {size['height']} pixels"
            if isinstance(size, Mapping) and {"width", "height"} <= size.keys()
            else ""
        )
        return f"Its own processor cuts out the middle{sides}; here the whole image is answered."
    if processor.get("do_resize", True) and processor.get("keep_aspect_ratio"):
        return (
            "Its own processor rounds both sides to multiples of a number; here the shorter side "
            "is exact, and the image is padded."
        )
    return ""


def _preprocess(processor: Mapping[str, Any], row: HubNetwork, folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if processor.get("do_rescale", True):
        factor = processor.get("rescale_factor", _UNIT)
        if not isinstance(factor, int | float) or abs(factor - _UNIT) > 1e-4:
            raise SegstudioError(
                f"{_processor(folder)[1]} scales images by {factor}, which segstudio does not know.",
                "Known is 1/255.",
            )
        found["scaling"] = "unit"
    else:
        found["scaling"] = "none"
    if processor.get("do_normalize", "MobileViT" not in row.title):
        found["mean"] = _three(processor.get("image_mean"), IMAGENET_MEAN)
        found["std"] = _three(processor.get("image_std"), IMAGENET_STD)
    if processor.get("do_flip_channel_order", row.title == "MobileViT"):
        found["channels"] = "bgr"
    if processor.get("do_resize", True):
        found |= _size(processor, row) | _RESAMPLED.get(processor.get("resample"), {})
    divisor = processor.get("size_divisor", processor.get("size_divisibility"))
    if row.universal:
        found["divisor"] = divisor if isinstance(divisor, int) and divisor > 0 else row.divisor
    elif "size" not in found:
        multiple = processor.get("ensure_multiple_of", 32)
        found["divisor"] = multiple if isinstance(multiple, int) and multiple > 1 else 32
    return found


def _size(processor: Mapping[str, Any], row: HubNetwork) -> dict[str, Any]:
    """How images are resized: to a size, or by their shorter side; older files have a number."""
    size = processor.get("size", row.size)
    if isinstance(size, int | list | tuple):
        sides = [size] if isinstance(size, int) else [*size]
        if row.universal and len(sides) == 1:
            size = {"shortest_edge": sides[0], "longest_edge": processor.get("max_size", 1333)}
        else:
            size = {"height": sides[0], "width": sides[-1]}
    if not isinstance(size, Mapping):
        return {}
    if "height" in size and "width" in size:
        if processor.get("keep_aspect_ratio", False):
            return {"short_side": min(size["height"], size["width"])}
        return {"size": [size["height"], size["width"]]}
    if "shortest_edge" not in size:
        return {}
    longest = size.get("longest_edge")
    return {"short_side": size["shortest_edge"], **({"max_side": longest} if longest else {})}


def _three(values: Any, usual: list[float]) -> list[float]:
    if isinstance(values, int | float):
        return [float(values)] * 3
    return [float(v) for v in values] if isinstance(values, list) and values else list(usual)
