from __future__ import annotations

from segstudio.session.session import Session, ViewState, What


def listen(session):
    seen = []
    session.changed.connect(lambda change: seen.append(change))
    return seen


def test_a_view_that_does_not_change_says_nothing():
    session = Session()
    seen = listen(session)
    session.set_view(opacity=ViewState().opacity)
    assert seen == []
    session.set_view(opacity=0.1, brush_size=3)
    assert [c.what for c in seen] == [What.VIEW]
    assert session.view.brush_size == 3


def test_marks_name_their_image():
    session = Session()
    seen = listen(session)
    session.set_state(4, reviewed=True)
    session.set_state(4, reviewed=True)
    assert [(c.what, c.images) for c in seen] == [(What.STATES, (4,))]
    assert session.state(4).reviewed
    assert not session.state(5).reviewed


def test_changes_caused_by_listeners_come_after_all_heard_of_the_first():
    session = Session()
    heard = []

    def first(change):
        heard.append(("first", change.what))
        if change.what is What.LABELS:
            session.notify(What.SCORES)

    session.changed.connect(first)
    session.changed.connect(lambda change: heard.append(("second", change.what)))
    session.notify(What.LABELS)
    assert heard == [
        ("first", What.LABELS),
        ("second", What.LABELS),
        ("first", What.SCORES),
        ("second", What.SCORES),
    ]
