"""Starting with settings that are damaged: they are kept, and the user hears of it."""

from __future__ import annotations

from segstudio.window.application import Application


def test_settings_that_are_no_json_are_kept_and_told_when_the_program_starts(
    qtbot, tmp_path, monkeypatch
):
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path))
    settings = tmp_path / "config" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"theme": "da')
    application = Application(None, samples=False, screenshot=None)
    qtbot.addWidget(application.window)
    try:
        application.window.show()
        qtbot.waitUntil(lambda: application.studio is not None)
        told = [notice.message for notice in application.studio.notices.recent]
    finally:
        application.close()
    assert (settings.parent / "settings.damaged").read_text() == '{"theme": "da'
    assert len(told) == 1
    assert str(settings) in told[0]
    assert "the usual settings are in force" in told[0]
    assert "settings.damaged" in told[0]
