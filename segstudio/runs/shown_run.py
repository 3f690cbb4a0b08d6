"""Which prediction of an image is shown when it opens."""

from __future__ import annotations

from segstudio.runs.batch import model_of, run_key
from segstudio.session.document import Document
from segstudio.session.session import Session


def run_to_show(session: Session, document: Document, preferred: str) -> str:
    """What the user chose last; where it is missing a single view shows what there is.

    Of several views the first one stays with its model, so that each can be found again on the
    next image.

    Args:
        session: Tells what is shown, and which models there are.
        document: The open image.
        preferred: Key of the run that the user chose last, "" for none.
    """
    held, shown = document.predictions, session.view.run
    wanted = preferred or shown
    if wanted in held:
        return wanted
    known = model_of(wanted) in session.models
    if not held:
        chosen = session.models.get(session.model.chosen)
        if chosen is None or known or not shown:
            return wanted
        return run_key(chosen, session.model.options)  # the run that was shown is no more
    if known and session.view.panes:
        return wanted
    return shown if shown in held else first_run(session, document)


def first_run(session: Session, document: Document) -> str:
    """The chosen model's run, else the first one in the order of the models; "" for none."""
    order = [session.model.chosen, *session.models]

    def place(run: str) -> int:
        model = model_of(run)
        return order.index(model) if model in order else len(order)

    return min(document.predictions, key=place, default="")
