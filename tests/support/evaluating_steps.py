"""What tests of an evaluation share."""

from __future__ import annotations

# Both squares are 10 x 10 of 600 pixels, two columns apart: 80 pixels in both, 20 only in each.
NUCLEUS, GROUND = 80 / 120, 480 / 520
MEAN = (NUCLEUS + GROUND) / 2


def evaluate(desk, *runs, **options):
    desk.evaluating.start(runs or ("bright",), **options)
    desk.settle()
    return desk.evaluating.table


def later(desk, seconds=0.6):
    """Let a pause pass, and what follows it."""
    desk.clock.advance(seconds)
    desk.settle()


def paint_the_missing_columns(desk):
    """The two columns that the model finds and the reference lacks."""
    desk.session.set_view(active_class=1, brush_size=2)
    desk.editing.begin_stroke(6, 6)
    desk.editing.extend_stroke(6, 14)
    desk.editing.end_stroke()
