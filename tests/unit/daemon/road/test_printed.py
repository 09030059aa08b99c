"""What tests print is kept and sent without secrets, also where it was cut."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.trail import Trail
from daemon.engines.dialogue.fence import Fence
from daemon.road.printed import CUT_MESSAGE, hidden, without_secrets
from daemon.settings import Settings, TargetSettings
from daemon.trail import open_trail
from sandbox.results import Ending, Run
from tests.fakes import ScriptedEngine
from tests.place import CODE, NOTE, REPORT, RIGHT, Place

KEY = "ghp" + "_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8"
RUN = Run(
    ending=Ending.FINISHED, outcomes={}, messages={}, durations={}, output="", seconds=0.1,
    detail="", collected=(),
)  # fmt: skip


def test_output_and_messages_of_a_run_hold_no_secret() -> None:
    """Shown as hidden; everything else stays."""
    run = replace(RUN, output=f"used {KEY}\n1 failed", messages={"t": f"E  assert '{KEY}' == ''"})

    shown = without_secrets(run)

    assert shown.output == "used [redacted:github-token]\n1 failed"
    assert shown.messages == {"t": "E  assert '[redacted:github-token]' == ''"}


def test_colours_hide_no_secret() -> None:
    """Story: `addopts = --color=yes` puts a letter of a terminal code right before the key."""
    assert hidden(f'\x1b[33m"\x1b[39;49;00m\x1b[33m{KEY}\x1b[39m"', cut=10_000) == (
        '"[redacted:github-token]"'
    )


def test_a_text_that_was_cut_in_front_begins_with_a_whole_line() -> None:
    """The rest of a key whose beginning is gone is not known for a key."""
    text = KEY[8:] + "\n" + "x" * CUT_MESSAGE

    assert hidden(text, cut=CUT_MESSAGE) == "x" * CUT_MESSAGE


def test_a_secret_across_the_cut_is_not_sent_in_half() -> None:
    """Story: the fence kept the end of a long output, and with it the end of a key."""
    for most in range(60, 140):
        shown = Fence("mark").around("output", "x" * 199 + " " + KEY + "\n" + "y" * 60, most=most)
        assert not [at for at in range(len(KEY) - 8) if KEY[at : at + 8] in shown]


def test_the_trail_holds_no_secret_whoever_wrote_it_into_a_record(tmp_path: Path) -> None:
    """Story: what a test printed, and the lines around a change, went into records as they were."""
    target = TargetSettings(name="shop", path=tmp_path)
    settings = Settings(
        file=tmp_path / "mendd.toml", state=tmp_path, kill_switch=tmp_path / "KILL",
        inbox_path=tmp_path / "inbox", targets=(target,),
    )  # fmt: skip

    open_trail(settings).append("trial", data={"output": KEY, "deep": [{KEY: [f"a {KEY}"]}]})

    text = (tmp_path / "audit" / "trail.jsonl").read_text()
    assert KEY not in text
    assert text.count("[redacted:github-token]") == 3


def test_a_trail_without_a_rule_keeps_every_word(tmp_path: Path) -> None:
    """What is hidden is the owner's choice, not the trail's."""
    Trail(tmp_path / "trail.jsonl").append("trial", data={"output": KEY})

    assert KEY in (tmp_path / "trail.jsonl").read_text()


@pytest.mark.parametrize("crash_in", [None, "reflections.store.Store.finish"])
def test_the_archive_holds_no_secret_from_beside_a_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash_in: str | None
) -> None:
    """The diff shows it; also where a crash left the archive to the next start."""
    here = Place(tmp_path, "", monkeypatch)
    here.file.write_text(CODE.replace("\n\n\n", f'\n\n\nTOKEN = "{KEY}"\n\n\n'))
    engine, note = ScriptedEngine(REPORT, [RIGHT]), {**NOTE, "id": "n1"}

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if crash_in is None:
        here.mend(engine, note=note)
    else:
        with monkeypatch.context() as dying:
            dying.setattr(crash_in, crash)
            with pytest.raises(KeyboardInterrupt):
                here.mend(engine, note=note)
        here.work()

    archived = [
        path.read_text() for path in (here.shop.settings.state / "archive").rglob("*.jsonl")
    ]
    assert any('"applied"' in text for text in archived)
    assert not any(KEY in text for text in archived)
