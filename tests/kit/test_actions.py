"""The table of actions: what menus, keys, palette and cheat sheet are made from."""

from __future__ import annotations

from collections import Counter

import pytest
from PySide6.QtGui import QKeySequence, QShortcutEvent
from PySide6.QtWidgets import QApplication

from segstudio.kit.action_set import ActionSet
from segstudio.kit.actions import ActionSpec, Scope, clashes, keys_of
from segstudio.resources import resource_path
from segstudio.window.action_table import BAR_FILE, BAR_LAYOUT, BAR_PLACES, BAR_STRIP, all_actions
from segstudio.window.keymaps import PRESETS
from segstudio.window.window_commands import keymap_of

ACTIONS = all_actions()
BY_ID = {spec.id: spec for spec in ACTIONS}


def test_ids_are_unique_and_bars_name_known_ones():
    assert len(BY_ID) == len(ACTIONS)
    assert set(BAR_FILE + BAR_LAYOUT + BAR_PLACES + BAR_STRIP) <= set(BY_ID)


def test_every_icon_is_in_the_set():
    missing = {s.icon for s in ACTIONS if s.icon} - {
        path.stem for path in resource_path("icons").glob("*.svg")
    }
    assert not missing


@pytest.mark.parametrize(
    ("action_id", "key"),
    [
        ("image.next", "D"), ("image.previous", "A"), ("image.next_unreviewed", "Ctrl+Shift+D"),
        ("image.flagged", "Ctrl+Shift+K"), ("image.note", "Ctrl+Shift+N"),
        ("image.reviewed", "K"), ("tool.brush", "B"), ("tool.eraser", "E"), ("tool.fill", "G"),
        ("tool.polygon", "P"), ("tool.pick", "I"), ("tool.pan", "H"), ("brush.smaller", "["),
        ("class.swap", "X"), ("brush.only_unlabelled", "L"), ("class.0", "0"), ("class.9", "9"),
        ("view.fit", "F"), ("view.actual", "Ctrl+0"), ("view.overlay", "V"),
        ("view.next_style", "O"), ("view.next_layer", "T"), ("model.run", "F5"),
        ("compare.layout", "C"),
        ("model.run_all", "Ctrl+B"), ("view.panels", "Tab"), ("panel.network", "N"), ("help.help", "F1"),
        ("help.keys", "?"), ("help.palette", "Ctrl+Shift+P"), ("file.save", "Ctrl+S"),
    ],
)  # fmt: skip
def test_the_keys_of_the_design(action_id, key):
    assert key in BY_ID[action_id].keys


@pytest.mark.parametrize("preset", list(PRESETS))
def test_no_preset_has_a_key_on_two_actions_of_one_scope(qapp, preset):
    keymap = PRESETS[preset]
    assert set(keymap) <= set(BY_ID)
    used = Counter(
        (QKeySequence(key).toString(), scope)
        for spec in ACTIONS
        for key in keys_of(spec, keymap)
        for scope in ((spec.scope,) if spec.scope is not Scope.WINDOW else tuple(Scope))
    )
    assert {k: n for k, n in used.items() if n > 1} == {}


def test_clashes_are_found_across_overlapping_scopes_only():
    assert [s.id for s in clashes(ACTIONS, {}, "tool.fill", "B")] == ["tool.brush"]
    assert [s.id for s in clashes(ACTIONS, {}, "tool.fill", "Tab")] == ["view.panels"]
    assert clashes(ACTIONS, {"tool.brush": ("Q",)}, "tool.fill", "B") == []


def test_own_shortcuts_lie_on_top_of_the_preset():
    keymap = keymap_of("napari", {"tool.brush": "Q Ctrl+Q", "tool.pan": ""})
    assert keymap["tool.brush"] == ("Q", "Ctrl+Q")
    assert keymap["tool.pan"] == ()
    assert keymap["tool.fill"] == ("F", "G")


def test_the_menus_show_every_command_but_further_keys_of_one(make_window):
    window = make_window().window
    shown = {a.objectName() for menu in window.menus.values() for a in _leaves(menu)}
    assert set(BY_ID) - shown == {
        f"image.{way}{what}_canvas" for way in ("next", "previous") for what in ("", "_page")
    }


def _leaves(menu):
    for action in menu.actions():
        if action.menu() is not None:
            yield from _leaves(action.menu())
        elif action.objectName():
            yield action


@pytest.mark.qt_log_ignore("Ambiguous shortcut overload")
def test_two_keys_of_one_action_may_be_the_same_press(qapp):
    """On a US keyboard "?" is Shift+/, and Qt calls the press ambiguous."""
    done: list[str] = []
    rows = tuple(
        ActionSpec(name, "Help", name, lambda _c, name=name: done.append(name), keys=keys)
        for name, keys in (("keys", ("?", "Shift+/")), ("one", ("J",)), ("other", ("J", "Z")))
    )
    actions = ActionSet(qapp, rows)
    actions.attach(object())
    for name, key in (("keys", "?"), ("keys", "Shift+/"), ("other", "J"), ("one", "J")):
        qapp.sendEvent(actions[name], QShortcutEvent(QKeySequence(key), 0, True))
    assert done == ["keys", "keys"]  # J means two actions, and does neither
    actions.set_keymap({"keys": (), "one": ("?", "Shift+/")})  # as the user may choose them
    qapp.sendEvent(actions["one"], QShortcutEvent(QKeySequence("Shift+/"), 0, True))
    assert done == ["keys", "keys", "one"]


