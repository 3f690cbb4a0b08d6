"""What a network is trained on: any folder that segstudio opens, as pairs of image and classes."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from segstudio.core.errors import SegstudioError
from segstudio.core.labels import LabelMap
from segstudio.core.progress import Check, no_check
from segstudio.core.schema import LabelSchema
from segstudio.core.text import listed
from segstudio.storage.annotations import Annotations
from segstudio.storage.decode import every_page, read_image
from segstudio.storage.image_ref import ImageRef
from segstudio.storage.mask_pattern import ChosenMasks
from segstudio.storage.project import Project, open_project
from segstudio.storage.states import Mark, load_marked
from segstudio.storage.truth import read_truth
from segstudio.training.data import Sample

IGNORED: Final = 255
"""Pixels of this id enter no loss and no score."""
_CACHE_BYTES: Final = 1 << 30
_NAMED: Final = 5
_FEW: Final = 6
_NO_CHOICE: Final = ChosenMasks()


@dataclass(frozen=True)
class Split:
    """Which images are trained on, which choose the best epoch, and which prove it at the end.

    Attributes:
        train: Names of the images to train on.
        validation: Those that each epoch is judged by.
        held_out: Those that nothing sees before the end.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    held_out: tuple[str, ...] = ()

    def to_json(self) -> dict[str, list[str]]:
        """Plain lists."""
        return {
            "train": list(self.train),
            "validation": list(self.validation),
            "held_out": list(self.held_out),
        }

    @property
    def seen_in_validation(self) -> bool:
        """Whether the best epoch is chosen on images that are trained on, since there are few."""
        return bool({*self.train} & {*self.validation})


def split_by_seed(names: Sequence[str], seed: int = 0, share: float = 0.15) -> Split:
    """Part images by chance: a share for validation, as much held out, the rest for training.

    With less than six images validation has the images that are trained on, since each that is
    taken away would be missed more; one is held out all the same, unless there is no other.

    Args:
        names: Of the images.
        seed: The same seed gives the same parts, in whatever order the names come.
        share: For validation, and again for what is held out.
    """
    mixed = _mixed(names, seed)
    count = len(mixed)
    if count < _FEW:
        held = mixed[: 1 if count > 1 else 0]
        rest = tuple(sorted(mixed[len(held) :]))
        return Split(rest, rest, tuple(held))
    part = max(1, round(count * share))
    held, validation, train = mixed[:part], mixed[part : 2 * part], mixed[2 * part :]
    return Split(tuple(sorted(train)), tuple(sorted(validation)), tuple(sorted(held)))


def split_with_validation(train: Sequence[str], validation: Sequence[str], seed: int = 0) -> Split:
    """Parts where the images to judge by were given: half of them are held out for the proof."""
    mixed = _mixed(validation, seed)
    part = len(mixed) // 2
    return Split(tuple(sorted(train)), tuple(sorted(mixed[part:])), tuple(sorted(mixed[:part])))


