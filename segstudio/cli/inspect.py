"""`segstudio inspect`: the stages of a network on one image, its skips, and what they carry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from segstudio.cli.exit_codes import OK, InputError, input_errors
from segstudio.cli.inspect_cuts import ablation_rows, how_of, print_ablations, wanted_runs
from segstudio.cli.inspect_files import Files, material_of, write_files
from segstudio.cli.loading import chosen_spec, engine_on, fetch_weights
from segstudio.cli.output import print_json, print_line, print_table, progress_bar
from segstudio.cli.writable import check_folder
from segstudio.core.class_mapping import ClassMapping
from segstudio.core.errors import SegstudioError
from segstudio.core.features import FeatureTrace, LayerInfo, SkipEdge
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import ModelSpec, RunOptions
from segstudio.core.progress import no_check
from segstudio.core.schema import LabelSchema
from segstudio.inspection.skip_runs import CutReference
from segstudio.metrics.cut_costs import ALL_SKIPS
from segstudio.report.shape_table import pixels_text
from segstudio.storage.annotations import Annotations
from segstudio.storage.atomic import make_folder
from segstudio.storage.decode import read_image
from segstudio.storage.formats.png import encode_rgb_png
from segstudio.storage.project import open_project
from segstudio.storage.truth import NOTHING_SAID, read_truth
from segstudio.storage.write_root import WriteRoot

_SOFTWARE: Final = "segstudio inspect"

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class InspectionRequest:
    """What the command was asked to do; fields as its arguments."""

    image: Path
    model: str | None = None
    weights: Path | None = None
    out: Path | None = None
    ablate: str | None = None
    device: str = "auto"
    files: Files = field(default_factory=Files)
    how: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Truth:
    """Ground truth of the image.

    Attributes:
        path: Its file.
        labels: (H, W) uint8 class ids.
        schema: Its classes.
    """

    path: Path
    labels: Labels
    schema: LabelSchema


def inspect(request: InspectionRequest, *, as_json: bool) -> int:
    """Run a model on an image and print its stages and skips.

    Args:
        request: The arguments.
        as_json: Print one JSON document instead of tables.

    Returns:
        The exit code.

    Raises:
        InputError: if the image, the model, the skip or the output folder cannot be used.
        SegstudioError: if the weights cannot be had, or the network does not run on the image;
            if a file cannot be written, after the figures were printed.
    """
    with input_errors():
        if request.out is not None:
            check_folder(request.out, "out")
        request.files.check(request.image)
        # the report cuts every skip, whatever else is cut
        how = how_of(request.how, ALL_SKIPS if request.files.report else request.ablate)
        spec = chosen_spec(request.model, request.weights, "inspect", request.choices)
        image = read_image(request.image)
    pixels = image.pixels
    fetch_weights(spec)
    traced_model = engine_on(request.device).traced_model(
        spec, image.given_to(spec), RunOptions(device=request.device), None, no_check
    )
    if request.files:
        found, prediction = traced_model.look()
    else:
        found, prediction = traced_model.trace(keep=() if request.out is None else None), None
    runs = wanted_runs(found, request.ablate, how)
    truth, notes = _truth(request.image, spec, pixels) if runs or request.files else (None, ())
    report = _report(request, spec, pixels, found, notes)
    if request.ablate is not None:
        report["ground_truth"] = None if truth is None else str(truth.path)
        report["ablations"] = ablation_rows(traced_model, runs, _reference(spec, truth), how)
    unwritten: SegstudioError | None = None
    try:
        if request.out is not None:
            sheets = _write_sheets(found, request.out, request.image)
            report["sheets"] = [str(path) for path in sheets]
        if prediction is not None:
            measured = None if truth is None else (truth.labels, truth.schema)
            material = material_of(
                request.image, pixels, traced_model, (found, prediction), measured, how
            )
            report["files"] = write_files(request.files, traced_model, material)
    except SegstudioError as error:  # told after the figures, which are there
        unwritten = error
    _tell(report, as_json=as_json)
    if unwritten is not None:
        raise unwritten
    return OK


def _tell(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _truth(image: Path, spec: ModelSpec, pixels: Image) -> tuple[Truth | None, tuple[str, ...]]:
    """The image's ground truth where the usual folders hold it, and what to say of it.

    As it was corrected, if it was.
    """
    size = (pixels.shape[0], pixels.shape[1])
    try:
        project = open_project(image, said=NOTHING_SAID)
        ref = project.images[project.start]
        if project.truth is None or not ref.path.samefile(image):
            return None, ()
        index = project.truth.settled(project.images)
        schema = replace(project.schema or index.schema, words=project.words)
        annotations = Annotations(project.root, index, project.identity, project.classes)
        found, path = (
            annotations.read(ref, schema, size),
            next(iter(annotations.files_of(ref)), None),
        )
        if found is None:
            found, path = read_truth(ref, index, schema, size), index.path_of(ref)
    except SegstudioError as error:
        return None, (f"The ground truth was left out: {error}",)
    if found is None or path is None:
        return None, ()
    mapping = ClassMapping.between(spec.schema, schema)
    notes = (mapping.note,) if mapping.note else ()
    return Truth(path, found.labels, schema), notes


def _reference(spec: ModelSpec, truth: Truth | None) -> CutReference:
    """What the model's class maps are measured against."""
    if truth is None:
        return CutReference.between(None, spec.schema, spec.schema)
    return CutReference.between(truth.labels, spec.schema, truth.schema)


