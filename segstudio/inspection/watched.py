"""What is worked out only while someone looks at it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from segstudio.jobs import Latest
from segstudio.session.session import Change, Session, What

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


class Watched(Generic[S]):
    """A service that asks for what is missing while someone looks, and tells what it knows.

    Attributes:
        state: What is known. Replaced as a whole, never changed.
    """

    def __init__(self, session: Session, state: S, says: What = What.INSPECTION) -> None:
        """Args:
        session: Where it says that `state` was replaced.
        state: What is known at first.
        says: How it says so.
        """
        self._session, self._says = session, says
        self.state = state
        self._watched = False
        self._latest = Latest()

    def watch(self, watched: bool) -> None:
        """Whether someone looks: then it is asked for, here and in what is opened next."""
        self._watched = watched
        self._follow()

    def _follow(self) -> None:
        """Ask for what is not known yet, if someone looks."""
        raise NotImplementedError

    def _on_change(self, _change: Change) -> None:
        self._follow()

    def _replace(self, **values: Any) -> None:
        before = self.state
        if any(getattr(before, name) != value for name, value in values.items()):
            self.state = replace(before, **values)
            self._session.notify(self._says)
