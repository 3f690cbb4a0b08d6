"""What the views side by side show, as state."""

from __future__ import annotations

import pytest

from segstudio.session.session import Layer, Pane, Session, ViewState, What

TWO = ViewState(
    layer=Layer.BOTH, run="a", panes=(Pane(Layer.ENTROPY, "b"),), against=Pane(Layer.NONE)
)


def test_each_view_is_told_as_if_it_were_the_only_one():
    assert TWO.all_panes == (Pane(Layer.BOTH, "a"), Pane(Layer.ENTROPY, "b"))
    alone = TWO.of_pane(1)
    assert (alone.layer, alone.run, alone.panes) == (Layer.ENTROPY, "b", ())
    assert TWO.of_pane(0).layer is Layer.BOTH
    assert TWO.of_pane(7) == TWO.of_pane(0)
    assert alone.against is None


def test_only_the_wiped_and_the_blinking_view_show_what_is_compared():
    session = Session()
    session.view = TWO
    session.set_view(wiped=1, wipe_at=0.25, blinking=0)
    assert session.view.of_pane(1).against == Pane(Layer.NONE)
    assert session.view.of_pane(1).wipe_at == 0.25
    assert session.view.of_pane(0).against is None
    assert session.view.of_pane(0).layer is Layer.NONE
    assert session.view.of_pane(1).layer is Layer.ENTROPY


def test_one_view_is_changed_and_told_once():
    session = Session()
    session.view = TWO
    told = []
    session.changed.connect(lambda change: told.append(change.what))
    session.set_pane(1, layer=Layer.CONFIDENCE)
    session.set_pane(1, layer=Layer.CONFIDENCE)
    session.set_pane(0, run="c")
    assert session.view.all_panes == (Pane(Layer.BOTH, "c"), Pane(Layer.CONFIDENCE, "b"))
    assert told == [What.VIEW, What.VIEW | What.SCORES]  # another run is scored, too
    with pytest.raises(IndexError):
        session.set_pane(2, run="x")
