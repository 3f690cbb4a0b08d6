"""What an evaluation measures against and with which classes, and what its figures depend on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from segstudio.core.candidate import Candidate
from segstudio.core.class_mapping import ClassMapping, is_scored, mapping_digest
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import (
    ModelSpec,
    Prediction,
    RunOptions,
    Variant,
    effective_options,
    with_thresholds,
)
from segstudio.core.schema import LabelSchema
from segstudio.folder.files import FolderFiles
from segstudio.metrics.image_figures import MEASURES, measures_with
from segstudio.metrics.measure import AnyMeasure
from segstudio.runs.batch import model_of, run_key
from segstudio.storage.figures import figure_key
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.originals import is_own
from segstudio.storage.states import load_sources
from segstudio.storage.truth import read_truth

NO_REFERENCE: Final = ""
_THRESHOLDS: Final = frozenset({"score_threshold", "mask_threshold"})


@dataclass(frozen=True, eq=False)
class Contender:
    """A model that takes part.

    Attributes:
        spec: The model.
        options: How it runs: its own options before the user's.
        run: Key of its predictions.
    """

    spec: ModelSpec
    options: RunOptions
    run: str

    @classmethod
    def of(cls, spec: ModelSpec, options: RunOptions) -> Contender:
        """A model with the user's options."""
        return cls(spec, effective_options(spec, options), run_key(spec, options))

    @property
    def id(self) -> str:
        """The model's id."""
        return self.spec.id

    @property
    def run_of_same_prediction(self) -> str:
        """Another run whose stored answers are the same, or "": the model's with its thresholds."""
        made_of = self.spec.made_of
        if not isinstance(made_of, Variant) or not made_of.overrides.keys() <= _THRESHOLDS:
            return ""
        return run_key(made_of.base, self.options)

    def at(self, options: RunOptions) -> Contender:
        """The same with the thresholds that the user has chosen now."""
        now = effective_options(self.spec, options)
        thresholds = {name: getattr(now, name) for name in _THRESHOLDS}
        return replace(self, options=replace(self.options, **thresholds))

    def drawn(self, raw: Prediction) -> Prediction:
        """A prediction at the thresholds in force."""
        return with_thresholds(raw, self.options.score_threshold, self.options.mask_threshold)

    def key(self, schema: LabelSchema) -> str:
        """Changes when the same stored prediction would be measured differently."""
        options = self.options
        thresholds = (
            f"{options.score_threshold}/{options.mask_threshold}" if self.spec.finds_objects else ""
        )
        return f"{self.run}|{thresholds}|{mapping_digest(self.spec.schema, schema)}"

    def is_scored(self, schema: LabelSchema) -> bool:
        """Whether figures may be made of its answers in a folder with these classes."""
        return is_scored(self.spec.schema, schema)

    def candidate(self, drawn: Prediction, schema: LabelSchema) -> Candidate:
        """A prediction in its model's classes as it is held against the reference."""
        mapping = ClassMapping.between(drawn.schema, schema)
        adapted = mapping.apply(drawn)
        left_out = mapping.left_out_of(adapted)
        return Candidate.of(adapted, self.options.mask_threshold, left_out)