def _report(
    request: InspectionRequest,
    spec: ModelSpec,
    pixels: Image,
    found: FeatureTrace,
    notes: tuple[str, ...],
) -> dict[str, Any]:
    """What the JSON document holds; `stages` and `skips` keep their keys."""
    return {
        "stages": [_stage(layer) for layer in found.layers],
        "skips": [_skip(edge) for edge in found.skips],
        "model": spec.id,
        "network": found.model,
        "image": str(request.image),
        "image_size": list(pixels.shape[:2]),
        "input_size": list(found.input_size),
        "input_scale": list(found.input_scale),
        "output_shape": None if found.output_shape is None else list(found.output_shape),
        "parameters": found.parameters,
        "macs": found.macs,
        "seconds": found.seconds,
        "remainder": None if found.remainder is None else asdict(found.remainder),
        "notes": [*found.notes, *notes],
    }


def _stage(layer: LayerInfo) -> dict[str, Any]:
    field = layer.receptive_field
    channels, height, width = layer.shape
    return {
        "name": layer.id,
        "role": layer.role.value,
        "channels": channels,
        "height": height,
        "width": width,
        "stride": _plain(layer.photo_stride),
        "receptive_field": None if layer.photo_field is None else max(layer.photo_field),
        "parameters": layer.parameters,
        "macs": layer.macs,
        "seconds": layer.seconds,
        "receptive_field_size": None if layer.photo_field is None else list(layer.photo_field),
        "input_stride": layer.stride,
        "receptive_field_is_global": field and (field.is_global or not field.has_local),
        "module": layer.name,
        "inputs": list(layer.inputs),
        "group": layer.group or None,
        "regions": layer.regions,
        "operations": [operator.text for operator in layer.operators],
    }


def _plain(pixels: float) -> float:
    """A whole number as an int, as these keys always had it."""
    return round(pixels) if abs(pixels - round(pixels)) < 1e-6 else round(pixels, 3)


def _skip(edge: SkipEdge) -> dict[str, Any]:
    channels, height, width = edge.shape
    cropped = {} if edge.cropped_from is None else {"cropped_from": [*edge.cropped_from]}
    return {
        "source": edge.source,
        "target": edge.target,
        "kind": edge.kind.value,
        "name": edge.id,
        "channels": channels,
        "height": height,
        "width": width,
        "via": edge.via,
        **cropped,
    }


