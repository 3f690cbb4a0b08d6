from __future__ import annotations

from segstudio.app.notices import Notices
from segstudio.core.errors import SegstudioError


def test_notices_are_kept_until_something_shows_them():
    notices = Notices()
    notices.info("one")
    seen = []
    notices.posted.connect(lambda notice: seen.append(notice.message))
    notices.warning("two", "do this")
    assert [n.message for n in notices.recent] == ["one", "two"]
    assert seen == ["two"]
    for i in range(300):
        notices.info(str(i))
    assert len(notices.recent) == 100


def test_failures_show_what_the_user_can_mend_and_details_of_the_rest():
    notices = Notices()
    notices.failure("Saving", SegstudioError("The disk is full.", "Free some space."))
    try:
        raise ZeroDivisionError("division")
    except ZeroDivisionError as error:
        notices.failure("Scoring", error)
    known, unknown = notices.recent
    assert (known.message, known.hint, known.details) == (
        "The disk is full.",
        "Free some space.",
        "",
    )
    assert unknown.message == "Scoring: ZeroDivisionError: division"
    assert "Traceback" in unknown.details