def split_by_folder(names: Sequence[str], seed: int = 0, share: float = 0.15) -> Split:
    """Part whole folders of images: what belongs together (a patient, a drive) stays together.

    Raises:
        SegstudioError: if there are less than three folders.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.rpartition("/")[0], []).append(name)
    if len(groups) < 3:
        raise SegstudioError(
            f"The images lie in {len(groups)} folder{'s' * (len(groups) != 1)}, and a split by "
            "folder needs at least three.",
            "Split by seed, or put images that belong together into folders of their own.",
        )
    wanted = max(1, round(len(names) * share))
    order = _mixed([*groups], seed)
    parts: list[list[str]] = [[], []]
    rest = len(order)
    for part in parts:
        while rest > 1 and len(part) < wanted and (rest > 2 or not part):
            rest -= 1
            part += groups[order[rest]]
    train = [name for key in order[:rest] for name in groups[key]]
    held, validation = parts
    if not validation:
        validation = held
    return Split(tuple(sorted(train)), tuple(sorted(validation)), tuple(sorted(held)))


def k_fold(names: Sequence[str], folds: int, seed: int = 0) -> list[Split]:
    """Parts for cross-validation: each image is held out in exactly one of them.

    Raises:
        SegstudioError: if there are less images than folds, or less than two folds.
    """
    if not 2 <= folds <= len(names):
        raise SegstudioError(
            f"{len(names)} images cannot be parted into {folds} folds.",
            f"Choose 2 to {max(2, len(names))} folds.",
        )
    mixed = _mixed(names, seed)
    made = []
    for fold in range(folds):
        held = mixed[fold::folds]
        rest = split_by_seed([name for name in mixed if name not in {*held}], seed)
        train = (*rest.train, *(n for n in rest.held_out if n not in rest.train))
        made.append(Split(tuple(sorted(train)), rest.validation, tuple(sorted(held))))
    return made


def _mixed(names: Sequence[str], seed: int) -> list[str]:
    """The names in an order that depends on the seed and on nothing else."""
    ordered = sorted(set(names))
    return [ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))]


@dataclass
class DataSet:
    """The images of a folder that have ground truth, read as the window and `evaluate` read them.

    Attributes:
        folder: What was opened.
        project: The folder as it was found.
        schema: The classes that are trained; without the one that is ignored.
        refs: The images (and pages) by their names.
        notes: Sentences worth showing; what was left out, and why.
    """

    folder: Path
    project: Project
    schema: LabelSchema
    refs: dict[str, ImageRef]
    notes: list[str] = field(default_factory=list)
    ignored_id: int | None = IGNORED
    cache_bytes: int = _CACHE_BYTES
    _kept: dict[str, Sample] = field(default_factory=dict, repr=False)
    _broken: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        ignore: int | None = None,
        masks: ChosenMasks | None = None,
        done_only: bool = False,
        check: Check = no_check,
    ) -> DataSet:
        """Find the images and their ground truth.

        Args:
            folder: The images, with their masks beside them or inside.
            ignore: Id in the masks that counts nowhere.
            masks: Where the masks lie, if they are not found.
            done_only: Whether only images count that were marked as done in the window.
            check: Called again and again; raises to give up.

        Raises:
            SegstudioError: if the folder cannot be opened, no image has ground truth, or what the
                masks mean must be said first.
        """
        project = open_project(folder, masks=masks or None)
        if project.truth is not None:
            truth = project.truth
            if ignore is not None:
                truth = truth.read_as(replace(truth.said, ignored=ignore))
            truth = truth.settled(project.images, lambda _done, _total: check())
            project = replace(project, truth=truth)
            if truth.undecided:
                raise SegstudioError(
                    f"It is not known what the masks of {folder} mean: {truth.coding.undecided}",
                    "Open the folder in the window and say it at File > Read masks as.",
                )
        schema, ignored_id = _schema_of(project, ignore)
        annotations = _annotations(project)
        pages = every_page(project.images, check)
        having = [ref for ref in pages if _has_truth(ref, project, annotations)]
        if not having:
            raise SegstudioError(
                f"No image in {folder} has ground truth.",
                project.unread or "Paint masks in the window, or name their folder with --gt DIR.",
            )
        notes = []
        if done_only:
            done = load_marked(project.data_folder, Mark.REVIEWED)
            having = [ref for ref in having if ref.key in done]
            if not having:
                raise SegstudioError(
                    f"No image in {folder} is marked as done.",
                    "Mark images as done in the window, or train on all that have masks.",
                )
        elif len(having) < len(pages):
            notes.append(f"{len(pages) - len(having)} of {len(pages)} images have no mask.")
        refs = {ref.key: ref for ref in having}
        return cls(folder, project, schema, refs, notes, ignored_id)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images that can be used."""
        return tuple(name for name in self.refs if name not in self._broken)

    @property
    def channels(self) -> int:
        """How many logits a network needs so that its channels are the ids of the classes."""
        return max(2, self.schema.num_classes)

    def usable(self, names: Sequence[str], check: Check = no_check) -> tuple[str, ...]:
        """Those of the images that can be read; the others are named in `notes` and left out."""
        usable, wrong = [], []
        for name in names:
            check()
            try:
                self.sample(name)
                usable.append(name)
            except SegstudioError as error:
                self._broken.add(name)
                wrong.append(str(error))
        for text in wrong[:_NAMED]:
            self.notes.append(f"Left out: {text}")
        if len(wrong) > _NAMED:
            self.notes.append(f"{len(wrong) - _NAMED} more images cannot be used.")
        return tuple(usable)

    def sample(self, name: str) -> Sample:
        """An image, (H, W, 3) uint8 RGB, and its classes, (H, W) uint8; 255 counts nowhere.

        Raises:
            SegstudioError: if one of the two cannot be read, or no pixel of it counts.
        """
        with self._lock:
            found = self._kept.get(name)
        if found is not None:
            return found
        sample = self._read(self.refs[name])
        with self._lock:
            held = sum(s.image.nbytes + s.target.nbytes for s in self._kept.values())
            # What does not fit is read anew each time: each image is as likely as the other, so
            # that nothing would be won by letting one go for another.
            if held + sample.image.nbytes + sample.target.nbytes <= self.cache_bytes:
                self._kept[name] = sample
        return sample

    def samples(self, names: Sequence[str]) -> Iterator[Sample]:
        """The images of these names, one after the other."""
        for name in names:
            yield self.sample(name)

    def _read(self, ref: ImageRef) -> Sample:
        pixels = read_image(ref.path, ref.page).pixels
        shape = (pixels.shape[0], pixels.shape[1])
        found = self._labels(ref, shape)
        target = _as_target(found, self.schema, self.ignored_id)
        if not (target != IGNORED).any():
            raise SegstudioError(
                f"No pixel of {ref.title} has a class that counts.",
                "Paint its mask, or look at the ignored id.",
            )
        return Sample(ref.key, np.ascontiguousarray(pixels), target)

    def _labels(self, ref: ImageRef, shape_hw: tuple[int, int]) -> LabelMap:
        saved = _annotations(self.project).read(ref, self.project.schema, shape_hw)
        if saved is not None:
            return saved
        truth = self.project.truth
        found = None if truth is None else read_truth(ref, truth, self.project.schema, shape_hw)
        if found is None:
            raise SegstudioError(f"The mask of {ref.title} is gone.", "Put it back.")
        return found

    def digest(self, names: Sequence[str]) -> str:
        """A fingerprint of the classes in these images: equal data has equal ones."""
        whole = hashlib.sha256()
        for name in sorted(names):
            sample = self.sample(name)
            whole.update(name.encode(errors="surrogateescape"))
            whole.update(np.bincount(sample.target.reshape(-1), minlength=256).tobytes())
            whole.update(hashlib.sha256(sample.image.data).digest())
        return whole.hexdigest()[:16]


