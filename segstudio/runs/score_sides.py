"""What a score compares: which model's prediction, with what."""

from __future__ import annotations

import time
from dataclasses import dataclass

from segstudio.core.formatting import counted
from segstudio.core.provenance import NOTHING_OWN, OwnPixels
from segstudio.runs.batch import model_of
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
        own: What was left out since the model wrote it.
    """

    model: str
    reference: str
    warning: str = ""
    own: OwnPixels = NOTHING_OWN

    @property
    def short(self) -> str:
        """Both sides without when the reference was edited and what it was started from."""
        return f"{self.model} against {self.reference.partition(' (')[0]}"

    @property
    def text(self) -> str:
        """Both sides in one line."""
        return ", ".join(filter(None, (f"{self.model} against {self.reference}", self.own.text)))


def run_title(session: Session, run: str) -> str:
    """What the model of a run is called."""
    document = session.document
    if document is not None and run in document.predictions:
        return document.predictions[run].title
    spec = session.models.get(model_of(run))
    return spec.title if spec is not None else model_of(run)


def image_sides(session: Session) -> Sides | None:
    """The sides of the open image's score; None without one."""
    document, run = session.document, session.view.scored_run
    if document is None or run not in document.predictions or not document.has_reference:
        return None
    taken = document.runs_taken
    own = session.own_pixels.get((session.index, run))
    same = own is None and any(model_of(other) == model_of(run) for other in taken)
    return Sides(
        run_title(session, run),
        _annotation_text(session, document) if document.edited_at is not None else "ground truth",
        "Partly this model's own pixels: the score says little." if same else "",
        NOTHING_OWN if own is None else own,
    )


def folder_sides(session: Session, scored: int) -> Sides | None:
    """The sides of the folder's scores of the shown run; None without any.

    Args:
        session: What is open.
        scored: How many images the scores are of: counting them anew takes too long here, since
            this is asked while someone paints.
    """
    run, counts = session.view.scored_run, session.counts
    if not scored:
        return None
    edited = same = 0
    for index, state in session.states.items():
        if (state.edited or state.taken) and (index, run) in counts:
            edited += state.edited
            is_left_out = (index, run) in session.own_pixels
            same += not is_left_out and any(model_of(t) == model_of(run) for t in state.taken)
    parts = []
    if edited:
        parts.append(f"{counted(edited, 'annotation')} of yours")
    if rest := scored - edited:
        parts.append(f"{rest:,} of the ground truth" if edited else "ground truth")
    warning = ""
    if same:
        warning = f"{same:,} of {scored:,}: partly this model's own pixels, says little."
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