def _write_sheets(found: FeatureTrace, folder: Path, image: Path) -> Iterator[Path]:
    """Write a picture of each stage's channels and yield the files.

    Raises:
        SegstudioError: if one cannot be written; the image itself is never replaced.
    """
    from segstudio.inspection.nets.sheets import channel_sheet

    make_folder(folder)
    digits = len(str(len(found.layers) - 1))
    with progress_bar("Writing sheets") as show:
        for index, layer in enumerate(found.layers):
            show(index, len(found.layers), layer.id)
            parts = (
                [layer.role.value] if layer.id == layer.role.value else [layer.role.value, layer.id]
            )
            name = _UNSAFE.sub("-", "-".join([f"{index:0{digits}}", *parts])).strip("-")
            path = folder / f"{name}.png"
            if path.resolve() == image.resolve():
                raise InputError(f"{path} is the image itself.", "Give another folder with --out.")
            sheet = channel_sheet(found.activation(layer.id))
            WriteRoot(folder).write(path, encode_rgb_png(sheet, _SOFTWARE), durable=False)
            yield path


def _print_report(report: dict[str, Any]) -> None:
    height, width = report["image_size"]
    resizing = zip(report["input_size"], report["input_scale"], strict=True)
    seen = [round(size * scale) for size, scale in resizing]  # some networks resize it themselves
    resized = seen != report["image_size"]
    given = " x ".join(map(str, reversed(seen)))
    print_line(
        f"{report['model']} ({report['network']}) on {width} x {height} pixels"
        f"{f', given to it as {given}' if resized else ''}: "
        f"{report['parameters']:,} parameters, {report['macs'] / 1e9:.2f} G multiply-adds, "
        f"{report['seconds']:.2f} s\n"
    )
    _print_stages(report["stages"], report["remainder"])
    if report["skips"]:
        print_line("\nskips")
        print_table(
            ("source", "target", "kind"),
            [(s["source"], s["target"], s["kind"]) for s in report["skips"]],
        )
    else:
        print_line("\nno skips" + (", so there is nothing to cut" if "ablations" in report else ""))
    if report.get("ablations"):
        print_ablations(report["ablations"], report["ground_truth"])
    for note in report["notes"]:
        print_line(note)
    if "sheets" in report:
        print_line(f"\n{len(report['sheets'])} sheets in {Path(report['sheets'][0]).parent}")
    for name, path in report.get("files", {}).items():
        print_line(f"{name}: {path}")


def _print_stages(stages: list[dict[str, Any]], rest: dict[str, Any] | None) -> None:
    names = ("channels", "height", "width")
    besides = [] if rest is None else [
        (f"({', '.join(rest['modules'])})", *[""] * 6, f"{rest['parameters']:,}",
         f"{rest['macs']:,}", f"{rest['seconds'] * 1000:.1f}")
    ]  # fmt: skip
    print_table(
        ("stage", "role", *names, "stride", "receptive field", "parameters", "multiply-adds", "ms"),
        [
            (
                s["name"],
                s["role"],
                *(str(s[n]) for n in names),
                pixels_text(s["stride"]) if s["stride"] else "-",
                _field(s),
                f"{s['parameters']:,}",
                f"{s['macs']:,}",
                f"{s['seconds'] * 1000:.1f}",
            )
            for s in stages
        ]
        + besides,
    )
    print_line("stride and receptive field in pixels of the image, height x width")
    if any(s["receptive_field_is_global"] for s in stages):
        print_line("+ some path of the stage reads the whole image besides")


def _field(stage: dict[str, Any]) -> str:
    """The receptive field for people; "+" where some path reads the whole image besides."""
    if stage["receptive_field"] is None:
        return "-"
    height, width = stage["receptive_field_size"]
    text = str(height) if height == width else f"{height} x {width}"
    return f"{text} +" if stage["receptive_field_is_global"] else text
