"""Predicted masks of a folder, each with its ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from segstudio.core.class_mapping import asked_of, is_scored
from segstudio.core.class_names import is_in_words, is_made_up, key_of
from segstudio.core.errors import SegstudioError
from segstudio.core.formatting import counted
from segstudio.core.found_objects import FoundObjects
from segstudio.core.labels import InstanceIds, LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.core.text import listed
from segstudio.evaluation.mask_codings import Alike, Masks, read_alike
from segstudio.evaluation.mask_layout import MaskPlace
from segstudio.storage.coco_results import COCO_NAME, CocoResults
from segstudio.storage.folders import require_folder
from segstudio.storage.formats.png import instance_scores
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_pattern import MaskPattern
from segstudio.storage.project import words_in
from segstudio.storage.scan import special_masks
from segstudio.storage.schema_file import read_entry, read_schema
from segstudio.storage.truth import ReadAs, TruthIndex, Zero, read_truth_file
from segstudio.storage.truth_kinds import TruthKind
from segstudio.storage.unread_annotations import unread_in

_NAMED: Final = 8
_VOID: Final = 255
"""Of this id alone in a mask nobody can tell whether it is the object."""
_HOW_TO_SAY: Final = "--schema FILE says what the classes are."


@dataclass(frozen=True)
class Pair:
    """A prediction and its ground truth, of the same size.

    Attributes:
        name: Of the predicted mask.
        truth_path: File of the ground truth, of later pages of a stack with the page behind it
            (`TruthIndex.place_of`): what pairs the predictions of two folders.
        truth: Class ids and, where known, instance ids.
        prediction: Class ids.
        predicted_objects: (H, W) uint16 instance ids, or None if objects are not told apart.
        scores: (n,) scores of the predicted objects 1 to n, or None if the file does not say.
        remarks: That all of one of the masks is ignored, or has no class.
        found: Every detection with its score, where a file of them is read.
    """

    name: str
    truth_path: Path
    truth: LabelMap
    prediction: LabelMap
    predicted_objects: InstanceIds | None
    scores: npt.NDArray[np.float32] | None
    remarks: tuple[str, ...] = ()
    found: FoundObjects | None = None


Missing = Literal["ignore", "background"]
"""What ground truth without a prediction counts as."""
MISSING_TEXTS: Final[dict[Missing, str]] = {
    "ignore": "These count in no figure; --missing background counts them as all background.",
    "background": "These count as if background was predicted everywhere.",
}


@dataclass(frozen=True)
class MaskSides:
    """What is held against what.

    Attributes:
        pred_dir: Predicted masks, or a folder that has them inside.
        gt_dir: Ground truth masks likewise.
        schema_file: Classes; else `segstudio.json` beside the ground truth, else the ids found.
        ignore: Ground truth id that counts nowhere; else the schema's.
        pred_instances: The predicted objects; else those inside or beside the masks.
        gt_instances: The objects of the ground truth likewise.
        pred_kind: How the values of the predictions are read; None is found out.
        truth_kind: How those of the ground truth are read likewise.
        zero: What class 0 of the ground truth is, where no classes are given.
        detections: Predicted detections with scores, as COCO's JSON; else `coco.json` of
            `pred_dir`.
        pattern: How the names of the ground truth are made of those of the predictions.
        with_own: Whether pixels of the ground truth count that the model wrote itself.
    """

    pred_dir: Path
    gt_dir: Path
    schema_file: Path | None = None
    ignore: int | None = None
    pred_instances: Path | None = None
    gt_instances: Path | None = None
    pred_kind: TruthKind | None = None
    truth_kind: TruthKind | None = None
    zero: Zero | None = None
    detections: Path | None = None
    pattern: MaskPattern | None = None
    with_own: bool = False

    def places(self) -> tuple[MaskPlace, MaskPlace]:
        """Where the masks of the predictions and of the ground truth lie.

        Raises:
            SegstudioError: if a folder is missing or cannot be read.
        """
        require_folder(self.pred_dir)
        own = (self.pred_dir, *([self.pred_instances] if self.pred_instances else []))
        truth = MaskPlace.of(self.gt_dir, self.gt_instances, own, self.pattern)
        predictions = MaskPlace.of(self.pred_dir, self.pred_instances, truth.folders)
        if predictions.classes.resolve() == truth.classes.resolve():
            # Held against itself, or against its like: the objects are of both.
            predictions = MaskPlace.of(self.pred_dir, self.pred_instances)
        return predictions, truth


@dataclass(frozen=True)
class MaskFolders:
    """A folder of predictions, one of ground truth, and the classes in force.

    Attributes:
        places: Where the masks of the predictions and of the ground truth lie.
        refs: The predicted masks.
        missing: Images that have ground truth and no prediction.
        predictions: Where the predictions are and what their values mean.
        truth: Where the ground truth is, likewise.
        schema: The classes.
        declared: Whether the classes were given; else they are what was found.
        notes: What was decided of the values, or is to be asked.
        by_number: That classes are matched by number though their names do not agree, or none.
        detections: Every detection with its score, where a file of them is read.
    """

    places: tuple[MaskPlace, MaskPlace]
    refs: Sequence[ImageRef]
    missing: Sequence[ImageRef]
    predictions: TruthIndex
    truth: TruthIndex
    schema: LabelSchema
    declared: bool
    notes: tuple[str, ...] = ()
    by_number: tuple[str, ...] = ()
    detections: CocoResults | None = None

    @classmethod
    def open(cls, sides: MaskSides, *, with_detections: bool = False) -> MaskFolders:
        """Find the masks and decide on the classes.

        Args:
            sides: What is held against what.
            with_detections: Whether a file of detections is read, if there is one.

        Raises:
            SegstudioError: if a folder or the schema cannot be read.
        """
        places = sides.places()
        predicted, wanted = places
        refs = predicted.masks()
        given = sides.schema_file or wanted.schema_path
        declared = None if given is None else read_schema(given)
        if declared is not None and sides.ignore is not None:
            declared = LabelSchema(declared.classes, sides.ignore)
        said = ReadAs(sides.truth_kind, sides.zero, sides.ignore)
        missing = _missing(predicted, wanted, refs, said)
        every = [*refs, *missing]
        index = wanted.index(every, declared, said).settled(every)
        path = predicted.schema_path
        classes = None if path is None else read_schema(path)
        # Black on white is so on both sides, or is said of each by its own kind.
        zero = sides.zero if sides.zero == "class" else None
        void = sides.ignore if declared is None else declared.ignore_index
        told = ReadAs(sides.pred_kind, zero, void if void == _VOID else None)
        found = predicted.index(refs, classes, told).settled(refs)
        alike = read_alike(Masks(wanted.classes, index), Masks(predicted.classes, found))
        _require_one_each(refs, alike.truth)
        words = words_in([places[1].given.absolute()], refs)
        found_classes = replace(alike.truth.schema, words=words)
        schema = declared or _named_like(alike.predictions, found_classes)
        if sides.ignore is not None:
            schema = LabelSchema(schema.classes, sides.ignore)
        return cls(
            places,
            refs,
            missing,
            alike.predictions,
            alike.truth,
            schema,
            declared is not None,
            (*_passed_over(places), *alike.notes, *_asked(alike, sides)),
            tuple(_by_number(alike.predictions, schema, sides)),
            _detections(sides, predicted, schema) if with_detections else None,
        )

    def pairs(self) -> Iterator[Pair | ImageRef]:
        """Each prediction with its ground truth, or its reference alone if it has none.

        Raises:
            SegstudioError: if a mask cannot be read or has another size or unknown ids.
        """
        for ref in self.refs:
            yield self.pair_of(ref) or ref

    def pair_of(self, ref: ImageRef) -> Pair | None:
        """A prediction with its ground truth; None if it has none.

        Raises:
            SegstudioError: as `pairs`.
        """
        path = self.truth.place_of(ref)
        if path is None:
            return None
        read = read_truth_file(ref, self.predictions)
        wanted = read_truth_file(ref, self.truth, self.schema)
        assert read is not None
        assert wanted is not None
        prediction, truth = read.label_map, wanted.label_map
        if prediction.shape_hw != truth.shape_hw:
            raise _sizes_differ(ref.path, prediction, path, truth)
        at = None if prediction.instances is None else self.predictions.instance_path(ref)
        scores = None if at is None else instance_scores(at)
        objects, remarks = prediction.instances, (*wanted.remarks, *read.remarks)
        found = None
        if self.detections is not None and truth.instances is not None:
            found = self.detections.of(ref.name, prediction.shape_hw)
        return Pair(ref.name_with_page, path, truth, prediction, objects, scores, remarks, found)

    def empty_pairs(self) -> Iterator[Pair]:
        """The ground truth without a prediction, each beside a mask of background alone.

        Raises:
            SegstudioError: if a mask cannot be read or has unknown ids.
        """
        yield from map(self._empty_pair, self.missing)

    def pair_at(self, truth_path: Path) -> Pair | None:
        """The pair of a ground truth mask; the prediction is empty if there is none.

        Raises:
            SegstudioError: as `pairs`.
        """
        ref = self._by_truth.get(truth_path)
        if ref is not None:
            return self.pair_of(ref)
        missing = self._missing_by_truth.get(truth_path)
        return None if missing is None else self._empty_pair(missing)

    def _empty_pair(self, ref: ImageRef) -> Pair:
        wanted = read_truth_file(ref, self.truth, self.schema)
        path = self.truth.place_of(ref)
        assert wanted is not None
        assert path is not None
        truth = wanted.label_map
        nothing = np.full(truth.shape_hw, self.schema.elsewhere_id, np.uint8)
        objects = None if truth.instances is None else np.zeros(truth.shape_hw, np.uint16)
        scores = None if objects is None else np.zeros(0, np.float32)
        name = self.places[1].name_of(path)
        predicted = LabelMap(nothing, objects)
        return Pair(name, path, truth, predicted, objects, scores, wanted.remarks)

    @cached_property
    def _by_truth(self) -> dict[Path, ImageRef]:
        found = ((self.truth.place_of(ref), ref) for ref in self.refs)
        return {path: ref for path, ref in found if path is not None}

    @cached_property
    def _missing_by_truth(self) -> dict[Path | None, ImageRef]:
        return {self.truth.place_of(ref): ref for ref in self.missing}

    @property
    def truth_masks(self) -> int:
        """How many images have ground truth, with a prediction or without."""
        return len(self._by_truth) + len(self.missing)

    @cached_property
    def missing_names(self) -> tuple[str, ...]:
        """Names of the ground truth masks without a prediction."""
        paths = (self.truth.place_of(ref) for ref in self.missing)
        return tuple(self.places[1].name_of(path) for path in paths if path is not None)

    @property
    def lost_detections(self) -> str:
        """What masks do not hold of a model's detections; "" where nothing is known to be lost."""
        settings = read_entry(self.places[0].given, "predict")
        score = settings.get("score") if isinstance(settings, dict) else None
        if self.detections is not None or not isinstance(score, int | float):
            return ""
        below = f"those below the score {score:g} were not written, and " * (score > 0)
        return (
            f"masks do not hold all detections: {below}where some overlap only the best has the "
            "pixels. What segstudio predict --save png,coco writes has all."
        )

    def missing_text(self) -> str:
        """That ground truth has no prediction; "" if all of it has one."""
        if not self.missing:
            return ""
        masks = counted(self.truth_masks, "ground truth mask")
        verb = "has" if len(self.missing) == 1 else "have"
        named, place = listed(self.missing_names, _NAMED), self.places[0].given
        return f"{len(self.missing)} of {masks} {verb} no prediction in {place}: {named}."


