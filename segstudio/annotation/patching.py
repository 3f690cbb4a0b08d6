"""Making patches of whole maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from segstudio.annotation.region_copy import differing_region, matched_objects, taken
from segstudio.core.formatting import counted
from segstudio.core.geometry import Rect
from segstudio.core.history import EditRecorder, Source
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Mask, Patch, Writers
from segstudio.core.prediction import Prediction
from segstudio.core.provenance import PERSON, UNKNOWN, written
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.storage.truth import unknown_ids

Packed = tuple[EditRecorder, Patch | None]
"""A patch with its form for the history; None if nothing changes."""
PackedAll = tuple[EditRecorder, tuple[Patch, ...]]
"""Patches with their form for the history; none if nothing changes."""


def packed(title: str, patch: Patch | None, source: Source | None = None) -> Packed:
    """A patch with its compressed form for the history, which takes long for whole maps."""
    recorder = EditRecorder(title, source)
    if patch is not None:
        recorder.add(patch)
    return recorder, patch


def signed(annotation: LabelMap, patch: Patch | None, writer: int = PERSON) -> Patch | None:
    """A patch that says who writes what it changes, where that is kept of the annotation."""
    return None if patch is None else written(annotation, (patch,), writer)[0]


def applied(annotation: LabelMap, patches: Sequence[Patch]) -> tuple[Patch, ...]:
    """Apply patches; gives them with who wrote what they change, where that is kept of the map."""
    found = []
    for patch in patches:
        if patch.writers_before is None:
            (patch,) = written(annotation, (patch,), UNKNOWN)  # made while it was not kept
        annotation.apply(patch)
        found.append(patch)
    return tuple(found)


def signed_map(before: LabelMap, after: LabelMap, writer: int = PERSON) -> LabelMap:
    """A map, with who wrote it: what differs from the one before by a writer; it is changed."""
    writers = before.writers
    if after is not before and writers is not None and after.writers is None:
        whole = Rect.of_shape(before.shape_hw)
        ids = before.instances, after.instances
        changed = Patch(whole, before.labels, after.labels, *ids).changed
        after.keep_writers(np.where(changed, np.uint8(writer), writers))
    return after


def packed_all(
    title: str,
    patches: Patch | Sequence[Patch] | None,
    source: Source | None,
    annotation: LabelMap,
    writer: int,
) -> PackedAll:
    """Patches of an annotation, with who writes them, and their compressed form for the history."""
    several = (patches,) if isinstance(patches, Patch) else tuple(patches or ())
    several = written(annotation, several, writer)
    recorder = EditRecorder(title, source)
    for patch in several:
        recorder.add(patch)
    return recorder, several


def keep_instances(document: Document) -> LabelMap:
    """Make the document's annotation keep instance ids from now on (all 0 at first).

    Nothing that is being saved of the map without them may count as saved any more.
    """
    document.annotation = document.annotation.with_instances()
    document.saved_revision = -1
    return document.annotation


def ready_for(document: Document, patch: Patch) -> bool:
    """Let the annotation keep instance ids if a patch brings some; whether it did not before."""
    if patch.instances_after is None or document.annotation.instances is not None:
        return False
    keep_instances(document)
    return True


def replacing(
    annotation: LabelMap,
    said: Prediction,
    schema: LabelSchema,
    locked: frozenset[int] = frozenset(),
) -> LabelMap:
    """What an annotation becomes when a prediction takes its place.

    Pixels that the model calls none of the folder's classes stay as they are. Where ids of objects
    are kept, what the model finds has ids too: those of the objects that it overlaps, else new
    ones.

    Args:
        annotation: What is there.
        said: The prediction, in the classes of the folder.
        schema: The folder's classes.
        locked: Classes whose pixels stay.
    """
    present, ids = annotation.labels, annotation.instances
    strange = foreign(said.labels, schema)
    if locked:
        kept_pixels: Mask = np.isin(present, list(locked))
        strange = kept_pixels if strange is None else strange | kept_pixels
    labels = said.labels if strange is None else np.where(strange, present, said.labels)
    if ids is None:
        found = said.instance_ids
        if found is not None and strange is not None:
            found = np.where(strange, np.uint16(0), found)
        return LabelMap(labels, found)
    ignored = () if schema.ignore_index is None else (schema.ignore_index,)
    kept = 0 if strange is None else int(ids[strange].max(initial=0))
    matched = matched_objects(
        said.labels, said.instance_ids, present, ids, frozenset((0, *ignored)), kept
    )
    return LabelMap(labels, matched if strange is None else np.where(strange, ids, matched))


def known_classes(wanted: LabelMap, schema: LabelSchema) -> tuple[LabelMap, str]:
    """A label map without the classes that are gone from the list, and a sentence about them.

    Their pixels become background; the sentence is "" if there are none.
    """
    gone = unknown_ids(wanted, schema)
    if not gone:
        return wanted, ""
    mask = np.isin(wanted.labels, gone)
    ids = None if wanted.instances is None else np.where(mask, np.uint16(0), wanted.instances)
    number, named = int(np.count_nonzero(mask)), ", ".join(map(str, gone))
    return (
        LabelMap(np.where(mask, np.uint8(0), wanted.labels), ids),
        f"{number:,} pixels of {named} became background: no class has this number now.",
    )


def replacement_text(annotation: LabelMap, wanted: LabelMap, what: str) -> str:
    """A sentence about what is replaced by `what`; "" if nothing was there or nothing changes."""
    changed = annotation.labels != wanted.labels
    if annotation.instances is not None:
        objects = object_count(annotation)
        if objects and (changed.any() or not np.array_equal(annotation.instances, _ids(wanted))):
            new = object_count(wanted)
            of_new = f" ({counted(new, 'object')})" if new else ""
            return f"{counted(objects, 'object')} {'was' if objects == 1 else 'were'} replaced by {what}{of_new}."
    pixels = int(np.count_nonzero(changed & (annotation.labels != 0)))
    return f"{pixels:,} annotated pixels were replaced by {what}." if pixels else ""


def lost_to_nothing(annotation: LabelMap, wanted: LabelMap, schema: LabelSchema, title: str) -> str:
    """What an annotation would lose to a map that holds nothing; "" if that is not so.

    Returns:
        What is found, where, and what stays: "no object in a.png, so its 7 objects stay."
    """
    if (objects := object_count(annotation)) and not object_count(wanted):
        stay = f"{counted(objects, 'object')} stay{'s' * (objects == 1)}"
        return f"no object in {title}, so its {stay}."
    empty = [0] if schema.ignore_index is None else [0, schema.ignore_index]
    if schema.background_id is None or not np.isin(wanted.labels, empty).all():
        return ""
    pixels = int(np.count_nonzero(~np.isin(annotation.labels, empty)))
    stay = f"{counted(pixels, 'annotated pixel')} stay{'s' * (pixels == 1)}"
    return f"nothing in {title}, so its {stay}." if pixels else ""


def _ids(label_map: LabelMap) -> InstanceIds:
    ids = label_map.instances
    return np.zeros(label_map.shape_hw, np.uint16) if ids is None else ids


def object_count(label_map: LabelMap) -> int:
    """How many objects a map tells apart."""
    ids = label_map.instances
    return 0 if ids is None else int(np.count_nonzero(np.bincount(ids.reshape(-1))[1:]))


def foreign(labels: Labels, schema: LabelSchema) -> Mask | None:
    """Which pixels of a mapped prediction are none of the folder's classes: (H, W) bool, or None.

    They say nothing that could be annotated.
    """
    numbers = [
        schema.elsewhere_id if schema.background_id is None else None,
        schema.left_out_id if schema.leaves_out else None,
        schema.unscored_id,
    ]
    found = [labels == number for number in numbers if number is not None]
    return np.logical_or.reduce(found) if found else None


def difference_at(
    document: Document, said: Prediction, point_xy: tuple[int, int]
) -> tuple[Rect, Mask]:
    """The connected pixels around (x, y) that the annotation and a prediction call differently."""
    return differing_region(document.annotation, said.labels, said.instance_ids, point_xy)


def taken_patch(
    document: Document, said: Prediction, where: tuple[Rect, Mask], schema: LabelSchema
) -> Patch | None:
    """The patch that gives some pixels a prediction's classes, but for what is none of them.

    Args:
        document: Whose annotation it is for.
        said: The prediction, in the classes of the folder.
        where: A rectangle of the image, and which pixels of it (h, w) bool.
        schema: The folder's classes.
    """
    rect, mask = where
    strange = foreign(said.labels[rect.slices], schema)
    wanted = mask if strange is None else mask & ~strange
    return taken(document.annotation, rect, wanted, said.labels, said.instance_ids)


def difference_patch(
    annotation: LabelMap,
    labels: Labels,
    instances: InstanceIds | None,
    writers: Writers | None = None,
) -> Patch | None:
    """The smallest patch that turns the annotation into these maps; None if they are equal.

    Args:
        annotation: What is there.
        labels: (H, W) uint8 wanted class ids.
        instances: (H, W) uint16 wanted instance ids; None means all 0 where ids are kept.
        writers: (H, W) uint8 who shall have written it; None where that is not known.

    Returns:
        The patch. If only the wanted map has ids, it has ids too: `keep_instances` comes before it
        is applied then.
    """
    before, ids = annotation.labels, annotation.instances
    wanted = np.zeros(annotation.shape_hw, np.uint16) if instances is None else instances
    if ids is None and wanted.any():
        ids = np.zeros(annotation.shape_hw, np.uint16)
    changed: npt.NDArray[np.bool_] = before != labels
    if ids is not None:
        changed |= ids != wanted
    present = annotation.writers
    if writers is not None and present is not None:
        changed |= present != writers
    rows = np.flatnonzero(changed.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(changed[rows[0] : rows[-1] + 1].any(axis=0))
    rect = Rect(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    cut = rect.slices
    patch = Patch(rect, before[cut].copy(), labels[cut].copy())
    if ids is not None:
        patch = replace(patch, instances_before=ids[cut].copy(), instances_after=wanted[cut].copy())
    if writers is None or present is None:
        return patch
    return replace(patch, writers_before=present[cut].copy(), writers_after=writers[cut].copy())


def numbers_are_used_up(document: Document) -> str:
    """What is said where no number is left for another object."""
    return (
        f"{document.ref.title} has no number left for another object: delete some or renumber them."
    )
