"""A service goes on by itself after what it announced, and is not told of it."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from evaluating_steps import evaluate, later, paint_the_missing_columns
from fakes import make_folder

import segstudio
from segstudio.session import session as session_module
from segstudio.session.queue_state import QueueKind
from segstudio.session.session import Change, Session, What


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
        (announced, heard): modules with what they announced, or had others announce; modules with
        what they were told, each with every module that led to it.
    """
    by: dict[int, set[str]] = {}
    kept: list[Change] = []
    announced: set[tuple[str, What]] = set()
    heard: set[tuple[str, str, What]] = set()
    real, told_code = Session.follow, None

    def made(what, **details):
        change, modules, frame = Change(what, **details), set(), sys._getframe(1)
        while frame is not None and frame.f_code is not told_code:
            modules.add(frame.f_globals["__name__"])
            frame = frame.f_back
        kept.append(change)
        by[id(change)] = modules
        announced.update((module, what) for module in modules)
        return change

    def follow(session, kinds, listener):
        def told(owner, change):
            module = type(owner).__module__
            heard.update((module, other, change.what) for other in by[id(change)])
            listener(change)

        nonlocal told_code
        told_code = told.__code__
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
    desk.schema_keeper.rename_class(1, "cell")
    later(desk)
    uses = []
    desk.class_removal.count(1, uses.append)
    desk.settle()
    desk.class_removal.remove(uses[0])
    later(desk, 3)
    desk.place.save_to_annotations()
    desk.browsing.rescan()
    later(desk, 3)
    own = {(module.rpartition(".")[2], what) for module, other, what in heard if module == other}
    # the queue opens an image and waits until it is there
    assert {
        pair for pair in own if pair[0] != "work_queue" or What.DOCUMENT not in pair[1]
    } == set()
    # these hear of such changes when others announce them
    both = {
        module.rpartition(".")[2]
        for module, what in announced
        for follower, _, told in heard
        if module == follower and what & told
    }
    assert both >= {"autosave", "class_mappings", "class_removal", "named_runs", "work_queue"}


def test_no_service_hears_in_another_way():
    package = Path(segstudio.__file__).parent
    beside = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "changed.connect(" in path.read_text(encoding="utf-8")
        and not {"ui", "kit", "canvas", "window"}.intersection(path.relative_to(package).parts)
    ]
    assert beside == ["session/session.py"]