def _missing(
    predicted: MaskPlace, wanted: MaskPlace, refs: Sequence[ImageRef], said: ReadAs
) -> list[ImageRef]:
    """The images that have ground truth and no prediction.

    Raises:
        SegstudioError: if no prediction has ground truth, or a folder cannot be read.
    """
    try:
        index = wanted.index(refs, said=said)
    except SegstudioError as error:
        if wanted.pattern is not None:
            raise  # it says which name was looked for
        raise SegstudioError(
            f"No mask in {wanted.classes} has the name of one in {predicted.classes}.",
            unread_in(wanted.classes)
            or special_masks(wanted.all_folders(), wanted.given)
            or "Masks are matched by name: the image's name with or without _mask, _label or _gt.",
        ) from error
    # Names that differ in case or form are paired where no mask is exactly called so: the masks'
    # own names are looked up apart from those of the predictions.
    every = wanted.images()
    if not every:
        return []
    matched = {None, *map(index.place_of, refs)}
    place_of = wanted.index(every, said=said).place_of
    return [ref for ref in every if place_of(ref) not in matched]


def _require_one_each(refs: Sequence[ImageRef], truth: TruthIndex) -> None:
    """Refuse two predictions of one image: which one counts would be left to their names."""
    first: dict[Path, ImageRef] = {}
    for ref in refs:
        place = truth.place_of(ref)
        if place is not None and first.setdefault(place, ref) != ref:
            raise SegstudioError(
                f"{first[place].path} and {ref.path} are both predictions of {place}.",
                "Keep one of them in the folder.",
            )