def _annotations(project: Project) -> Annotations:
    return Annotations(project.root, project.truth, project.identity, project.classes)


def _has_truth(ref: ImageRef, project: Project, annotations: Annotations) -> bool:
    return (project.truth is not None and project.truth.has(ref)) or annotations.has(ref)


def _schema_of(project: Project, ignore: int | None) -> tuple[LabelSchema, int | None]:
    """The classes to train, and the id in label maps that counts nowhere."""
    found = project.schema or (None if project.truth is None else project.truth.schema)
    schema = found or LabelSchema.from_ids((0, 1))
    ignored = schema.ignore_index if ignore is None else ignore
    left = tuple(c for c in schema.classes if c.id != ignored)
    if not left:
        raise SegstudioError(
            f"No class of {project.root} is left to train.", "Look at the ignored id."
        )
    if any(c.id == IGNORED for c in left):
        raise SegstudioError(
            f"Class {IGNORED} of {project.root} cannot be trained: the id means ignored pixels.",
            f"Give it another number, or leave it out with --ignore {IGNORED}.",
        )
    return LabelSchema(left, IGNORED), ignored


def _as_target(
    found: LabelMap, schema: LabelSchema, ignored_id: int | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Class ids (H, W) uint8 where what is ignored, or is no class, is 255."""
    table = np.full(256, IGNORED, np.uint8)
    for class_id in schema.ids:
        table[class_id] = class_id
    if ignored_id is not None:
        table[ignored_id] = IGNORED
    target: np.ndarray[tuple[int, ...], np.dtype[np.uint8]] = table[found.labels]
    return target


def joined_classes(first: DataSet, second: DataSet) -> LabelSchema:
    """The classes of two folders that are used together.

    Raises:
        SegstudioError: if they have different classes under the same id.
    """
    other = {c.id: c for c in second.schema.classes}
    made_up = LabelSchema.from_ids([*first.schema.ids, *other])
    clash = [
        f"{c.id} ({c.name} and {other[c.id].name})"
        for c in first.schema.classes
        if c.id in other
        and c.name.casefold() != other[c.id].name.casefold()
        and made_up.name_of(c.id) not in (c.name, other[c.id].name)
    ]
    if clash:
        raise SegstudioError(
            f"{first.folder} and {second.folder} mean different classes by {listed(clash, 3)}.",
            "Give both folders the same segstudio.json.",
        )
    known = {**other, **{c.id: c for c in first.schema.classes}}
    return LabelSchema(tuple(known.values()), IGNORED)