@dataclass(frozen=True, eq=False)
class References:
    """What the images of a folder are measured against, and which of it changed.

    Attributes:
        files: The folder.
        schema: Its classes.
        saved: Whether saved annotations come before the ground truth.
        held: Annotations that are not saved yet, by image; they come first.
    """

    files: FolderFiles
    schema: LabelSchema
    saved: bool = True
    held: Mapping[ImageRef, LabelMap] = field(default_factory=dict)

    @property
    def doubts(self) -> list[str]:
        """What the masks of the ground truth do not tell, and how to say it."""
        truth = self.files.project.truth
        doubts = () if truth is None else truth.doubts
        return [f"ground truth: {d.message} {d.option}".rstrip() for d in doubts]

    def key(self, ref: ImageRef) -> str | None:
        """The same for the same reference, wherever its files lie; `NO_REFERENCE` if there is none.

        None for an annotation that is not saved yet.
        """
        if ref in self.held:
            return None
        kind, paths = self.files.source_of(ref, saved=self.saved)
        if self.saved:
            paths = [*paths, *self.files.writers_files(ref)]
        digests = self.files.predictions.digests
        return "|".join([kind, *(digests.of(path) or "-" for path in paths)])

    def read(self, ref: ImageRef, shape_hw: tuple[int, int]) -> LabelMap | None:
        """The reference of an image, or None. Of one that is painted on it is a copy.

        Raises:
            SegstudioError: if a mask cannot be used.
        """
        held = self.held.get(ref)
        if held is not None:
            return held.snapshot()
        project = self.files.project
        saved = None
        if self.saved:
            saved = self.files.annotations.read(ref, self.schema, shape_hw)
        if saved is None and project.truth is not None:
            saved = read_truth(ref, project.truth, self.schema, shape_hw)
        if saved is not None and self.saved:
            self.files.sign(ref, saved, self.schema)
        return saved

    def started_from(self, ref: ImageRef) -> frozenset[str]:
        """Ids of the models that an image's reference has pixels of."""
        runs = load_sources(self.files.project.data_folder).get(ref.key)
        return frozenset(map(model_of, runs)) if runs and self._is_painted(ref) else frozenset()

    def _is_painted(self, ref: ImageRef) -> bool:
        """Whether the reference of an image is what was painted here."""
        if self.saved:
            return ref in self.held or self.files.annotations.has(ref)
        return any(is_own(path) for path in self._truth_files(ref))

    def _truth_files(self, ref: ImageRef) -> list[Path]:
        truth = self.files.project.truth
        paths = [] if truth is None else [truth.class_path(ref), truth.instance_path(ref)]
        return [path for path in paths if path is not None]


@dataclass(frozen=True, eq=False)
class Conditions:
    """Everything that the figures of a folder depend on besides its files.

    Attributes:
        contenders: The models.
        schema: The folder's classes.
        asked: Keys of the measures that are counted besides those that always are.
        originals: Whether the reference is the ground truth as other programs wrote it, without
            what was corrected here.
    """

    contenders: tuple[Contender, ...]
    schema: LabelSchema
    asked: frozenset[str] = frozenset()
    originals: bool = False

    @cached_property
    def wanted(self) -> tuple[AnyMeasure, ...]:
        """What is counted."""
        return measures_with(self.asked)

    @cached_property
    def hidden(self) -> tuple[AnyMeasure, ...]:
        """What is not told, although it may have been counted before."""
        return tuple(m for m in MEASURES if m not in self.wanted)

    @property
    def meaning(self) -> str:
        """What of the classes the figures depend on: not names, and colours only of colour masks."""
        return json.dumps(
            [[c.id, c.thing] for c in self.schema.classes] + [[self.schema.ignore_index, False]]
        )

    def counts_like(self, other: Conditions) -> bool:
        """Whether the figures of a model that is read alike are the same in both."""
        mine = (self.meaning, self.asked, self.originals)
        return mine == (other.meaning, other.asked, other.originals)

    def references(
        self, files: FolderFiles, held: Mapping[ImageRef, LabelMap] | None = None
    ) -> References:
        """What a folder's images are measured against; unsaved annotations are no originals."""
        mine = {} if held is None or self.originals else held
        return References(files, self.schema, saved=not self.originals, held=mine)

    @property
    def key(self) -> tuple[str, ...]:
        """Changes when figures have to be counted anew."""
        keys = (f"{c.id}|{c.key(self.schema)}" for c in self.contenders)
        return (self.meaning, str(sorted(self.asked)), str(self.originals), *keys)

    def figure_key(self, contender: Contender, image: str, reference: str) -> bytes:
        """Under which the figures of one image are kept.

        By what tells its content (its file's digest, with the page if it is not the first), and
        its reference's.
        """
        return figure_key("figures", image, reference, contender.key(self.schema), self.meaning)

    def vote_key(self, image: str) -> bytes:
        """Under which the disagreement of all models on an image is kept."""
        keys = sorted(c.key(self.schema) for c in self.contenders)
        return figure_key("votes", image, self.meaning, *keys)
