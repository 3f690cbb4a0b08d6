"""The pages of the documentation as help: which there are, what they define, where words stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from segstudio.resources import docs_path

TOUR, GLOSSARY, METRICS = "tour", "glossary", "metrics"
FOR_USERS: Final = (
    TOUR, "images", "finding-masks", "reading-masks", "correcting", "saving", "working-through", "comparing",
    "disagreement", "evaluating", METRICS, "inspecting", "training", "losses",
    "own-weights", "faster-models", "adding-a-model", GLOSSARY,
)  # fmt: skip
"""The pages on using the program, in reading order; all others are for who changes it."""
_MOST_HITS = 60
_EXCERPT = 90
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"\*\*|`|(?<!\w)\*|\*(?!\w)")
_MEANING, _ALSO = {"meaning", "definition"}, "also"


@dataclass(frozen=True)
class HelpPlace:
    """A heading, or a row of a table that says what a word means.

    Attributes:
        page: Name of the page, its file without ".md".
        title: As people read it.
        anchor: Where on the page it is; "" is its top.
        page_title: Title of the page.
        names: Other words for the same, short forms above all.
        text: What stands there, without markup.
        is_term: Whether it is a word that is explained, and no heading.
    """

    page: str
    title: str
    anchor: str
    page_title: str
    names: tuple[str, ...]
    text: str
    is_term: bool

    @property
    def whole_title(self) -> str:
        """With the page before it: "Metrics: Objects"."""
        return self.title if self.title == self.page_title else f"{self.page_title}: {self.title}"

    def is_called(self, words: Sequence[str]) -> bool:
        """Whether each of some words in small letters begins a word of its title or names."""
        return all(_begins_a_word(word, self.called) for word in words)

    def is_just(self, text: str) -> bool:
        """Whether a text in small letters is its title, or another name of it."""
        return text in (self.title.lower(), *(name.lower() for name in self.names))

    @property
    def called(self) -> str:
        """Its title and names in small letters; a heading's with the title of its page."""
        title = self.title if self.is_term else self.whole_title
        return " ".join((title, *self.names)).lower()


@dataclass(frozen=True)
class HelpPage:
    """One page.

    Attributes:
        name: Its file without ".md".
        title: Its first heading.
        text: Its Markdown.
    """

    name: str
    title: str
    text: str

    @property
    def parts(self) -> list[str]:
        """Its Markdown, cut before each heading of the second level."""
        return [part for part in re.split(r"^(?=## )", self.text, flags=re.M) if part.strip()]

    @property
    def places(self) -> list[HelpPlace]:
        """Its headings and the words that it explains, from the top."""
        return list(_places(self.name, self.title, self.text))


@dataclass(frozen=True)
class HelpHit:
    """A place that a search found, and the words around what was looked for."""

    place: HelpPlace
    excerpt: str


def short_title(title: str) -> str:
    """What stands before the first colon or comma of a page's title, for lists."""
    return re.split("[:,]", title)[0]


