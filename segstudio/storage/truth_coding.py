"""Decide what the values of masks mean: class ids, black and white, colours, instances."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from segstudio.core.schema import ClassSpec, Color, LabelSchema
from segstudio.storage.found_classes import object_schema, schema_of_ids
from segstudio.storage.mask_evidence import (
    GREY_LEVEL,
    GROUP_WORDS,
    IGNORED_16_BIT,
    Evidence,
    Group,
    is_white,
)
from segstudio.storage.mask_facts import MaskLook, color_of
from segstudio.storage.mask_meaning import Coding, Decision, Doubt, ReadAs
from segstudio.storage.published_classes import (
    CITYSCAPES_VOID,
    LAST_ID,
    LAST_TRAIN_ID,
    Numbering,
    cityscapes_schema,
    published_colors,
    voc_schema,
)
from segstudio.storage.truth_kinds import KINDS, TruthKind, recognised_codes

_SHOWN: Final = 8
_VOID_CODES: Final = frozenset({-1, 255, IGNORED_16_BIT})


def decide(
    evidence: Evidence,
    schema: LabelSchema | None,
    said: ReadAs,
    named: TruthKind | None = None,
) -> Decision:
    """Decide what values mean.

    Args:
        evidence: What the masks hold.
        schema: The classes that were given.
        said: What a person said.
        named: What the folder's name says.
    """
    form = _form_of(evidence, schema, said, named)
    kind = said.kind or form.kind or named or _kind_of(evidence, schema)
    if said.zero == "object" and kind == "index" and _two_valued(evidence):
        kind = "binary"
    ignored = _ignored(evidence, schema, kind, said)
    if form.numbering is not None and (schema is None or schema.ignore_index is not None):
        void = CITYSCAPES_VOID[form.numbering] - (set() if schema is None else {*schema.ids})
        ignored = (*sorted(void), *ignored)
    grey = sum(evidence.sizes[g] for g in ("white", "single", "numbers"))
    coding = Coding(
        kind,
        ignored=ignored,
        opacity=bool(evidence.opacity_files),
        inverted=kind == "binary" and said.zero == "object",
        pairs=_pairs(evidence) if said.kind == "binary" else (),
        white=_takes_white(evidence, kind, ignored),
        coloured=evidence.colour_files >= grey,
        said=said.kind is not None,
        undecided="" if form.doubt is None else form.doubt.message,
    )
    if kind == "binary" and evidence.colour_files:
        shown = sorted(_colors_shown(evidence, coding))
        coding = replace(coding, colors=(((0, 0, 0), 0), *((color, 1) for color in shown[:255])))
    if kind == "colour":
        palettes = evidence.palettes_differ or bool(evidence.colour_files) or coding.said
        coding, found = _with_colors(replace(coding, palettes=palettes), evidence, schema)
    elif form.numbering is not None:
        found = cityscapes_schema(form.numbering)
    elif kind == "index":
        found = schema_of_ids(
            evidence, ignored, zero_is_class=said.zero == "class", by_number=said.kind == "index"
        )
    elif coding.unit:
        found = _schema_of_codes(evidence, coding)
    else:
        found = object_schema(zero_is_class=kind == "binary" and said.zero == "class")
    return Decision(coding, schema or found, _doubts(evidence, coding, schema, said, form, found))


# -- the kind --------------------------------------------------------------------------------------


def _kind_of(evidence: Evidence, schema: LabelSchema | None) -> TruthKind:
    sizes = evidence.sizes
    grey = sizes["white"] + sizes["single"] + sizes["numbers"]
    several_colors = len(evidence.opacity_colors) > 1
    if several_colors or (evidence.colour_files and evidence.colour_files >= grey):
        given = schema is not None and not several_colors
        return "instances" if evidence.ids_in_colours and not given else "colour"
    if schema is not None:
        return _kind_by_classes(evidence, schema)
    if evidence.palettes_differ and not evidence.values - set(evidence.palette):
        return "colour"
    if not sizes["numbers"]:
        return _kind_of_singles(evidence)
    if sizes["white"] > sizes["numbers"] + sizes["single"] and not _has_ignored_255(evidence):
        return "binary"
    return "instances" if evidence.objects == "yes" else "index"


def _kind_of_singles(evidence: Evidence) -> TruthKind:
    """Of masks that hold no more than one number each: nothing tells ids apart but their size."""
    white = evidence.sizes["white"]
    others = {v for v in evidence.singles if v != 1 and not is_white(v)}
    shown = min(others, default=0) >= 128 or evidence.opacity_files
    if len(others) == 1 and not white and shown:
        return "binary"
    if any(v > 255 for v in others):
        return "instances"
    if white or evidence.sizes["shades"]:
        return "index" if sum(evidence.singles[v] for v in others) > white else "binary"
    return "index"


def _kind_by_classes(evidence: Evidence, schema: LabelSchema) -> TruthKind:
    known = {*schema.ids, 0, IGNORED_16_BIT, -1}
    if schema.ignore_index is not None:
        known.add(schema.ignore_index)
    numbers = evidence.numbers
    objects = {i for i in schema.ids if i not in (0, schema.ignore_index)}
    labelled = {v for v in numbers if v > 0}
    only_white = bool(labelled or evidence.looks[MaskLook.SOFT]) and all(map(is_white, labelled))
    if only_white and len(objects) <= 1 and not labelled & objects:
        return "binary"
    if numbers <= known:
        white = evidence.looks[MaskLook.SOFT] > evidence.sizes["numbers"] + evidence.sizes["single"]
        return "binary" if white else "index"
    if not evidence.values and all(v == 1 or is_white(v) for v in labelled):
        return "binary"
    return "instances" if evidence.objects == "yes" else "index"


def _has_ignored_255(evidence: Evidence) -> bool:
    return evidence.beside_255 is not None and evidence.beside_255[1] < GREY_LEVEL


def _ignored(
    evidence: Evidence, schema: LabelSchema | None, kind: TruthKind, said: ReadAs
) -> tuple[int, ...]:
    if kind in ("colour", "binary"):
        return ()
    found = [v for v in (-1, IGNORED_16_BIT) if v in evidence.values]
    if said.ignored == 255 and kind == "index":
        return (*found, 255)
    if schema is not None:
        by_classes = kind == "index" and schema.ignore_index == 255 and schema.get(255) is None
        return (*found, 255) if by_classes or _is_void(evidence, kind) else tuple(found)
    return (*found, 255) if _is_void(evidence, kind) else tuple(found)


def _is_void(evidence: Evidence, kind: TruthKind) -> bool:
    """Whether 255 stands beside other numbers as what counts nowhere.

    Among grey levels (0, 128, 255) it is one of them.
    """
    if kind == "instances" and any(255 < v < IGNORED_16_BIT for v in evidence.values):
        return False
    return _has_ignored_255(evidence)


def _takes_white(evidence: Evidence, kind: TruthKind, ignored: tuple[int, ...]) -> bool:
    """Whether a mask of 0 and 255 alone means something among others of class ids or objects."""
    if kind == "index" or KINDS[kind].unit:
        return 255 in ignored or 255 in evidence.values
    several = evidence.sizes["numbers"] > 0
    return not several or any(255 < v < IGNORED_16_BIT or v == 254 for v in evidence.values)


def _pairs(evidence: Evidence) -> tuple[tuple[int, int], ...]:
    """The numbers of masks of two, where 0 is not the background of all of them."""
    return tuple(sorted(evidence.pairs)) if evidence.without_ground else ()


def _two_valued(evidence: Evidence) -> bool:
    return not evidence.values and len(evidence.singles) <= 1


# -- class and object in one number ----------------------------------------------------------------


@dataclass(frozen=True)
class _Form:
    """What the names and numbers of masks say of data sets that are published in a form of their own.

    Attributes:
        kind: What the values are, or None if nothing is said.
        numbering: Of Cityscapes, if the classes are its own.
        called: A mask whose name alone says so.
        doubt: Why it cannot be told.
    """

    kind: TruthKind | None = None
    numbering: Numbering | None = None
    called: Path | None = None
    doubt: Doubt | None = None


def _form_of(
    evidence: Evidence, schema: LabelSchema | None, said: ReadAs, named: TruthKind | None
) -> _Form:
    grey = sum(evidence.sizes[g] for g in ("white", "single", "numbers"))
    if evidence.colour_files >= grey or (said.kind and not KINDS[said.kind].unit):
        return _Form()
    found = _form_by_names(evidence, named) or _form_by_numbers(evidence, schema, named)
    if said.kind is None:
        return found
    return found if found.kind in (said.kind, "index") else _Form(said.kind)


def _form_by_names(evidence: Evidence, named: TruthKind | None) -> _Form | None:
    """Masks that are called as those of Cityscapes are, and hold such numbers."""
    called = {ending: path for ending, path in evidence.endings.items() if ending}
    if not called:
        return None
    numberings: set[Numbering] = {"train" if "train" in e else "ids" for e in called}
    objects = any(ending.startswith("instance") for ending in called)
    if not _fits_cityscapes(evidence.numbers, "ids", objects=objects):
        refused = objects and named is None
        return _Form(doubt=_of_codes(evidence, ("cityscapes", "instances"))) if refused else None
    if len(numberings) > 1 or "" in evidence.endings:
        paths = dict(sorted(evidence.endings.items())).values()
        text = (
            "The masks are not read: by their names they have other numbers for the same classes: "
            f"{', '.join(map(evidence.name_of, paths))}."
        )
        return _Form(doubt=_code_doubt(text, ("cityscapes", "index")))
    numbering = numberings.pop()
    if not _fits_cityscapes(evidence.numbers, numbering, objects=objects):
        return None
    doubtful = any("gtfine" not in p.stem.lower() and "gtcoarse" not in p.stem.lower()
                   for p in called.values())  # fmt: skip
    path = min(called.values())
    return _Form("cityscapes" if objects else "index", numbering, called=path if doubtful else None)


def _fits_cityscapes(numbers: set[int], numbering: Numbering, *, objects: bool) -> bool:
    """Whether numbers are ids of classes, some of them scored, or class x 1000 + object."""
    last = LAST_ID if numbering == "ids" else LAST_TRAIN_ID
    classes = {n // 1000 if objects and n >= 1000 else n for n in numbers - _VOID_CODES}
    scored = classes - CITYSCAPES_VOID[numbering]
    return bool(scored) and all(0 <= i <= last for i in classes)


def _form_by_numbers(
    evidence: Evidence, schema: LabelSchema | None, named: TruthKind | None
) -> _Form:
    """Numbers above 255 that can be those of a class and an object."""
    numbers = evidence.numbers - _VOID_CODES - {0}
    if max(numbers, default=0) <= 255:
        return _Form()
    for kind in recognised_codes():
        if kind.fits_cityscapes(numbers):
            return _Form(kind.key, "ids")
    able = [kind.key for kind in recognised_codes() if kind.may_hold(numbers)]
    if named is not None:
        # "instance" is also KITTI's own name for them; its stuff is class x 256 without an object
        able = [
            k for k in able if not KINDS[k].below and any(n % KINDS[k].unit == 0 for n in numbers)
        ]
    if not able:
        return _Form()
    if schema is not None:
        fitting = [k for k in able if {Coding(k).class_of(n) for n in numbers} <= {*schema.ids}]
        return _Form(fitting[0] if len(fitting) == 1 else None)
    return _Form(doubt=_of_codes(evidence, (able[0], "instances")))


def _of_codes(evidence: Evidence, readings: tuple[TruthKind, ...]) -> Doubt:
    text = (
        "The masks are not read: their numbers could be objects, or "
        f"{KINDS[readings[0]].name}: {evidence.example('numbers' if evidence.sizes['numbers'] else 'single')}."
    )
    return _code_doubt(text, readings)


def _code_doubt(text: str, readings: tuple[TruthKind, ...]) -> Doubt:
    ways = " or ".join(f"--truth-kind {KINDS[kind].option}" for kind in readings)
    return Doubt(
        "codes",
        text,
        "Say what they hold with File > Read masks as.",
        f"Say {ways} (--pred-kind for predictions).",
        tuple((f"They are {KINDS[kind].name}", ReadAs(kind)) for kind in readings),
    )


# -- the classes -----------------------------------------------------------------------------------


def _schema_of_codes(evidence: Evidence, coding: Coding) -> LabelSchema:
    """Classes of numbers that are class and object; those that have objects are things."""
    numbers = evidence.numbers - {*coding.ignored, IGNORED_16_BIT, -1}
    ids = {coding.class_of(n) for n in numbers}
    things = {coding.class_of(n) for n in numbers if n >= coding.unit and n % coding.unit}
    schema = LabelSchema.from_ids(i for i in ids if i <= 255)
    return LabelSchema(tuple(replace(c, thing=c.id in things) for c in schema.classes))


def _with_colors(
    coding: Coding, evidence: Evidence, schema: LabelSchema | None
) -> tuple[Coding, LabelSchema]:
    shown = _colors_shown(evidence, coding)
    published = published_colors(shown)
    if schema is not None:
        colors = tuple((c.color_in_masks, c.id) for c in schema.classes)
        if schema.ignore_index == 255 and schema.get(255) is None:
            colors = (*colors, ((255, 255, 255), 255))
        if published is not None and schema.ignore_index is not None:
            colors = (*colors, *((c, schema.ignore_index) for c in published.void))
        pairs = tuple(dict(reversed(colors)).items())
        return replace(coding, colors=pairs), schema
    if published is not None and len(shown) > 1:
        return replace(coding, colors=tuple(published.ids.items())), published.schema
    before = [color for color in evidence.numbered if color in shown]
    found = [*before, *sorted(shown - {*before})][:255]
    if evidence.looks[MaskLook.BLURRED_COLOURS] == evidence.colour_files > 0:
        found = []  # reading one says that its edges are soft
    classes = [ClassSpec(0, "background", (0, 0, 0))]
    classes += [ClassSpec(i, f"class {i}", color) for i, color in enumerate(found, 1)]
    pairs = tuple((c.color, c.id) for c in classes)
    ignore = None if len(classes) == 256 else 255
    return replace(coding, colors=pairs), LabelSchema(tuple(classes), ignore)


def _colors_shown(evidence: Evidence, coding: Coding) -> set[Color]:
    """The colours of all masks but black."""
    others = evidence.opacity_colors | (
        set(evidence.palette.values()) if coding.palettes else set()
    )
    return {*map(color_of, evidence.colors), *others} - {(0, 0, 0)}


# -- what is asked ---------------------------------------------------------------------------------


def _doubts(
    evidence: Evidence,
    coding: Coding,
    schema: LabelSchema | None,
    said: ReadAs,
    form: _Form,
    classes: LabelSchema,
) -> tuple[Doubt, ...]:
    if form.doubt is not None:
        return (form.doubt,)
    found = [_void(evidence, coding, classes if schema is None else schema)]
    if said.kind is None:
        found += [_mixed(evidence, coding), _perhaps_jpeg(evidence, coding)]
    if form.called is not None and schema is None and said.kind is None:
        text = (
            "The masks are read as those of Cityscapes, whose classes that it does not score count "
            f"nowhere: they are called so ({evidence.name_of(form.called)})."
        )
        found.append(_name_doubt(text, "ids"))
    if form.kind is not None:
        return tuple(d for d in found if d is not None)
    if schema is None and coding.kind in ("colour", "index") and said.kind is None:
        names = _names(evidence, coding, classes)
        found += [names, None if names or coding.kind == "index" else _either(evidence, "colour")]
    codings = None
    if schema is None and coding.kind == "index" and said.kind is None:
        codings = _codings(evidence, coding)
        found += [_levels(evidence), codings or _either(evidence, "index")]
        found.append(None if codings else _no_ground(evidence, coding))
    # Where 0 may not be the background of all masks, its share says nothing.
    same_ground = codings is None and not coding.pairs
    if schema is None and said.zero is None and coding.kind in ("index", "binary") and same_ground:
        found.append(_ground(evidence, coding))
    return tuple(d for d in found if d is not None)


def _void(evidence: Evidence, coding: Coding, classes: LabelSchema) -> Doubt | None:
    """Masks of which nothing counts, by the one number that they hold besides 0."""
    if coding.kind not in ("index", "instances") and not coding.unit:
        return None
    void: set[int] = {*coding.ignored}
    ignored = classes.ignore_index
    if ignored is not None and coding.kind != "instances" and ignored not in (255, *classes.ids):
        void.add(ignored)  # of 255 alone it is asked what it is
    number = next((v for v in sorted(evidence.single_paths) if coding.class_of(v) in void), None)
    if number is None:
        return None
    masks = sum(evidence.singles[v] for v in evidence.singles if coding.class_of(v) in void)
    name = evidence.name_of(evidence.single_paths[number])
    more = f" and {masks - 1} more" if masks > 1 else ""
    text = f"Every labelled pixel of some masks is read as ignored: {name}{more}."
    answers: tuple[tuple[str, ReadAs], ...] = ()
    if number == 255 and evidence.beside_255 is not None and not coding.said:
        path, least = evidence.beside_255
        text += f" 255 counts nowhere, as {evidence.name_of(path)} holds it beside {least}."
        if coding.kind == "index":
            answers = (("255 is the object", ReadAs("binary")),)
    return Doubt(
        "void",
        text,
        "Choose what counts nowhere in the Classes panel, or what masks hold with File > Read "
        "masks as.",
        "Say otherwise with --ignore or --truth-kind.",
        answers,
    )


def _ground(evidence: Evidence, coding: Coding) -> Doubt | None:
    if not evidence.pixels or not 0 < evidence.zeros < 0.5 * evidence.pixels:
        return None
    share = evidence.zeros / evidence.pixels
    black = coding.kind == "binary" or _two_valued(evidence)
    return Doubt(
        "zero",
        f"Class 0 is on {share:.0%} of the pixels and is read as background.",
        "It may be a class like the others"
        + (", or the object itself (File > Read masks as)." if black else "."),
        "If it is a class like the others, say --class-0 class"
        + (", if it is the object itself, --class-0 object." if black else "."),
        (
            ("It is background", ReadAs(zero="background")),
            ("It is a class", ReadAs(zero="class")),
        ),
    )


def _names(evidence: Evidence, coding: Coding, found: LabelSchema) -> Doubt | None:
    """Classes whose colours are those of a published data set, or only look like it."""
    if coding.kind == "colour":
        shown = _colors_shown(evidence, coding)
        published = published_colors(shown)
        if published is None:
            return None
        used = {published.ids[color] for color in shown}
        if len(used) == 1:
            name = published.schema.name_of(*used)
            return Doubt(
                "names",
                "The only colour of the masks is read as a class without a name: it may be "
                f"{name} of {published.title}, or one object.",
                "Names are changed in the Classes panel.",
                "Give its name with --schema, or say --truth-kind colours; if it is one object on "
                "background, --truth-kind binary (--pred-kind for predictions).",
                (
                    ("It is a class", ReadAs("colour")),
                    ("It is one object", ReadAs("binary")),
                ),
            )
    else:
        used = evidence.numbers - {0}
    if found.get(1) != voc_schema().get(1) or used != set(range(1, len(used) + 1)):
        return None
    if len(used) >= found.num_classes - 1:
        return None
    text = (
        f"The {len(used)} colours of the masks are the first of Pascal VOC, whose names are "
        "taken; other programs number their classes in the same colours."
    )
    return _name_doubt(text, KINDS[coding.kind].option)


def _name_doubt(text: str, option: str) -> Doubt:
    return Doubt(
        "names",
        text,
        "Names are changed in the Classes panel, and what masks hold with File > Read masks as.",
        f"Give the classes' names with --schema, or say --truth-kind {option}.",
    )


def _levels(evidence: Evidence) -> Doubt | None:
    if evidence.beside_255 is None or evidence.beside_255[1] < GREY_LEVEL:
        return None
    return Doubt(
        "levels",
        "255 is read as a class, as the other grey levels beside it: "
        f"{evidence.name_of(evidence.beside_255[0])}.",
        "Or does it stand for pixels that count nowhere?",
        "If it stands for pixels that count nowhere, say --ignore 255.",
        (("It is a class", ReadAs("index")),),
    )


def _codings(evidence: Evidence, coding: Coding) -> Doubt | None:
    """Masks of two numbers each, of which the higher may be the object whatever its number."""
    pairs = sorted(evidence.pairs)
    numbers = {number for pair in pairs for number in pair}
    if evidence.more_than_two or not pairs or (len(pairs) > 2 and len(numbers) > 3):
        return None
    paths = evidence.pairs
    shown = [f"{evidence.name_of(paths[p])} holds {p[0]} and {p[1]}" for p in pairs]
    void = sorted(numbers.intersection(coding.ignored))
    if len(pairs) == 1:
        if 0 in numbers:
            return None
        message = "Both numbers are read as classes, none as background"
        if void:
            message = f"{void[0]} is read as ignored"
        message += f": {shown[0]}, never 0."
    else:
        besides = f" ({void[0]} as ignored)" if void else ""
        message = f"Each number is read as one class in all masks{besides}: {', '.join(shown)}."
    return Doubt(
        "codings",
        message,
        "The higher number of each mask may be one and the same object.",
        "If the higher number of each mask is one and the same object, say --truth-kind binary "
        "(--pred-kind binary); else ids.",
        (
            (f"{void[0]} is ignored" if void else "They are classes", ReadAs("index")),
            ("It is one object", ReadAs("binary")),
        ),
    )


def _no_ground(evidence: Evidence, coding: Coding) -> Doubt | None:
    """Masks of several classes that never hold 0: none of them is background then."""
    numbers = sorted(evidence.values - {*coding.ignored})
    if evidence.zeros or len(numbers) < 2:
        return None
    shown = ", ".join(map(str, numbers[:_SHOWN])) + (", ..." if len(numbers) > _SHOWN else "")
    return Doubt(
        "codings",
        f"No mask holds 0: each number is read as a class, none as background ({shown}).",
        "What counts nowhere is chosen in the Classes panel, and names are given there.",
        "If one of them is background or counts nowhere, say so with --schema or --ignore.",
    )


def _either(evidence: Evidence, kind: Literal["index", "colour"]) -> Doubt | None:
    values, option = ("colours", "colours") if kind == "colour" else ("numbers", "ids")
    told = evidence.maybe_ids_in_colours if kind == "colour" else evidence.objects == "maybe"
    return None if not told else Doubt(
        "objects",
        f"The {values} of the masks are read as classes, but each could be an object.",
        "",
        f"Say --truth-kind (and --pred-kind for predictions): {option} or objects.",
        (("They are classes", ReadAs(kind)), ("They are objects", ReadAs("instances"))),
    )  # fmt: skip


def _perhaps_jpeg(evidence: Evidence, coding: Coding) -> Doubt | None:
    """Masks whose pixels along edges may be what JPEG or scaling left."""
    paths = evidence.perhaps_jpeg
    if not paths or coding.kind in ("binary", "colour"):
        return None
    kind = KINDS[coding.kind]
    return Doubt(
        "jpeg",
        "Some masks have edges as JPEG or scaling leaves them; "
        f"they are read as {kind.name} as they are: {evidence.named(paths[0], len(paths))}.",
        "If they were JPEG or scaled once, save them as PNG from their source.",
        "If they were JPEG or scaled once, save them as PNG from their source; if not, say "
        f"--truth-kind {kind.option} (--pred-kind for predictions).",
        (("The numbers are right", ReadAs(coding.kind)),),
    )


def _mixed(evidence: Evidence, coding: Coding) -> Doubt | None:
    """Masks of another kind than most: they are not used, and named."""
    odd = [group for group in evidence.groups if not _fits(group, evidence, coding)]
    if not odd or len(odd) == len(evidence.groups):  # all: each says it when it is read
        return None
    named = "; ".join(f"{evidence.example(g)} ({GROUP_WORDS[g]})" for g in odd)
    white: tuple[tuple[str, ReadAs], ...] = (
        ("255 counts nowhere", ReadAs(ignored=255)),
        ("255 is a class", ReadAs("index")),
    )
    is_255 = odd == ["white"] and evidence.singles[255] == evidence.sizes["white"]
    asked = is_255 and coding.kind == "index"
    return Doubt(
        "mixed",
        f"Some masks hold something else and are not used: {named}. The others are read as "
        f"{KINDS[coding.kind].name}.",
        "What they hold can be said with File > Read masks as.",
        "Say what they hold with --truth-kind and --pred-kind"
        + ("; if 255 counts nowhere, --ignore 255." if asked else "."),
        white if asked else (),
    )


def _fits(group: Group, evidence: Evidence, coding: Coding) -> bool:
    """Whether the masks of a group can be read as the folder is."""
    if coding.kind == "colour":
        keys = {r << 16 | g << 8 | b for (r, g, b), _ in coding.colors}
        grey = {v << 16 | v << 8 | v for v in evidence.numbers if 0 <= v <= 255}
        by_palette = coding.palettes and not evidence.numbers - set(evidence.palette)
        by_opacity = group == "white" and bool(evidence.opacity_files)
        return group == "colours" or by_palette or by_opacity or grey <= keys
    if coding.kind == "binary":
        return group == "white" or (
            group == "single"
            and all(v == 1 or v >= 128 or evidence.opacity_files for v in evidence.singles)
        )
    if group in ("numbers", "single"):
        return True
    if group == "colours":
        return coding.kind == "instances" and coding.coloured
    return group == "white" and coding.white and not evidence.looks[MaskLook.SOFT]