def test_a_row_that_was_looked_at_alone_is_looked_at_again_with_all_others(qapp):
    done: list[str] = []
    can = [False]

    def may(_context) -> bool:
        return can[0]

    rows = tuple(
        ActionSpec(name, "Edit", name, lambda _c, name=name: done.append(name), enabled=may)
        for name in ("first", "second")
    )
    actions = ActionSet(qapp, rows)
    actions.attach(object())
    can[0] = True
    actions.run("first")  # by a button: it could be done by now, and nobody has looked at all yet
    assert done == ["first"]
    can[0] = False
    actions.refresh()
    assert [actions[row.id].isEnabled() for row in rows] == [False, False]
    can[0] = True
    actions.refresh()
    assert [actions[row.id].isEnabled() for row in rows] == [True, True]


def test_what_many_rows_ask_is_asked_once_and_rows_that_tell_more_are_kept_up_to_date(qapp):
    asked: list[str] = []

    def may(_context) -> bool:
        asked.append("may")
        return True

    is_on = [False]
    rows = (
        *(ActionSpec(f"row.{n}", "Edit", "Row", print, enabled=may) for n in range(3)),
        ActionSpec("on", "Edit", "On", print, enabled=may, checked=lambda _c: is_on[0]),
    )
    actions = ActionSet(qapp, rows)
    actions.attach(object())
    assert asked == ["may"]
    is_on[0] = True
    actions.refresh()
    assert actions["on"].isChecked()
    assert asked == ["may", "may"]


def test_only_keys_that_change_are_shown_anew(qtbot):
    told: list[str] = []
    actions = ActionSet(QApplication.instance(), ACTIONS)
    for spec in ACTIONS:
        actions[spec.id].changed.connect(lambda name=spec.id: told.append(name))
    actions.keymap_changed.connect(lambda: told.append("keymap"))
    actions.set_keymap({})
    assert told == []
    actions.set_keymap({"file.open": ("Ctrl+Alt+F",)})
    assert set(told) == {"file.open", "keymap"}
    assert actions["file.open"].shortcut() == QKeySequence("Ctrl+Alt+F")
    assert "(Ctrl+Alt+F)" in actions["file.open"].toolTip()
    told.clear()
    actions.set_keymap({})
    assert set(told) == {"file.open", "keymap"}
    assert "(Ctrl+O)" in actions["file.open"].toolTip()
    actions.deleteLater()


def _set_of(*rows: ActionSpec) -> ActionSet:
    actions = ActionSet(QApplication.instance(), rows)
    actions.attach(object())
    return actions


def test_what_many_commands_need_is_looked_at_once_for_all(qapp):
    asked: list[str] = []

    def can(_context) -> bool:
        asked.append("can")
        return len(asked) == 2

    names = ("one", "two", "three")
    rows = [ActionSpec(name, "Help", name, lambda _c: None, enabled=can) for name in names]
    actions = _set_of(*rows)
    assert asked == ["can"]
    assert [actions[name].isEnabled() for name in names] == [False] * 3
    actions.refresh()
    assert asked == ["can"] * 2
    assert [actions[name].isEnabled() for name in names] == [True] * 3


def test_commands_that_need_a_folder_and_the_same_besides_share_what_is_asked():
    ids = ("edit.clear", "tool.brush", "tool.eraser", "tool.fill")
    assert len({BY_ID[action_id].enabled for action_id in ids}) == 1
    assert BY_ID["view.fit"].enabled is not BY_ID["edit.clear"].enabled


def test_a_command_that_changes_nothing_is_shown_as_before_its_click(qapp):
    can = [True]
    row = ActionSpec(
        "one", "Help", "One", lambda _c: can.clear(),
        enabled=lambda _c: bool(can), checked=lambda _c: False,
    )  # fmt: skip
    actions = _set_of(row)
    actions["one"].trigger()
    assert not actions["one"].isChecked()
    assert not actions["one"].isEnabled()
    can.append(True)
    actions.refresh()
    assert actions["one"].isEnabled()


def test_a_tip_of_now_stays_when_the_keys_change(qapp):
    row = ActionSpec(
        "one", "Help", "One", lambda _c: None, keys=("J",), tip="always", tip_now=lambda _c: "now"
    )
    actions = _set_of(row)
    assert actions["one"].toolTip() == "<b>One</b> (J)<br>now"
    actions.set_keymap({"one": ("U",)})
    actions.refresh()
    assert actions["one"].toolTip() == "<b>One</b> (U)<br>now"