def anchor_of(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def term_anchor(word: str) -> str:
    """The anchor of a row that explains a word."""
    return f"term:{anchor_of(word)}"


def page_names() -> tuple[str, ...]:
    """All pages that are there: for users in reading order, then the others by name."""
    there = {path.stem for path in docs_path().glob("*.md")}
    users = [name for name in FOR_USERS if name in there]
    return (*users, *sorted(there.difference(users)))


@cache
def page_named(name: str) -> HelpPage:
    """A page, read once.

    Raises:
        KeyError: if there is no such page.
    """
    path = docs_path(f"{name}.md")
    if "/" in name or not path.is_file():
        raise KeyError(name)
    text = path.read_text(encoding="utf-8")
    title = next((line[2:].strip() for line in text.splitlines() if line.startswith("# ")), name)
    return HelpPage(name, title, text)


@cache
def places() -> tuple[HelpPlace, ...]:
    """Every heading and every explained word; a word has the other names that the glossary knows.

    The first call takes longer than a frame: it belongs into a job.
    """
    found = [place for name in page_names() for place in page_named(name).places]
    known = {p.title.lower(): p.names for p in found if p.page == GLOSSARY and p.is_term}
    return tuple(
        HelpPlace(
            p.page, p.title, p.anchor, p.page_title, p.names or known.get(p.title.lower(), ()),
            p.text, p.is_term,
        )
        for p in found
    )  # fmt: skip


def are_read() -> bool:
    """Whether `places` answers at once."""
    return places.cache_info().currsize > 0


def search(query: str) -> list[HelpHit]:
    """Places that have all words of a query: in their title first, then in their text."""
    words = query.lower().split()
    if not words:
        return []
    called = [place for place in places() if place.is_called(words)]
    exact = " ".join(words)
    called.sort(key=lambda place: (not place.is_just(exact), place.page not in FOR_USERS))
    told = [
        place
        for place in places()
        if place not in called and all(_begins_a_word(w, place.text.lower()) for w in words)
    ]
    told.sort(key=lambda place: place.page not in FOR_USERS)
    return [HelpHit(place, _excerpt(place.text, words)) for place in (*called, *told)][:_MOST_HITS]


def target_of(link: str, page: str) -> tuple[str, str] | None:
    """Page and anchor that a link on a page leads to; None if it leads out of the help."""
    path, _, anchor = link.partition("#")
    if ":" in path or (path and not path.endswith(".md")):
        return None
    name = Path(path).stem if path else page
    return (name, anchor) if docs_path(f"{name}.md").is_file() else None


def _places(page: str, title: str, text: str) -> Iterator[HelpPlace]:
    """Headings with what stands below them, and the rows of tables that explain words."""
    heading, anchor, told = title, "", list[str]()
    terms: list[HelpPlace] = []
    columns: list[str] = []
    for line in _without_code(text):
        if line.startswith("#"):
            yield from _closed(page, title, heading, anchor, told, terms)
            marks, _, rest = line.partition(" ")
            heading, told, terms = bare(rest), [], []
            anchor = "" if len(marks) == 1 else anchor_of(heading)
            continue
        cells = _cells(line)
        if not cells:
            columns = []
        elif not columns:
            columns = [cell.lower() for cell in cells]
        elif set(line) <= set("|-: "):
            continue
        elif _MEANING & set(columns):
            terms.append(_term(page, title, columns, cells))
        told.append(" ".join(cells) if cells else line)
    yield from _closed(page, title, heading, anchor, told, terms)


def _closed(
    page: str, title: str, heading: str, anchor: str, told: list[str], terms: list[HelpPlace]
) -> Iterator[HelpPlace]:
    text = bare(" ".join(" ".join(told).split()))
    if heading != title or text:
        yield HelpPlace(page, heading, anchor, title, (), text, is_term=False)
    yield from terms


def _term(page: str, title: str, columns: list[str], cells: list[str]) -> HelpPlace:
    row = dict(zip(columns, map(bare, cells), strict=False))
    meaning = next(row.get(column, "") for column in columns if column in _MEANING)
    word = row[columns[0]]
    also = tuple(name.strip() for name in row.get(_ALSO, "").split(",") if name.strip())
    return HelpPlace(
        page, _capital(word), term_anchor(word), title, also, f"{word}: {meaning}", is_term=True
    )


def _cells(line: str) -> list[str]:
    if not line.startswith("|"):
        return []
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _without_code(text: str) -> Iterator[str]:
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def bare(markdown: str) -> str:
    """A line without its markup."""
    line = _LINK.sub(r"\1", markdown) if "](" in markdown else markdown
    return (_MARKS.sub("", line) if "`" in line or "*" in line else line).strip()


def _capital(word: str) -> str:
    """A word as a title: "mean IoU" as "Mean IoU"; "clDice" stays."""
    first = word.split(" ")[0]
    return word if any(c.isupper() for c in first) else word[:1].upper() + word[1:]


def _begins_a_word(word: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}", text) is not None


def _excerpt(text: str, words: Sequence[str]) -> str:
    found = (re.search(rf"(?<!\w){re.escape(word)}", text.lower()) for word in words)
    at = min((match.start() for match in found if match), default=0)
    begin = 0 if at < _EXCERPT // 2 else text.rfind(" ", 0, at - _EXCERPT // 4) + 1
    cut = text[begin : begin + _EXCERPT]
    return ("… " if begin else "") + cut + ("…" if begin + _EXCERPT < len(text) else "")
