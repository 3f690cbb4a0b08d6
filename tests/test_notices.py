from __future__ import annotations

from pathlib import Path

import pytest

from segstudio.core.errors import SegstudioError
from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notice, Notices


def test_notices_are_kept_until_something_shows_them():
    notices = Notices()
    notices.info("one")
    seen = []
    notices.changed.connect(lambda: seen.append(notices.recent[-1].message))
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


A, B = Path("/set/a.png"), Path("/set/b.png")


@pytest.fixture
def said() -> Notices:
    """Notices while a.png of /set is selected."""
    notices = Notices()
    notices.enter_folder(Path("/set"))
    notices.enter_image(A)
    return notices


def _shown(notices: Notices) -> list[str]:
    return [entry.message for entry in notices.shown]


def test_what_is_wrong_with_an_image_goes_and_comes_with_it(said):
    said.warning("The mask does not fit.", scope="image")
    said.info("This is a remark.", scope="image")
    said.info("12 images were exported.")
    said.enter_image(B)
    assert _shown(said) == ["12 images were exported."]
    said.enter_image(A)
    assert _shown(said) == ["12 images were exported.", "The mask does not fit."]
    said.warning("The mask does not fit.", scope="image")  # read again with the image
    assert _shown(said) == ["The mask does not fit.", "12 images were exported."]


def test_what_a_job_says_of_an_image_that_was_left_waits_for_it(said):
    said.enter_image(B)
    said.failure("Running", SegstudioError("U-Net failed on a.png."), scope="image", image=A)
    assert _shown(said) == []
    said.enter_image(A)
    assert _shown(said) == ["U-Net failed on a.png."]


def test_another_folder_takes_all_away_but_what_the_program_says(said):
    said.error("a.png was not saved.", about="saving", scope="program")
    said.warning("No class fits.")
    said.question("Objects or classes?", "", ("Objects", list), ("Classes", list), scope="image")
    said.enter_folder(Path("/other"))
    assert _shown(said) == ["a.png was not saved."]
    said.post(Notice("info", "The old folder is exported.", folder=Path("/set")))
    assert _shown(said) == ["a.png was not saved."]
    said.settle("saving")
    assert _shown(said) == []


def test_the_failure_of_a_job_goes_when_it_is_done_again_without_one(said):
    jobs = JobRunner(lambda function: function(), said.failure, said.job_done)
    try:
        trouble = [SegstudioError("The disk is full.")]

        def work(_job: Job) -> None:
            if trouble:
                raise trouble.pop()

        jobs.submit("Exporting", "files", work)
        assert jobs.wait_idle(30)
        assert _shown(said) == ["The disk is full."]
        jobs.submit("Reading", "files", work)
        assert jobs.wait_idle(30)
        assert _shown(said) == ["The disk is full."]
        jobs.submit("Exporting", "files", work)
        assert jobs.wait_idle(30)
        assert _shown(said) == []
    finally:
        jobs.shutdown()


def test_the_same_again_is_counted_and_a_question_is_asked_once(said):
    said.error("It broke.", "Mend it.")
    said.error("It broke.", "Mend it.")
    said.question("Sure?", "", ("Yes", list))
    said.question("Sure?", "", ("Yes", list))
    assert _shown(said) == ["Sure?", "It broke. (2 times)"]
    said.close(said.shown[0].notice)
    assert _shown(said) == ["It broke. (2 times)"]
    said.close_shown()
    assert _shown(said) == []
