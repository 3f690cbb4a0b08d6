"""A service goes on by itself after what it announced, and is not told of it."""

from __future__ import annotations

import sys
import types

import pytest
from evaluating_steps import evaluate, later, paint_the_missing_columns
from fakes import make_folder

from segstudio.session import session as session_module
from segstudio.session.session import Change, Session, What
from segstudio.session.work_queue import QueueKind


class Service:
    """Hears of scores and marks, and announces scores once when it hears of marks."""

    def __init__(self, session):
        self.session, self.heard = session, []
        session.follow(What.SCORES | What.STATES, self.on_change)

    def on_change(self, change):
        self.heard.append(change.what)
        if What.STATES in change.what:
            self.session.notify(What.SCORES, by=self)


def test_others_hear_of_it_and_the_service_hears_of_others():
    session = Session()
    first, second = Service(session), Service(session)
    session.notify(What.SCORES, by=first)
    session.notify(What.SCORES)
    session.notify(What.VIEW)
    assert first.heard == [What.SCORES]
    assert second.heard == [What.SCORES, What.SCORES]


def test_what_is_announced_while_others_are_told_comes_back_neither():
    session = Session()
    first, second = Service(session), Service(session)
    session.set_state(0, reviewed=True)
    assert first.heard == second.heard == [What.STATES, What.SCORES]  # each the other's


@pytest.fixture
def watched(monkeypatch):
    """What services announce and hear.

    Returns:
        (announced, heard): modules with what they announced; modules with what they were told,
        each with the module that announced it.
    """
    by: dict[int, str] = {}
    kept: list[Change] = []
    announced: set[tuple[str, What]] = set()
    heard: set[tuple[str, str, What]] = set()
    real = Session.follow

    def made(what, **details):
        frame = sys._getframe(1)
        while frame.f_globals["__name__"] == Session.__module__:
            frame = frame.f_back
        change = Change(what, **details)
        kept.append(change)
        by[id(change)] = frame.f_globals["__name__"]
        announced.add((by[id(change)], what))
        return change

    def follow(session, kinds, listener):
        def told(owner, change):
            heard.add((type(owner).__module__, by[id(change)], change.what))
            listener(change)

        real(session, kinds, types.MethodType(told, listener.__self__))

    monkeypatch.setattr(session_module, "Change", made)
    monkeypatch.setattr(Session, "follow", follow)
    return announced, heard


def test_no_service_is_told_of_what_it_announced_itself(watched, new_desk, tmp_path):
    announced, heard = watched
    desk = new_desk()
    root = make_folder(tmp_path / "nuclei", 4)
    desk.open(root)
    desk.segmenting.run_models(["bright", "blobs"])
    desk.settle()
    desk.segmenting.set_options(score_threshold=0.95)
    later(desk)
    evaluate(desk, "bright", "blobs")
    paint_the_missing_columns(desk)
    later(desk, 3)
    desk.editing.undo()
    later(desk, 3)
    for kind in QueueKind:
        desk.work_queue.choose(kind)
    desk.work_queue.step(1)
    desk.settle()
    desk.work_queue.done()
    desk.disagreement.include("blobs", False)
    strict = desk.named_runs.add_variant("Strict", "blobs", score_threshold=0.9)
    later(desk)
    desk.named_runs.remove(strict)
    desk.class_mappings.set("bright", {0: 0})
    later(desk)
    desk.class_mappings.reset("bright")
    later(desk)
    desk.class_list.rename(1, "cell")
    later(desk)
    uses = []
    desk.class_removal.count(1, uses.append)
    desk.settle()
    desk.class_removal.remove(uses[0])
    later(desk, 3)
    desk.place.save_to_annotations()
    desk.browsing.rescan()
    later(desk, 3)
    assert {(module, what) for module, other, what in heard if module == other} == set()
    # these hear of such changes when others announce them
    own = {
        module.rpartition(".")[2]
        for module, what in announced
        for follower, _, told in heard
        if module == follower and what & told
    }
    assert own >= {"autosave", "class_mappings", "class_removal", "named_runs"}