def _detections(sides: MaskSides, place: MaskPlace, schema: LabelSchema) -> CocoResults | None:
    """The file of detections: the one that was named, or the one beside the masks."""
    beside = place.given / COCO_NAME
    path = sides.detections or (beside if beside.is_file() else None)
    return None if path is None else CocoResults(path, schema)


def _sizes_differ(
    predicted: Path, prediction: LabelMap, wanted: Path, truth: LabelMap
) -> SegstudioError:
    first, second = (" x ".join(map(str, m.shape_hw[::-1])) for m in (prediction, truth))
    return SegstudioError(
        f"The prediction {predicted} has {first} pixels, its ground truth {wanted} has {second}.",
        "Masks are not scaled: save the predictions at the size of the images.",
    )


def _passed_over(places: tuple[MaskPlace, MaskPlace]) -> Iterator[str]:
    """Which names like masks are no files, and so have no prediction or no ground truth."""
    predicted, wanted = places
    for side, place in (("ground truth", wanted), ("predictions", predicted)):
        if text := special_masks(place.all_folders(), place.given):
            yield f"{side}: {text}"


def _asked(alike: Alike, sides: MaskSides) -> Iterator[str]:
    """What the masks do not tell, with the way to say it."""
    settled = {"void"} | ({"levels"} if sides.ignore is not None else set())
    for side, index in (("ground truth", alike.truth), ("predictions", alike.predictions)):
        for doubt in index.doubts:
            about_zero = doubt.about == "zero" and side == "predictions"
            if doubt.about not in settled and not about_zero:
                yield f"{side}: {doubt.message} {doubt.option}"


