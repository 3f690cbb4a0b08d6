"""The Qt actions made from the table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence, QShortcutEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from segstudio.core.errors import SegstudioError
from segstudio.core.text import as_html
from segstudio.kit.actions import ActionSpec, Condition, Context, Keymap, Scope, keys_of
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.icons import icon
from segstudio.kit.plain import wrapped


@cache
def native(key: str) -> str:
    """A shortcut as this system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


@lru_cache(1024)
def _tip(text: str, keys: tuple[str, ...], tip: str) -> str:
    """The rich text of a command's tip; 160 commands are written at the start and at each change."""
    key = f" ({as_html(native(keys[0]))})" if keys else ""
    more = "<br>" + as_html(wrapped(tip)).replace("\n", "<br>") if tip else ""
    return f"<b>{as_html(text.rstrip('…'))}</b>{key}{more}"


class ActionSet(QObject):
    """One QAction for every row; disabled until `attach` gives them something to act on.

    Attributes:
        rows: The table.

    Signals:
        failed: An action raised a `SegstudioError`: (message, hint).
        keymap_changed: The shortcuts are others now.
    """

    failed = Signal(str, str)
    keymap_changed = Signal()

    def __init__(self, parent: QObject, rows: Sequence[ActionSpec]) -> None:
        super().__init__(parent)
        self.rows = rows
        self._context: Context | None = None
        self._shown: dict[str, tuple[bool, bool | None, str | None]] = {}
        """What each action says, by id; whether it can be done, whether it is on, its tip of now."""
        self._told: dict[Condition, bool] = {}
        """What each condition said when all rows with it were looked at."""
        self._plain: dict[Condition, list[ActionSpec]] = {}
        """Rows of which nothing but whether they can be done changes, by the condition of that."""
        self._telling: list[ActionSpec] = []
        """Rows that tell more: whether they are on, a tip of now."""
        for spec in rows:
            if spec.checked is None and spec.tip_now is None:
                self._plain.setdefault(spec.enabled, []).append(spec)
            else:
                self._telling.append(spec)
        self._keymap: Keymap = {}
        self._scopes: dict[Scope, QWidget] = {}
        self._actions = {spec.id: self._make(spec) for spec in self.rows}
        self._soon = Coalescer(self, self.refresh)

    @property
    def keymap(self) -> Keymap:
        """Shortcuts that differ from the table's."""
        return self._keymap

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def menu(self, title: str, action_ids: Iterable[str], parent: QWidget) -> QMenu:
        """A menu of some of them."""
        menu = QMenu(title, parent)
        menu.setToolTipsVisible(True)
        for action_id in action_ids:
            menu.addAction(self[action_id])
        return menu

    def keys(self, spec: ActionSpec) -> tuple[str, ...]:
        """The shortcuts in force, in portable form."""
        return keys_of(spec, self._keymap)

    def key(self, action_id: str) -> str:
        """The shortcut of a command that is shown, as this system writes it; "" if it has none."""
        keys = self._actions[action_id].shortcuts()
        return keys[0].toString(QKeySequence.SequenceFormat.NativeText) if keys else ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Do an action of which two keys are the same press, if that means nothing else.

        "?" and "Shift+/" are one key of a US keyboard, where Qt calls that ambiguous and does nothing.
        """
        if (
            isinstance(event, QShortcutEvent)
            and event.isAmbiguous()
            and isinstance(watched, QAction)
            and self._means_only(event.key(), watched)
        ):
            watched.trigger()
            return True
        return False

    def _means_only(self, key: QKeySequence, action: QAction) -> bool:
        others = [a for a in self._actions.values() if a is not action and a.isEnabled()]
        own = action.shortcuts()
        return key in own and not any(k in own for a in others for k in a.shortcuts())

    def attach(self, context: Context) -> None:
        """Give the actions what they act on, and enable what can be done."""
        self._context = context
        self._told.clear()
        self.refresh()

    def place(self, scopes: dict[Scope, QWidget]) -> None:
        """Let each action's keys count in the widget of its scope."""
        self._scopes = scopes
        for spec in self.rows:
            scopes[spec.scope].addAction(self._actions[spec.id])

    def action_of(self, keys: QKeySequence) -> QAction | None:
        """What these keys do where the focus is; None if nothing, or nothing now."""
        focused = QApplication.focusWidget()
        for spec in self.rows:
            action = self._actions[spec.id]
            if not action.isEnabled() or keys not in action.shortcuts():
                continue
            place = self._scopes.get(spec.scope)
            inside = (
                place is not None
                and focused is not None
                and (place is focused or place.isAncestorOf(focused))
            )
            if spec.scope is Scope.WINDOW or inside:
                return action
        return None

    def set_keymap(self, keymap: Keymap) -> None:
        """Replace the shortcuts that differ from the table's."""
        if keymap == self._keymap:
            return
        before, self._keymap = self._keymap, dict(keymap)
        for spec in self.rows:
            if keys_of(spec, before) != self.keys(spec):
                self._show_keys(self._actions[spec.id], spec)
        self.keymap_changed.emit()

    def refresh(self) -> None:
        """Look again at what can be done and what is on."""
        context = self._context
        if context is None:
            return
        said: dict[Condition, bool] = {}
        for condition, rows in self._plain.items():
            enabled = said[condition] = condition(context)
            if self._told.get(condition) is enabled:
                continue
            for spec in rows:
                self._refresh(spec, context, said)
            self._told[condition] = enabled
        for spec in self._telling:
            self._refresh(spec, context, said)

    def refresh_soon(self) -> None:
        """`refresh` once for all that happens until then."""
        self._soon.request()

    def _refresh_one(self, spec: ActionSpec, context: Context) -> None:
        """Look at one row alone, which may say then what no other with its condition says."""
        self._told.pop(spec.enabled, None)
        self._refresh(spec, context, {})

    def _refresh(self, spec: ActionSpec, context: Context, said: dict[Condition, bool]) -> None:
        """Show what is known of it now; what many rows ask is worked out once and kept in `said`."""
        if (enabled := said.get(spec.enabled)) is None:
            enabled = said[spec.enabled] = spec.enabled(context)
        checked = None if spec.checked is None else spec.checked(context)
        tip = None if spec.tip_now is None else spec.tip_now(context)
        now = (enabled, checked, tip)
        before = self._shown.get(spec.id)
        if now == before:
            return
        action = self._actions[spec.id]
        action.setEnabled(enabled)
        if tip is not None and (before is None or tip != before[2]):
            self._show_tip(action, spec, tip)
        if checked is not None:
            action.setChecked(checked)
        self._shown[spec.id] = now

    def run(self, action_id: str) -> None:
        """Do what the user chose in the palette or a button, if it can be done by now."""
        if self._context is not None:
            spec = next(spec for spec in self.rows if spec.id == action_id)
            self._refresh_one(spec, self._context)
        if self._actions[action_id].isEnabled():
            self._actions[action_id].trigger()

    def _make(self, spec: ActionSpec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.id)
        action.setEnabled(False)
        action.setCheckable(spec.checked is not None)
        action.setAutoRepeat(spec.repeats)
        if spec.icon:
            action.setIcon(icon(spec.icon))
        if spec.scope is not Scope.WINDOW:
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(lambda _checked=False, spec=spec: self._run(spec))
        self._show_keys(action, spec)
        return action

    def _show_keys(self, action: QAction, spec: ActionSpec) -> None:
        keys = self.keys(spec)
        action.setShortcuts([QKeySequence(key) for key in keys])
        if len(keys) > 1:
            action.installEventFilter(self)
        else:
            action.removeEventFilter(self)  # of each of its many events Python would be told
        self._show_tip(action, spec, spec.tip)
        self._shown.pop(spec.id, None)  # its tip of now has to be written with the new keys

    def _show_tip(self, action: QAction, spec: ActionSpec, tip: str) -> None:
        action.setToolTip(_tip(spec.text, self.keys(spec), tip))

    def _run(self, spec: ActionSpec) -> None:
        self._shown.pop(spec.id, None)  # a click has switched its sign
        if self._context is None:
            return
        try:
            spec.run(self._context)
        except SegstudioError as error:
            self.failed.emit(error.message, error.hint)
        # to look at all others in the same turn takes long
        self._refresh_one(spec, self._context)
        self.refresh_soon()
