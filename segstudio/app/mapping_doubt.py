"""What a user should look at in how a model's classes are read in the folder."""

from __future__ import annotations

from segstudio.app.class_mapping import targets_of
from segstudio.app.class_names import key_of
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.session.session import SchemaOrigin, Session

_SHOWN = 3


def doubt_about(model: LabelSchema, session: Session) -> str:
    """One sentence if figures of this model in this folder may mean nothing; else empty.

    That is so if no class has a counterpart, or if they were matched by number and the folder has
    more or fewer classes than the model. What the user chose is not doubted, nor a folder whose
    classes are still to come from the model.
    """
    folder = session.schema
    open_to_all = session.project is None or session.schema_origin is SchemaOrigin.DEFAULT
    if open_to_all or folder.rule_for(model) is not None:
        return ""
    targets, _unmapped = targets_of(model, folder)
    objects = _objects(model)
    pairs = [(c.name, folder.name_of(t)) for c in objects if (t := targets[c.id]) is not None]
    if not pairs:
        return "This folder has none of the model's classes." if objects else ""
    by_name = any(key_of(name) == key_of(counterpart) for name, counterpart in pairs)
    if by_name or len(objects) == len(_objects(folder)):
        return ""
    shown = ", ".join(f"{name} counts as {counterpart}" for name, counterpart in pairs[:_SHOWN])
    more = f" and {len(pairs) - _SHOWN} more" if len(pairs) > _SHOWN else ""
    return f"By number: {shown}{more}."


def _objects(schema: LabelSchema) -> list[ClassSpec]:
    """The classes that stand for something and are scored."""
    scored = set(schema.scored_ids)
    return [c for c in schema.classes if c.id in scored and key_of(c.name) != "background"]
