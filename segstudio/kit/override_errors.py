"""Errors in overrides of Qt's methods reach Python and end no program.

Up to Python 3.11 an error that C code raises ("tuple index out of range") may be on its way with
a text where later Pythons have an exception. PySide6 (6.8 to 6.12) takes it for an exception when
it comes out of an override that Qt called on behalf of Python, as `resizeEvent` within `grab`, and
reads memory that is not its own: the program dies without a word, and what is unsaved with it. An
error that passes an `except` is an exception afterwards.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any


def guard_overrides() -> None:
    """Let every class made from now on that overrides a method of Qt hand on true exceptions.

    Does nothing on Python 3.12 and later.
    """
    if sys.version_info >= (3, 12):
        return
    from shiboken6 import Shiboken

    base: Any = Shiboken.Object
    if "__init_subclass__" not in vars(base):
        base.__init_subclass__ = classmethod(_guard_class)


def _guard_class(cls: type, /, **options: Any) -> None:
    object.__init_subclass__(**options)
    for name, member in list(vars(cls).items()):
        if isinstance(member, FunctionType) and not name.startswith("_") and _is_qts(cls, name):
            setattr(cls, name, _guarded(member))


def _is_qts(cls: type, name: str) -> bool:
    """Whether the method that a name of this class stands before is one of Qt's."""
    owner = next((vars(base)[name] for base in cls.__mro__[1:] if name in vars(base)), None)
    return owner is not None and (
        not isinstance(owner, FunctionType) or hasattr(owner, "__wrapped_override__")
    )


def _guarded(method: FunctionType) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except BaseException:  # noqa: TRY203 - catching it is what makes it an exception
            raise

    call.__wrapped_override__ = True  # type: ignore[attr-defined]
    return call
