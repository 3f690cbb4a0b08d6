from __future__ import annotations

from segstudio.clock import ManualClock


def test_posted_calls_keep_their_order():
    clock, got = ManualClock(), []
    clock.post(lambda: (got.append(1), clock.post(lambda: got.append(3))))
    clock.post(lambda: got.append(2))
    assert got == []
    assert clock.run_posted() == 3
    assert got == [1, 2, 3]


def test_timers_fall_due_in_order_and_can_be_cancelled():
    clock, got = ManualClock(), []
    clock.call_later(2, lambda: got.append("b"))
    clock.call_later(1, lambda: got.append("a"))
    cancel = clock.call_later(1.5, lambda: got.append("never"))
    cancel()
    clock.advance(0.9)
    assert got == []
    clock.advance(0.2)
    assert got == ["a"]
    clock.advance(5)
    assert got == ["a", "b"]
    assert clock.now == 6.1


def test_a_timer_may_ask_for_another():
    clock, got = ManualClock(), []

    def again() -> None:
        got.append(clock.now)
        clock.call_later(1, again)

    clock.call_later(1, again)
    clock.advance(3)
    assert got == [1, 2, 3]
