"""Making patches of whole maps and applying many of them."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.core.history import EditRecorder
from segstudio.core.labels import InstanceIds, LabelMap, Labels, Patch
from segstudio.session.document import Document

_FEW = 8
_SMALL_AREA = 1 << 16
Packed = tuple[EditRecorder, Patch | None]
"""A patch with its form for the history; None if nothing changes."""


def packed(title: str, patch: Patch | None) -> Packed:
    """A patch with its compressed form for the history, which takes long for whole maps."""
    recorder = EditRecorder(title)
    if patch is not None:
        recorder.add(patch)
    return recorder, patch


def apply_all(annotation: LabelMap, patches: tuple[Patch, ...]) -> tuple[Patch, ...]:
    """Apply patches in order; gives what changed, many small overlapping ones as a single patch.

    A stroke is hundreds of patches. When it is undone at once, its listeners (scores, journal,
    canvas) have far less to do with the one rectangle around them.
    """
    rect = functools.reduce(Rect.union, (p.rect for p in patches), Rect(0, 0, 0, 0))
    area = sum(p.before.size for p in patches)
    if len(patches) < _FEW or rect.height * rect.width > max(area, _SMALL_AREA):
        for patch in patches:
            annotation.apply(patch)
        return patches
    cut, ids = rect.slices, annotation.instances
    before = annotation.labels[cut].copy()
    ids_before = None if ids is None else ids[cut].copy()
    for patch in patches:
        annotation.apply(patch)
    after = annotation.labels[cut].copy()
    if ids is None or ids_before is None:
        return (Patch(rect, before, after),)
    return (Patch(rect, before, after, ids_before, ids[cut].copy()),)


def keep_instances(document: Document) -> LabelMap:
    """Make the document's annotation keep instance ids from now on (all 0 at first).

    The map is replaced by one with the same labels, so nothing that is being saved of the old
    one may count as saved any more.
    """
    old = document.annotation
    document.annotation = LabelMap(np.array(old.labels), np.zeros(old.shape_hw, np.uint16))
    document.saved_revision = -1
    return document.annotation


def difference_patch(
    annotation: LabelMap, labels: Labels, instances: InstanceIds | None
) -> Patch | None:
    """The smallest patch that turns the annotation into these maps; None if they are equal.

    Args:
        annotation: What is there.
        labels: (H, W) uint8 wanted class ids.
        instances: (H, W) uint16 wanted instance ids; None means all 0 where ids are kept.
    """
    before, ids = annotation.labels, annotation.instances
    wanted = np.zeros(annotation.shape_hw, np.uint16) if instances is None else instances
    changed: npt.NDArray[np.bool_] = before != labels
    if ids is not None:
        changed |= ids != wanted
    rows = np.flatnonzero(changed.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(changed[rows[0] : rows[-1] + 1].any(axis=0))
    rect = Rect(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1)
    cut = rect.slices
    if ids is None:
        return Patch(rect, before[cut].copy(), labels[cut].copy())
    return Patch(rect, before[cut].copy(), labels[cut].copy(), ids[cut].copy(), wanted[cut].copy())