def _named_like(predictions: TruthIndex, schema: LabelSchema) -> LabelSchema:
    """The classes of the ground truth, with the model's names if it is known to be what it finds."""
    model = predictions.schema
    same = predictions.declared and model.ids == schema.ids and is_scored(model, schema)
    return LabelSchema(model.classes, schema.ignore_index) if same else schema


def _by_number(predictions: TruthIndex, schema: LabelSchema, sides: MaskSides) -> Iterator[str]:
    """That a class of the predictions has another name, or that nothing says it is the same."""
    if sides.schema_file is not None or not predictions.declared:
        return
    model = predictions.schema
    asked = asked_of(model, schema)
    pairs = [
        (c.name, other.name)
        for c in model.classes
        if (other := schema.get(c.id)) is not None
        and key_of(c.name) != key_of(other.name)
        and not is_made_up(c.name)
    ]
    unnamed = [p for p in pairs if is_made_up(p[1]) and not is_in_words(p[0], schema)]
    if len(unnamed) > 1:
        yield (
            "nothing says that classes of the predictions are those of the ground truth: "
            f"{_shown(unnamed)}. They are matched by number. {_HOW_TO_SAY}"
        )
    elif unnamed or asked is not None:
        name, other_name = unnamed[0] if asked is None else asked
        yield (
            f"nothing says that {name} of the predictions is \u201c{other_name}\u201d of the "
            f"ground truth: they are matched by number. {_HOW_TO_SAY}"
        )
    others = [p for p in pairs if not is_made_up(p[1])]
    if others:
        yield f"classes of other names are matched by number: {_shown(others)}. {_HOW_TO_SAY}"


def _shown(pairs: Sequence[tuple[str, str]]) -> str:
    return listed([f"{name} and \u201c{other}\u201d" for name, other in pairs], _NAMED)
