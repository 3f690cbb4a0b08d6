"""Finding commands by a few of their letters."""

from __future__ import annotations

_WORD_START = 10
_IN_A_ROW = 6
_GAP = -1


def fuzzy_score(query: str, text: str) -> int | None:
    """How well `text` has the letters of `query` in order; None if it has not all of them.

    Letters at the start of a word and letters in a row count more, and gaps count against. Spaces
    in the query only separate words, which may be found in any order.
    """
    total = 0
    for word in query.lower().split():
        score = _word_score(word, text.lower())
        if score is None:
            return None
        total += score
    return total


def _word_score(word: str, text: str) -> int | None:
    """The best score over all places where the word's first letter stands."""
    best: int | None = None
    start = text.find(word[0])
    while start >= 0:
        score = _score_from(word, text, start)
        if score is not None and (best is None or score > best):
            best = score
        start = text.find(word[0], start + 1)
    return best


def _score_from(word: str, text: str, start: int) -> int | None:
    score, last = 0, start - 1
    for number, letter in enumerate(word):
        place = text.find(letter, last + 1)
        if place < 0:
            return None
        if place == 0 or not text[place - 1].isalnum():
            score += _WORD_START
        if number and place == last + 1:
            score += _IN_A_ROW
        elif number:
            score += max(_GAP * (place - last - 1), -8)
        last = place
    return score


def fuzzy_sorted(query: str, texts: list[str]) -> list[int]:
    """Positions of the texts that match, the best first; all, in their order, for no query."""
    scored = [(fuzzy_score(query, text), i) for i, text in enumerate(texts)]
    found = [(score, i) for score, i in scored if score is not None]
    return [i for _, i in sorted(found, key=lambda pair: (-pair[0], pair[1]))]
