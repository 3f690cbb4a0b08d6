"""Tell what a user's own weights file is, by its description or by the names and shapes in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from segstudio.core.errors import SegstudioError
from segstudio.core.json_text import parse_json
from segstudio.core.prediction import ModelSpec, Output, WeightsFile
from segstudio.core.progress import Check, no_check
from segstudio.core.regular_file import check_regular, is_folder
from segstudio.core.schema import LabelSchema
from segstudio.models.families import (
    FAMILIES,
    Family,
    Found,
    Shapes,
    imported,
    recognised_text,
)
from segstudio.models.hub_folder import (
    folder_of,
    network_folder,
    require_transformers,
    spec_of_folder,
    tells_all,
    transform_beside,
)
from segstudio.models.naming import variants, without_prefixes
from segstudio.models.registry import (
    RECOGNISED,
    is_safetensors,
    read_header,
    read_spec_data,
    registry,
    spec_from_metadata,
)

_NO_ANSWERS: Final[Mapping[str, str]] = MappingProxyType({})
_CONFIG: Final = "config.json"
_IN_FOLDER: Final = "model.safetensors"
"""What the libraries call the files of a folder that `save_pretrained` writes."""
SAM_WORDS: Final = (
    "a SAM, which answers clicks and names no classes; the tool Point and box uses it"
)


def spec_from_weights(
    path: Path,
    arch: str | None = None,
    answers: Mapping[str, str] = _NO_ANSWERS,
    check: Check = no_check,
) -> ModelSpec:
    """Describe a user's own file of weights so that it can be run.

    Files written by segstudio say themselves what they are. Others are recognised by the names
    and shapes of their tensors; class names and preprocessing are then those of `arch`, or the
    usual ones. What names and shapes do not tell, the spec's `questions` ask.

    Args:
        path: safetensors, or a PyTorch file with a state_dict, also wrapped; or a folder that
            a library wrote with config.json and model.safetensors.
        arch: A model's id or a family of `families.FAMILIES` that it must be.
        answers: To the questions, by their option; of the others the usual one is taken.
        check: Called while a program is tried; what it raises ends that.

    Raises:
        SegstudioError: if it cannot be read or recognised, or is not of `arch`, or an answer fits
            no question.
    """
    path = path.expanduser().resolve()
    base, family = _wanted(arch)
    if is_folder(path):
        path = network_folder(path) or path
    folder = folder_of(path)
    if folder is None and is_folder(path):
        path = _weights_in(path)
    if not is_folder(path):
        check_regular(path)
    if not path.exists():
        raise SegstudioError(
            f"{path} is not there.", "Check the name of the file with the weights."
        )
    if folder is not None:
        path, spec = folder, spec_of_folder(folder)
    else:
        spec = _described(path) or _recognised(path, base, check)
    if family and spec.family != family:
        raise SegstudioError(
            f"{path} holds weights of the family {spec.family}, not {family}.",
            f"Choose a model of the family {spec.family}.",
        )
    spec = _answered(spec, answers, path)
    name = path.parent.name if path.name == _IN_FOLDER else path.name
    # a name that has the file's in it, as trainings give, is not told twice
    is_told = spec.title.endswith(f", {Path(name).stem}")
    title = spec.title if is_told else f"{spec.title} ({name})"
    return replace(spec, id=_free_id(Path(name)), title=title)


def _weights_in(folder: Path) -> Path:
    """The weights of a folder that a library wrote.

    Raises:
        SegstudioError: if it is none.
    """
    if (folder / _CONFIG).is_file() and (folder / _IN_FOLDER).is_file():
        return folder / _IN_FOLDER
    raise SegstudioError(
        f"{folder} is a folder without {_CONFIG} and {_IN_FOLDER}.",
        "Open the file with the weights, or a folder that save_pretrained wrote.",
    )


def describes_itself(path: Path) -> bool:
    """Whether a file, or what lies beside it, says what it is, so that nothing needs to be asked.

    Raises:
        SegstudioError: if it cannot be read.
    """
    folder = folder_of(path)
    if folder is not None and tells_all(folder):
        return True
    return not is_folder(path) and is_safetensors(path) and read_spec_data(path) is not None


def _answered(spec: ModelSpec, answers: Mapping[str, str], path: Path) -> ModelSpec:
    """The spec with all questions answered in its options.

    Raises:
        SegstudioError: if an answer fits no question.
    """
    asked = {question.option: question for question in spec.questions}
    for name, answer in answers.items():
        if name not in asked:
            known = f"It can be: {', '.join(asked)}." if asked else "It leaves nothing open."
            raise SegstudioError(f"{path} leaves no choice of {name!r}.", known)
        if answer not in asked[name].choices:
            raise SegstudioError(
                f"{name} of {path} cannot be {answer!r}.",
                f"It can be: {', '.join(asked[name].choices)}.",
            )
    usual = {name: q.default for name, q in asked.items() if name not in answers}
    told = spec.description
    if usual:
        taken = "; ".join(f"{asked[name].text}: {answer}" for name, answer in usual.items())
        told = f"{told} The file does not tell, and was taken as usual: {taken}."
    return replace(spec, options={**spec.options, **usual, **answers}, description=told)


def _wanted(arch: str | None) -> tuple[ModelSpec | None, str]:
    """The model and the family that `arch` names."""
    if arch is None:
        return None, ""
    if arch in FAMILIES:
        return None, arch
    known = registry()
    if arch not in known:
        raise SegstudioError(
            f"There is no model {arch!r}.", f"Choose one of: {', '.join([*known, *FAMILIES])}."
        )
    return known[arch], known[arch].family


def _free_id(path: Path) -> str:
    name = path.name if path.is_dir() else path.stem
    return f"{name}-file" if name in registry() else name


def _described(path: Path) -> ModelSpec | None:
    """The spec inside a file that segstudio wrote, or None."""
    if not is_safetensors(path):
        return None
    data = read_spec_data(path)
    if data is None:
        return None
    spec = spec_from_metadata(data, WeightsFile(str(path), size=path.stat().st_size), path.name)
    # A file must not be able to call any function that it names.
    own = {family.builder for family in FAMILIES.values()}
    allowed = own | {known.builder for known in registry().values()}
    if spec.builder not in allowed:
        raise SegstudioError(
            f"{path} asks for the network {spec.builder!r}, which is not installed.",
            "Install the package that brings it.",
        )
    return spec


def _recognised(path: Path, base: ModelSpec | None, check: Check) -> ModelSpec:
    family, found = _program(path, check) or _of_tensors(path)
    if family.filler and not family.by_file:
        require_transformers(f"{path} holds a {found.title}")
    count = found.num_classes
    output = found.output or _usual_output(family, count)
    ids = range(output.classes(count))
    schema = found.schema or LabelSchema.from_ids(ids, ignore_index=None)
    preprocess = dict(found.preprocess)
    if base is not None and base.family == family.key:
        if base.schema.num_classes == count == len(ids):
            schema = base.schema
        preprocess = {**base.preprocess}
        if "channels" in found.preprocess:
            preprocess["channels"] = found.preprocess["channels"]
        preprocess["divisor"] = max(
            int(base.preprocess.get("divisor", 1)), int(found.preprocess.get("divisor", 1))
        )
    return ModelSpec(
        id=path.stem,
        title=found.title,
        family=family.key,
        task=family.task,
        schema=schema,
        builder=family.builder,
        options=found.options,
        preprocess=preprocess,
        weights=WeightsFile(str(path), size=path.stat().st_size),
        output=output,
        questions=found.questions,
        description=f"{RECOGNISED} {found.by}: {found.title}, "
        f"{count} class{'es' * (count != 1)}. {found.note}".rstrip(),
    )


def _program(path: Path, check: Check) -> tuple[Family, Found] | None:
    """What a file is that holds a program instead of tensors, or None."""
    for family in FAMILIES.values():
        if family.by_file:
            found: Found | None = imported(family.by_file)(path, check)
            if found is not None:
                return family, found
    return None


def _of_tensors(path: Path) -> tuple[Family, Found]:
    shapes = _shapes(path)
    return _configured(path, shapes) or recognise(shapes, str(path))


def _usual_output(family: Family, channels: int) -> Output:
    return Output("logit") if family.task == "semantic" and channels == 1 else Output()


def _configured(path: Path, shapes: Shapes) -> tuple[Family, Found] | None:
    """What the config.json of a library says that lies beside the weights, or None.

    Raises:
        SegstudioError: if the library's network is not built here, or does not fit the weights.
    """
    beside = path.parent / _CONFIG
    if path.name != _IN_FOLDER or not beside.is_file():
        return None
    try:
        config = parse_json(beside.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(config, dict):
        return None
    for family in FAMILIES.values():
        if family.by_config:
            found: Found | None = imported(family.by_config)(config, shapes, str(path))
            if found is not None:
                said, besides = transform_beside(path.parent, _channels_read(found))
                note = " ".join(filter(None, (found.note, besides)))
                by = f"its {_CONFIG}"
                prepared = {**found.preprocess, **said}
                return family, replace(found, preprocess=prepared, note=note, by=by)
    return None


def _channels_read(found: Found) -> int:
    channels = found.preprocess.get("channels", "rgb")
    if isinstance(channels, list):
        return len(channels)
    return 1 if channels == "grey" else 3


def _shapes(path: Path) -> Shapes:
    """Names and shapes of the tensors, without reading more than needed."""
    if is_safetensors(path):
        header = {k: v for k, v in read_header(path).items() if k != "__metadata__"}
        try:
            return without_prefixes({k: tuple(v["shape"]) for k, v in header.items()})
        except (KeyError, TypeError) as error:
            raise SegstudioError(
                f"{path} is no safetensors file or is damaged.", "Copy or download it again."
            ) from error
    from segstudio.models.checkpoints import load_state  # torch: only when a file is opened

    return {k: tuple(v.shape) for k, v in load_state(path).items()}


def recognise(shapes: Shapes, where: str) -> tuple[Family, Found]:
    """Tell the architecture from the names and shapes of a state dict.

    Args:
        shapes: Shape of each tensor by name, without prefixes.
        where: The file's name, for messages.

    Raises:
        SegstudioError: if it is none that segstudio can build; says what it looks like.
    """
    if not shapes:
        raise SegstudioError(f"{where} holds no weights.", recognised_text())
    named = list(variants(shapes))
    tried = [(names, family) for names in named for family in FAMILIES.values() if family.signs]
    tried += [(named[0], family) for family in FAMILIES.values() if not family.signs]
    for names, family in tried:
        if family.recogniser and all(sign in names for sign in family.signs):
            found: Found | None = imported(family.recogniser)(names, where)
            if found is not None:
                return family, found
    raise SegstudioError(f"{where} is not recognised{_resembles(named[-1])}.", recognised_text())


def _resembles(shapes: Shapes) -> str:
    """What an unknown file looks like, as the end of a sentence."""
    signs = {
        "image_encoder.patch_embed.proj.weight": SAM_WORDS,
        "image_encoder.trunk.patch_embed.proj.weight": SAM_WORDS,
        "roi_heads.box_predictor.cls_score.weight": "a Faster R-CNN, which finds boxes only",
        "segmentation_head.0.weight": "a network of segmentation_models_pytorch",
        "fc.weight": "a network that classifies whole images",
    }
    for key, name in signs.items():
        if key in shapes:
            return f": it looks like {name}"
    return f": its tensors are called {', '.join(list(shapes)[:3])} ..."
