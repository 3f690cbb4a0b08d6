"""What went wrong in an evaluation, collected and told at its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from segstudio.core.errors import SegstudioError
from segstudio.core.text import listed
from segstudio.notices import Notices


@dataclass(eq=False)
class Trouble:
    """What went wrong: nothing of it ends an evaluation.

    Attributes:
        failures: Images that failed, and why.
        unmeasured: Images whose reference cannot be used, and why.
        unsaved: Why predictions could not be stored, one entry an image and model.
        broken: Models that could not be loaded, and why.
    """

    failures: list[tuple[str, SegstudioError]] = field(default_factory=list)
    unmeasured: list[tuple[str, SegstudioError]] = field(default_factory=list)
    unsaved: list[SegstudioError] = field(default_factory=list)
    broken: dict[str, SegstudioError] = field(default_factory=dict)


def tell_trouble(
    notices: Notices, trouble: Trouble, total: int, title: Callable[[str], str]
) -> None:
    """Tell the user, each kind once.

    Args:
        notices: Where to.
        trouble: What went wrong.
        total: How many images there were to do.
        title: A model's name for people, by its id.
    """
    for run, error in trouble.broken.items():
        notices.failure(f"Loading {title(run)}", error)
    if trouble.failures:
        notices.error(
            f"{len(trouble.failures)} of {total} images failed: {_some(trouble.failures)}.",
            "The others are done.",
            _lines(trouble.failures),
        )
    if trouble.unmeasured:
        number = len(trouble.unmeasured)
        notices.warning(
            f"The masks of {number} images cannot be used: {_some(trouble.unmeasured)}."
            if number > 1
            else f"The mask of {_some(trouble.unmeasured)} cannot be used.",
            "Images without a mask are not scored.",
            _lines(trouble.unmeasured),
        )
    if trouble.unsaved:
        notices.warning(
            f"{len(trouble.unsaved)} predictions could not be kept on disk.",
            str(trouble.unsaved[0]),
        )


def _some(troubles: Sequence[tuple[str, object]]) -> str:
    return listed([name for name, _ in troubles])


def _lines(troubles: Sequence[tuple[str, object]]) -> str:
    return "\n".join(f"{name}: {why}" for name, why in troubles)
