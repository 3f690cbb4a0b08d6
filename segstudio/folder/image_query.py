"""What is typed to find images: words, expressions, and terms such as `state:done iou:<0.5`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, TypeVar

from segstudio.core.errors import SegstudioError
from segstudio.core.progress import Check, no_check
from segstudio.core.schema import LabelSchema
from segstudio.core.text import enumerated
from segstudio.session.session import ImageState, WorkState
from segstudio.storage.image_ref import image_of


@dataclass(frozen=True)
class ImageContents:
    """What an image's labels hold.

    Attributes:
        classes: Ids of the classes that have a pixel.
        objects: How many objects there are.
    """

    classes: frozenset[int] = frozenset()
    objects: int = 0


@dataclass(frozen=True)
class ImageFacts:
    """What is known of the images of a folder, by position.

    Attributes:
        names: Their names.
        lower: The same in small letters.
        states: Their marks; images without an entry have none.
        score_of: The score of the shown model on an image; NaN where there is none.
        contents: What the labels of an image hold, where that was looked at.
    """

    names: Sequence[str]
    lower: Sequence[str]
    states: Mapping[int, ImageState]
    score_of: Callable[[int], float]
    contents: Mapping[int, ImageContents]

    def contents_of(self, image: int) -> ImageContents | None:
        """What its labels hold, nothing where it has none; None if that is not known yet."""
        known = self.contents.get(image)
        if known is None and not self.state(image).has_labels:
            return _NOTHING
        return known

    def state(self, image: int) -> ImageState:
        """The marks of an image."""
        return self.states.get(image, _UNMARKED)


_T = TypeVar("_T")
_NOTHING: Final = ImageContents()
_UNMARKED: Final = ImageState()
_Holds = Callable[[int], bool]
_Test = Callable[[ImageFacts], _Holds]


@dataclass(frozen=True)
class QueryKey:
    """A key that a term begins with.

    Attributes:
        name: The key.
        meaning: What a term with it finds, for tips.
        example: A term.
    """

    name: str
    meaning: str
    example: str


KEYS: Final = (
    QueryKey("state", "unlabelled, in-work, done or flagged", "state:done,flagged"),
    QueryKey("class", "labels of this class, by name or id", "class:car"),
    QueryKey(
        "objects", "so many objects, or regions where no objects are told apart", "objects:>20"
    ),
    QueryKey("classes", "so many classes", "classes:>=3"),
    QueryKey("iou", "a score of the shown model, as in the list", "iou:<0.5"),
    QueryKey("name", "a part of the name", "name:plate"),
    QueryKey("note", "a part of the note", "note:blurred"),
    QueryKey("has", "truth, edits, prediction or note", "has:note"),
)
"""The keys, in the order in which they are offered."""
_NAMES: Final = tuple(key.name for key in KEYS)
_ALSO: Final = {"label": "class", "score": "iou", "status": "state"}
_HAS: Final[dict[str, Callable[[ImageState], bool]]] = {
    "truth": lambda state: state.has_truth,
    "edits": lambda state: state.edited or state.annotated,
    "prediction": lambda state: bool(state.runs),
    "note": lambda state: bool(state.note),
}
_STATES: Final = {state.value.replace(" ", "-"): state for state in WorkState}
_STATES_ALSO: Final = {
    "unlabeled": WorkState.UNLABELLED,
    "work": WorkState.IN_WORK,
    "reviewed": WorkState.DONE,
    "flag": WorkState.FLAGGED,
}


@dataclass(frozen=True)
class _Term:
    """One condition; `needs` is what has to be known of an image: "", "contents" or "scores"."""

    test: _Test
    needs: str = ""
    negated: bool = False


@dataclass(frozen=True)
class Found:
    """What a query found.

    Attributes:
        images: Positions of the images that it holds for.
        asked: How many images it is about: for which all holds that needs nobody to look at masks.
        uncounted: Those of them whose labels were not looked at yet.
        unscored: How many of them have no score.
    """

    images: list[int]
    asked: int = 0
    uncounted: frozenset[int] = frozenset()
    unscored: int = 0

    @property
    def is_open(self) -> bool:
        """Whether there may be more: not all is known of some images."""
        return bool(self.uncounted or self.unscored)


@dataclass(frozen=True)
class Query:
    """Terms that must all hold.

    Attributes:
        text: What was typed.
        has_expression: Whether one of them is a regular expression.
    """

    text: str = ""
    terms: tuple[_Term, ...] = field(default=(), compare=False)
    has_expression: bool = False

    @property
    def needs_contents(self) -> bool:
        """Whether it asks for what labels hold."""
        return any(term.needs == "contents" for term in self.terms)

    @property
    def needs_scores(self) -> bool:
        """Whether it asks for scores."""
        return any(term.needs == "scores" for term in self.terms)

    def find(self, facts: ImageFacts, images: Iterable[int], check: Check = no_check) -> Found:
        """The images for which all terms hold, in their order.

        What is not known of an image holds for it neither with a minus nor without.

        Args:
            facts: What is known.
            images: Among which.
            check: Called again and again; raises to give up.
        """
        rest = list(images)
        for term in (t for t in self.terms if not t.needs):
            rest = _kept(rest, term, facts, check)
        about, uncounted, unscored = len(rest), frozenset[int](), 0
        if self.needs_contents:
            known = [i for i in rest if facts.contents_of(i) is not None]
            if len(known) < len(rest):
                uncounted = frozenset(rest).difference(known)
            rest = known
        if self.needs_scores:
            check()
            scored = [i for i in rest if not math.isnan(facts.score_of(i))]
            unscored, rest = len(rest) - len(scored), scored
        for term in (t for t in self.terms if t.needs):
            rest = _kept(rest, term, facts, check)
        return Found(rest, about, uncounted, unscored)


def _kept(images: list[int], term: _Term, facts: ImageFacts, check: Check) -> list[int]:
    check()
    holds = term.test(facts)
    if term.negated:
        return [i for i in images if not holds(i)]
    return [i for i in images if holds(i)]


def parse_query(text: str, schema: LabelSchema) -> Query:
    """Understand what was typed.

    Args:
        text: Words and terms with blanks between them.
        schema: The classes that may be asked for.

    Raises:
        SegstudioError: if a term means nothing; the message says which, and what it should be.
    """
    parts = _parts(text)
    terms = tuple(_term(part, schema) for part in parts)
    return Query(text, terms, any(part.is_expression for part in parts))


# -- cutting into parts -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """A term as typed: `-key:value`, each may be missing but the value."""

    whole: str
    key: str
    value: str
    negated: bool = False
    is_expression: bool = False


_KEY = re.compile(r"([^\W\d_]+)::?")


def _parts(text: str) -> list[_Part]:
    parts, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        begin, key = at, ""
        minus = text[at] == "-"
        found = _KEY.match(text, at + minus)
        if found is not None:
            key, at = found[1].casefold(), found.end()
        elif minus and text[at + 1 : at + 2] in ('"', "/"):
            at += 1
        else:
            minus = False
        if text[at : at + 1] == "/" and key in ("", "name", "note"):
            end = _end_of_expression(text, at)
            value, is_expression = text[at + 1 : end - 1].replace(r"\/", "/"), True
        else:
            (value, end), is_expression = _value(text, at), False
        parts.append(_Part(text[begin:end], key, value, minus, is_expression))
        at = end
    return parts


def _end_of_expression(text: str, at: int) -> int:
    """Behind the slash that ends an expression: the first that a blank or nothing follows."""
    for found in re.finditer(r"(?<!\\)/(?=\s|$)", text[at + 1 :]):
        return at + 1 + found.end()
    raise SegstudioError(
        f"The expression {text[at:]} has no end.",
        "Close it with a slash, as in /^img_\\d+/, or put a name with slashes in quotes.",
    )


def _value(text: str, at: int) -> tuple[str, int]:
    """What stands up to the next blank that is not between quotes, without these; and its end."""
    value, quoted, begin = [], False, at
    while at < len(text) and (quoted or not text[at].isspace()):
        if text[at] == '"':
            quoted = not quoted
        else:
            value.append(text[at])
        at += 1
    if quoted:
        raise SegstudioError(
            f"The quotation mark in {text[begin:]} is not closed.", "Type another one behind it."
        )
    return "".join(value), at


# -- understanding a part -----------------------------------------------------------------------


def _term(part: _Part, schema: LabelSchema) -> _Term:
    key = _ALSO.get(part.key, part.key)
    if key and key not in _NAMES:
        near = get_close_matches(key, _NAMES, 1)
        hint = f"Did you mean {near[0]}:?" if near else f"Use {enumerated(_NAMES)}."
        raise SegstudioError(
            f"There is no key “{part.key}”.", f"{hint} In quotes it is looked for in names."
        )
    if key and not part.value and not part.is_expression:
        (row,) = (row for row in KEYS if row.name == key)
        raise SegstudioError(f"“{key}:” wants {row.meaning}.", f"For example {row.example}.")
    if key in ("", "name", "note"):
        made = _text_term(key, part)
    elif key == "class":
        made = _class_term(part.value, schema)
    elif key == "state":
        states = {_one_of(_STATES, value, "state", _STATES_ALSO) for value in _listed(part.value)}
        made = _Term(lambda facts: lambda i: facts.state(i).work in states)
    elif key == "has":
        tests = [_one_of(_HAS, value, "has") for value in _listed(part.value)]
        made = _Term(lambda facts: lambda i: any(test(facts.state(i)) for test in tests))
    else:
        made = _number_term(key, part.value)
    return _Term(made.test, made.needs, part.negated)


def _listed(value: str) -> list[str]:
    return [each for each in value.split(",") if each] or [value]


def _one_of(
    known: Mapping[str, _T], value: str, key: str, also: Mapping[str, _T] | None = None
) -> _T:
    """The meaning of a value, of which the beginning is enough."""
    wanted = re.sub(r"[ _]", "-", value.casefold())
    if also is not None and wanted in also:
        return also[wanted]
    begun = [name for name in known if name.startswith(wanted)]
    if wanted not in known and len(begun) != 1:
        raise SegstudioError(f"“{key}:{value}” means nothing.", f"Use {enumerated(tuple(known))}.")
    return known[wanted if wanted in known else begun[0]]


def _text_term(key: str, part: _Part) -> _Term:
    has = _searching(part)

    def test(facts: ImageFacts) -> _Holds:
        noted = set()
        if key != "name":
            notes = ((i, state.note) for i, state in facts.states.items() if state.note)
            # of a stack that on any of its pages
            noted = {image_of(i) for i, note in notes if has(note.lower(), note)}
        if key == "note":
            return noted.__contains__
        names, lower = facts.names, facts.lower
        if not noted:
            return lambda i: has(lower[i], names[i])
        return lambda i: i in noted or has(lower[i], names[i])

    return _Term(test)


def _searching(part: _Part) -> Callable[[str, str], bool]:
    """Tells whether a text, given in small letters and as it is, holds what was typed."""
    if not part.is_expression:
        wanted = part.value.lower()
        return lambda lower, _whole: wanted in lower
    if _repeats_a_repeat(part.value):
        raise SegstudioError(
            f"The expression {part.whole} repeats what is repeated, which can take for ever.",
            "Use one + or * where one stands within another.",
        )
    try:
        search = re.compile(part.value, re.IGNORECASE).search
    except (re.error, OverflowError, RecursionError) as error:
        raise SegstudioError(
            f"The expression {part.whole} cannot be read: {error}.",
            "Put it in quotes to look for it as it is.",
        ) from error
    return lambda _lower, whole: search(whole) is not None


def _repeats_a_repeat(expression: str) -> bool:
    """Whether a group with a repeat in it is repeated: such searches can double with each letter."""
    plain = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", expression)
    inside = [False]
    for match in re.finditer(r"\((?:\?[:=!<>P\w]*)?|\)|[*+]|\{\d*,\d*\}", plain):
        mark = match[0]
        if mark.startswith("("):
            inside.append(False)
        elif mark == ")":
            held = inside.pop() if len(inside) > 1 else False
            if held and re.match(r"[*+]|\{\d*,", plain[match.end() :]):
                return True
            inside[-1] |= held
        else:
            inside[-1] = True
    return False


def _class_term(value: str, schema: LabelSchema) -> _Term:
    wanted = frozenset[int]().union(*(_classes(each, schema) for each in _listed(value)))
    return _Term(
        lambda facts: lambda i: not wanted.isdisjoint(_known(facts, i).classes), "contents"
    )


def _classes(value: str, schema: LabelSchema) -> set[int]:
    """Ids of the class that is called so, or else of all that have this in their name."""
    wanted = value.casefold()
    names = {c.id: c.name.casefold() for c in schema.classes}
    same = {i for i, name in names.items() if name == wanted}
    if not same and wanted.isdecimal():
        same = {int(wanted)} & names.keys()
    found = same or {i for i, name in names.items() if wanted in name}
    if found:
        return found
    called = [c.name for c in schema.classes]
    shown = enumerated(called) if len(called) <= _MOST_NAMED else f"one of {len(called)}"
    raise SegstudioError(f"There is no class “{value}” here.", f"Use {shown}.")


_MOST_NAMED = 8


def _known(facts: ImageFacts, image: int) -> ImageContents:
    return facts.contents_of(image) or _NOTHING


_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)(%?)"
_COMPARED = re.compile(rf"(<=|>=|<|>|=)?\s*{_NUMBER}")
_BETWEEN = re.compile(rf"\[?{_NUMBER}(?:\.\.|,){_NUMBER}\]?")
_SIGNS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


def _number_term(key: str, value: str) -> _Term:
    holds = _compared(key, value)
    if key == "iou":
        return _Term(lambda facts: lambda i: holds(facts.score_of(i)), "scores")
    if key == "objects":
        return _Term(lambda facts: lambda i: holds(_known(facts, i).objects), "contents")
    return _Term(lambda facts: lambda i: holds(len(_known(facts, i).classes)), "contents")


def _compared(key: str, value: str) -> Callable[[float], bool]:
    between, compared = _BETWEEN.fullmatch(value), _COMPARED.fullmatch(value)
    if between is not None:
        low, high = (_number(key, *between.group(n, n + 1)) for n in (1, 3))
        return lambda number: low <= number <= high
    if compared is not None:
        sign, limit = compared[1] or "=", _number(key, *compared.group(2, 3))
        if key == "iou" and sign == "=":  # as it is shown, with three digits
            return lambda number: round(number, 3) == round(limit, 3)
        return lambda number: _SIGNS[sign](number, limit)
    example = "0.5" if key == "iou" else "20"
    raise SegstudioError(
        f"“{key}:{value}” has no number to compare with.",
        f"Use {key}:<{example}, {key}:>={example}, {key}:{example} or {key}:0..{example}.",
    )


def _number(key: str, digits: str, percent: str) -> float:
    number = float(digits) / 100 if percent else float(digits)
    if key == "iou" and number > 1:
        raise SegstudioError(f"An IoU lies between 0 and 1, not at {digits}.", "Use 0.5 or 50%.")
    return number


# -- completing ---------------------------------------------------------------------------------


def completions(text: str, schema: LabelSchema) -> tuple[int, list[str]]:
    """What the last term of a text may become.

    Args:
        text: What is typed before the cursor.
        schema: The classes.

    Returns:
        Where the term begins (behind its minus), and whole terms in place of it.
    """
    begin = max(text.rfind(" "), -1) + 1
    while text.count('"', 0, begin) % 2 and begin:
        begin = text.rfind(" ", 0, begin - 1) + 1  # a blank between quotes ends nothing
    begin += text[begin : begin + 1] == "-"
    typed = text[begin:]
    key, colon, value = typed.partition(":")
    if not colon:
        keys = [f"{name}:" for name in _NAMES if name.startswith(key.casefold())]
        return begin, keys if len(key) > 1 else []
    before, comma, last = value.lstrip(":").rpartition(",")
    words = {
        "state": list(_STATES),
        "has": list(_HAS),
        "class": [f'"{c.name}"' if " " in c.name else c.name for c in schema.classes],
    }.get(_ALSO.get(key.casefold(), key.casefold()), [])
    wanted = last.strip('"').casefold()
    fitting = [word for word in words if word.strip('"').casefold().startswith(wanted)]
    if fitting == [last]:
        return begin, []
    return begin, [f"{key}:{before}{comma}{word}" for word in fitting]
