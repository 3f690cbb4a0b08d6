"""Which image is the next one: along the list as the user has filtered and sorted it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


class StepOrder:
    """The order in which images are stepped through.

    An image that left the list (it was marked as reviewed, or other words were typed into the
    filter) is left for what comes after it in the list that it was in.
    """

    def __init__(self) -> None:
        self._listed: Sequence[int] | None = None
        self._left: Sequence[int] | None = None

    def use(self, images: Sequence[int] | None, cursor: int) -> None:
        """Step through other images from now on.

        Args:
            images: Positions in the project in the order of the list; None for all by position.
            cursor: The image that steps start from.
        """
        if self._listed is not None and cursor in self._listed:
            self._left = self._listed
        if images is None:
            self._left = None
        self._listed = images

    def onward(self, cursor: int, by: int, count: int) -> Iterator[int]:
        """The images that follow one, the nearest first.

        Args:
            cursor: Where to start; need not be listed.
            by: 1 for those after it, -1 for those before.
            count: How many images the project has.
        """
        everything = range(count)
        listed = everything if self._listed is None else self._listed
        if cursor in listed:
            yield from _beyond(listed, cursor, by)
            return
        left = self._left if self._left is not None and cursor in self._left else everything
        known, any_left = frozenset(listed), False
        for image in _beyond(left, cursor, by):
            if image in known:
                any_left = True
                yield image
        if not any_left and listed:
            yield listed[-1 if by > 0 else 0]


def _beyond(images: Sequence[int], image: int, by: int) -> Iterable[int]:
    """What comes after (by 1) or before (by -1) an image; all of them if it is none of these."""
    if image not in images:
        return images if by > 0 else reversed(images)
    place = images.index(image)
    return images[place + 1 :] if by > 0 else reversed(images[:place])
