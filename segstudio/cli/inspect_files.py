"""The files that `segstudio inspect` writes of a trace: report, arrays, diagram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segstudio.cli.exit_codes import InputError
from segstudio.cli.output import progress_bar
from segstudio.cli.writable import check_file
from segstudio.core.features import CutHow, FeatureTrace
from segstudio.core.labels import Image, LabelMap, Labels
from segstudio.core.prediction import Prediction
from segstudio.core.progress import no_check
from segstudio.core.schema import LabelSchema
from segstudio.core.text import utf8
from segstudio.inspection.report.arrays import write_arrays
from segstudio.inspection.report.drawing import diagram_svg
from segstudio.inspection.report.trace_document import write_report
from segstudio.inspection.report.trace_material import TraceMaterial
from segstudio.session.document import Document
from segstudio.session.inspection import Inspection, TracedNetwork
from segstudio.storage.atomic import write_atomically
from segstudio.storage.image_ref import ImageRef

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel


@dataclass(frozen=True)
class Files:
    """Which files to write; None for those that nobody asked for."""

    report: Path | None = None
    npz: Path | None = None
    svg: Path | None = None

    def named(self) -> Iterator[tuple[str, Path]]:
        """What was asked for, by its option."""
        for option in ("report", "npz", "svg"):
            path: Path | None = getattr(self, option)
            if path is not None:
                yield option, path

    def __bool__(self) -> bool:
        return any(True for _ in self.named())

    def check(self, image: Path) -> None:
        """Refuse what cannot be written, before anything is computed.

        Raises:
            InputError: if a file cannot be written, is the image itself, or is named twice.
        """
        taken = {image.resolve()}
        for option, path in self.named():
            check_file(path, option)
            if path.resolve() in taken:
                raise InputError(
                    f"{path} is the image itself, or named twice.",
                    f"Give another file with --{option}.",
                )
            taken.add(path.resolve())


def material_of(
    image: Path,
    pixels: Image,
    traced_model: TracedModel,
    found: tuple[FeatureTrace, Prediction],
    truth: tuple[Labels, LabelSchema] | None,
    how: CutHow = CutHow.ZERO,
) -> TraceMaterial:
    """What is written of a run; the class that is asked about is the first after background."""
    trace, prediction = found
    schema = traced_model.spec.schema
    labels = None if truth is None else LabelMap(truth[0])
    empty = LabelMap(np.zeros(pixels.shape[:2], np.uint8))
    ref = ImageRef(image.name, str(image.resolve().parent))
    document = Document(ref, pixels, labels or empty, labels)
    names = {entry.id: entry.name for entry in schema.classes}
    traced = TracedNetwork(
        traced_model.spec.id,
        traced_model.spec.title,
        document,
        trace,
        traced_model.input_geometry,
        prediction,
        names,
    )
    class_id = next((i for i in schema.ids if i != 0), 0)
    classes = schema if truth is None else truth[1]
    return replace(TraceMaterial.of(traced, classes, Inspection(class_id=class_id)), how=how)


def write_files(files: Files, traced_model: TracedModel, material: TraceMaterial) -> dict[str, str]:
    """Write what was asked for and return each file by its option.

    Raises:
        SegstudioError: if the network fails, or a file cannot be written.
    """
    if files.svg is not None:
        with progress_bar("Drawing the network") as show:
            text = diagram_svg(material, show)
        write_atomically(files.svg, utf8(text), durable=False)
    if files.npz is not None:
        with progress_bar("Writing arrays") as show:
            write_arrays(files.npz, material, None, traced_model.logits(), show)
    if files.report is not None:
        with progress_bar("Writing the report") as show:
            write_report(files.report, traced_model, material, no_check, show)
    return {option: str(path) for option, path in files.named()}
