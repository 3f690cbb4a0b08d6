"""What a score compares: which model's prediction, with what."""

from __future__ import annotations

import time
from dataclasses import dataclass

from segstudio.app.batch import model_of
from segstudio.session.document import Document
from segstudio.session.session import Session

_SHOWN = 2


@dataclass(frozen=True)
class Sides:
    """The two sides of a score.

    Attributes:
        model: Title of the model whose prediction it is.
        reference: What it is measured against, as the end of a sentence.
        warning: A sentence if the score says little: the reference came from the same model.
    """

    model: str
    reference: str
    warning: str = ""

    @property
    def short(self) -> str:
        """Both sides without when the reference was edited and what it was started from."""
        return f"{self.model} against {self.reference.partition(' (')[0]}"

    @property
    def text(self) -> str:
        """Both sides in one line."""
        return f"{self.model} against {self.reference}"


def run_title(session: Session, run: str) -> str:
    """What the model of a run is called."""
    document = session.document
    if document is not None and run in document.predictions:
        return document.predictions[run].title
    spec = session.models.get(model_of(run))
    return spec.title if spec is not None else model_of(run)


def image_sides(session: Session) -> Sides | None:
    """The sides of the open image's score; None without one."""
    document, run = session.document, session.view.run
    if document is None or run not in document.predictions or not document.has_reference:
        return None
    taken = document.runs_taken
    same = any(model_of(other) == model_of(run) for other in taken)
    return Sides(
        run_title(session, run),
        _annotation_text(session, document) if document.edited_at is not None else "ground truth",
        "Partly this model's own pixels: the score says little." if same else "",
    )


def folder_sides(session: Session) -> Sides | None:
    """The sides of the folder's scores of the shown run; None without any."""
    run = session.view.run
    scored = [index for index, other in session.counts if other == run]
    if not scored:
        return None
    edited = [i for i in scored if session.state(i).edited]
    same = [i for i in scored if any(model_of(r) == model_of(run) for r in session.state(i).taken)]
    parts = []
    if edited:
        parts.append(f"{len(edited):,} annotation{'s' * (len(edited) != 1)} of yours")
    if rest := len(scored) - len(edited):
        parts.append(f"{rest:,} of the ground truth" if edited else "ground truth")
    warning = ""
    if same:
        warning = (
            f"{len(same):,} of {len(scored):,} annotations have pixels of this model: "
            "there the score says little."
        )
    return Sides(run_title(session, run), " and ".join(parts), warning)


def _annotation_text(session: Session, document: Document) -> str:
    assert document.edited_at is not None
    titles = sorted({run_title(session, run) for run in document.runs_taken})
    shown = ", ".join(titles[:_SHOWN]) + (" and more" if len(titles) > _SHOWN else "")
    source = f", started from {shown}" if titles else ""
    return f"your annotation (edited {_when(document.edited_at)}{source})"


def _when(seconds: float) -> str:
    """The time of day, with the date if that is not today."""
    then, now = time.localtime(seconds), time.localtime()
    form = "%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M"
    return time.strftime(form, then)
