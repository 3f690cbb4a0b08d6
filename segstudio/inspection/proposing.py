"""The proposals of a network that finds instances, while someone looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from segstudio.core.errors import told
from segstudio.core.features import Role
from segstudio.core.proposals import Proposals, Ranked
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.watched import Watched
from segstudio.jobs import Job
from segstudio.session.inspection import BoxesOverPhoto, ColourMap, Overlay, TracedNetwork
from segstudio.session.session import Session, What

if TYPE_CHECKING:
    from segstudio.inspection.nets.traced_model import TracedModel

_KEY: Final = "proposals"


@dataclass(frozen=True, eq=False)
class ProposalsState:
    """What is known of the main trace.

    Attributes:
        traced: Which trace.
        found: Its proposals; None while they are asked for, and of networks without any.
        is_known: Whether the answer has come.
        problem: Why there is none, "" otherwise.
    """

    traced: TracedNetwork | None = None
    found: Proposals | None = None
    is_known: bool = False
    problem: str = ""


class Proposing(Watched[ProposalsState]):
    """Asks the traced network for its proposals when someone looks.

    The session says INSPECTION when `state` was replaced.
    """

    def __init__(self, session: Session, inspecting: Inspecting) -> None:
        super().__init__(session, ProposalsState())
        self._inspecting = inspecting
        self._asked: object = None
        session.follow(What.TRACE | What.INSPECTION, self._on_change)

    # -- verbs -------------------------------------------------------------------------------

    def show_suppressed(self, shown: bool) -> None:
        """Look at the proposals before overlapping ones are suppressed, or after."""
        self._session.set_inspection(proposals_before=shown, proposal=None)

    def show_best(self, count: int) -> None:
        """Look at so many."""
        self._session.set_inspection(proposals_shown=max(1, count), proposal=None)

    def mark(self, number: int | None) -> None:
        """Make one of the shown stand out, or none."""
        self._session.set_inspection(proposal=number)

    @property
    def shown(self) -> Ranked | None:
        """The proposals that are looked at, best first."""
        found, inspection = self.state.found, self._session.inspection
        if found is None:
            return None
        side = found.before if inspection.proposals_before else found.after
        return side.best(inspection.proposals_shown)

    def over_photo(self) -> BoxesOverPhoto | None:
        """The same over the photo."""
        shown, inspection = self.shown, self._session.inspection
        if shown is None:
            return None
        when = "before" if inspection.proposals_before else "after"
        colours = inspection.look.colours
        if colours is ColourMap.DIVERGING:
            colours = ColourMap.VIRIDIS
        caption = f"Proposals: the best {len(shown)} {when} suppression"
        return BoxesOverPhoto(shown.boxes, shown.objectness, colours, caption, inspection.proposal)

    # -- what follows ------------------------------------------------------------------------

    def _follow(self) -> None:
        inspection = self._session.inspection
        traced = inspection.traced
        if traced is not self.state.traced:
            self._latest.begin()
            self._asked = None
            self._replace(traced=traced, found=None, is_known=False, problem="")
            self._session.set_inspection(proposal=None)
        wanted = self._watched or inspection.overlay is Overlay.PROPOSALS
        if traced is None or not wanted or self._asked is traced:
            return
        self._asked = traced
        if not has_proposals(traced):
            self._replace(is_known=True)
            return

        def work(traced_model: TracedModel, _traced: TracedNetwork, job: Job) -> Proposals | None:
            return traced_model.proposals(job.check)

        def done(found: Proposals | None) -> None:
            self._replace(found=found, is_known=True)

        self._latest.begin()
        only = self._latest.only
        job = self._inspecting.submit(
            "Asking for proposals", work, only(done), key=_KEY,
            failed=only(lambda error: self._replace(problem=told(error), is_known=True)),
        )  # fmt: skip
        if job is None:
            self._asked = None


def has_proposals(traced: TracedNetwork) -> bool:
    """Whether a network proposes regions."""
    return bool(traced.trace.of_role(Role.PROPOSALS))
