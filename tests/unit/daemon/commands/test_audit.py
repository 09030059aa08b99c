"""`mendd audit`: list, show, verify, report."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from daemon.commands import CommandError, Exit
from daemon.commands.records import full_id, moment, newest_records, reflection_ids
from tests.terminal import Home

FIRST, SECOND = "20261120T080000Z-aaaa", "20261120T090000Z-bbbb"


def test_an_empty_trail_is_no_failure(home: Home) -> None:
    """Nothing to show is an answer."""
    assert home.mendd("audit", "list") == "no record matches\n"
    assert home.json("audit", "list") == {"records": []}
    assert "0 records" in home.mendd("audit", "verify")


def test_records_are_listed_one_a_line(recorded: Home) -> None:
    """Plain aligned text in a pipe."""
    lines = recorded.mendd("audit", "list").splitlines()

    assert lines[0].split() == ["SEQ", "TIME", "EVENT", "REFLECTION", "TARGET", "WHAT"]
    assert len(lines) == 5
    assert "proven: cart.py" in lines[3]


@pytest.mark.parametrize(
    ("filters", "events"),
    [
        (["--event", "applied"], ["applied"]),
        (["--reflection", "20261120T08"], ["received", "applied"]),
        (["--last", "1"], ["declined"]),
        (["--last", "0", "--target", "shop"], ["received", "applied", "declined"]),
        (["--since", "1h", "--last", "2"], ["applied", "declined"]),
        (["--since", "2999-01-01"], []),
    ],
)
def test_filters_narrow_the_list(filters: list[str], events: list[str], recorded: Home) -> None:
    """Event, reflection, target, time and number, alone and together."""
    found = recorded.json("audit", "list", *filters)

    assert [record["event"] for record in found["records"]] == events


def test_times_are_utc_in_json(recorded: Home) -> None:
    """As the trail has them."""
    assert all(r["time"].endswith("Z") for r in recorded.json("audit", "list")["records"])


def test_an_unknown_event_is_refused(recorded: Home) -> None:
    """With the events there are."""
    recorded.mendd("audit", "list", "--event", "aplied", code=Exit.USAGE)
    assert "applied" in recorded.said


def test_a_reflection_is_shown_with_its_diff(recorded: Home) -> None:
    """All its records, by the beginning of its id."""
    shown = recorded.mendd("audit", "show", "20261120T08")

    assert "received" in shown
    assert "\n-x = 1\n" in shown
    assert "declined" not in shown


def test_a_record_is_shown_by_its_number(recorded: Home) -> None:
    """`4` and `#4` are record 4."""
    assert recorded.json("audit", "show", "4") == recorded.json("audit", "show", "#4")
    assert "not_a_bug" in recorded.mendd("audit", "show", "4")


def test_a_broken_record_is_named(recorded: Home) -> None:
    """Asked for by its number, it is not shown as if it were good."""
    path = recorded.trail.path
    path.write_bytes(path.read_bytes().replace(b"cart.py", b"evil.py", 1))

    recorded.mendd("audit", "show", "3", code=Exit.WORLD)
    assert "record 3 is broken" in recorded.said


@pytest.mark.parametrize("way", ["list", "show", "report"])
def test_hostile_words_are_harmless_in_a_pipe_and_on_a_terminal(way: str, recorded: Home) -> None:
    """Titles, colours and bidi marks of a note arrive as escapes."""
    arguments = ["audit", way, *([] if way == "list" else [FIRST])]

    for shown in (recorded.mendd(*arguments), recorded.on_terminal(*arguments)):
        assert "\x1b]0;" not in shown
        assert "\x07" not in shown
        assert "\u202e" not in shown
        assert "\\x1b" in shown or "\\u001b" in shown or "proven" in shown


def test_a_terminal_gets_colours_and_a_pipe_none(recorded: Home) -> None:
    """And NO_COLOR is kept."""
    assert "\x1b[32m" in recorded.on_terminal("audit", "show", FIRST)
    assert "\x1b[32m" not in recorded.on_terminal("audit", "show", FIRST, NO_COLOR="1")
    assert "\x1b" not in recorded.mendd("audit", "show", FIRST)


def test_lines_keep_to_the_terminals_width(recorded: Home) -> None:
    """Folded, not broken by the terminal."""
    shown = recorded.on_terminal("audit", "list", columns=80, NO_COLOR="1", TERM="dumb")

    assert max(len(line) for line in shown.splitlines()) <= 80


def test_an_unknown_id_is_answered_with_near_ones(recorded: Home) -> None:
    """Exit code 2 and what may have been meant."""
    recorded.mendd("audit", "show", "20261120T080000Z-aaab", code=Exit.USAGE)
    assert FIRST in recorded.said


def test_an_ambiguous_id_is_not_guessed(recorded: Home) -> None:
    """Both are named."""
    recorded.mendd("audit", "report", "20261120", code=Exit.USAGE)
    assert FIRST in recorded.said
    assert SECOND in recorded.said


def test_verify_finds_a_changed_record(recorded: Home) -> None:
    """Exit code 1, and the record that is bad."""
    path = recorded.trail.path
    path.write_bytes(path.read_bytes().replace(b"cart.py", b"evil.py", 1))

    assert "record 3" in recorded.mendd("audit", "verify", code=Exit.NO)
    found = recorded.json("audit", "verify", code=Exit.NO)
    assert (found["ok"], found["first_bad"]) == (False, 3)


def test_a_broken_trail_is_a_message_for_readers_too(recorded: Home) -> None:
    """`list` meets the bad record and points at `verify`."""
    path = recorded.trail.path
    path.write_bytes(path.read_bytes().replace(b"cart.py", b"evil.py", 1))

    recorded.mendd("audit", "list", code=Exit.WORLD)
    assert "audit verify" in recorded.said


def test_verify_against_a_head_finds_a_cut_tail(recorded: Home) -> None:
    """The chain alone cannot; a head noted elsewhere can."""
    count, digest = recorded.trail.head()
    path = recorded.trail.path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    note = recorded.folder / "head"
    note.write_text(f"{count} {digest}\n")

    recorded.mendd("audit", "verify")
    recorded.mendd("audit", "verify", "--head", f"{count} {digest}", code=Exit.NO)
    recorded.mendd("audit", "verify", "--head", str(note), code=Exit.NO)
    recorded.mendd("audit", "verify", "--head", "nonsense", code=Exit.USAGE)


def test_a_report_is_raw_markdown_in_a_pipe(recorded: Home) -> None:
    """Made from the trail where none was saved."""
    shown = recorded.mendd("audit", "report", FIRST)

    assert shown.startswith(f"# Reflection `{FIRST}`")
    assert recorded.json("audit", "report", FIRST)["file"] is None


def test_a_saved_report_is_preferred(recorded: Home) -> None:
    """It holds the note's own words, which the trail may not."""
    folder = recorded.state / "audit" / "reports"
    folder.mkdir()
    (folder / f"{FIRST}.md").write_text("# saved\n")

    assert recorded.mendd("audit", "report", FIRST) == "# saved\n"
    assert recorded.json("audit", "report", FIRST)["file"] == str(folder / f"{FIRST}.md")


def test_the_ids_are_the_records_own(home: Home) -> None:
    """A note that quotes a trail line does not bring ids of its own."""
    quoted = json.dumps({"reflection": "fake"})
    home.trail.append("received", reflection='a"b', data={"x": quoted, "reflection": "inner"})
    home.trail.append("started")

    assert reflection_ids(home.trail.path) == ['a"b']


def test_the_newest_records_are_found_from_the_end(recorded: Home) -> None:
    """Newest first, only the events asked for."""
    found = newest_records(recorded.trail.path, {"applied", "declined"}, 5)

    assert [record.event for record in found] == ["declined", "applied"]


@pytest.mark.parametrize(
    ("text", "ago"), [("90m", timedelta(minutes=90)), ("2h", timedelta(hours=2)),
                      ("3d", timedelta(days=3)), ("1w", timedelta(weeks=1))],
)  # fmt: skip
def test_spans_count_back_from_now(text: str, ago: timedelta, now: datetime) -> None:
    """Minutes, hours, days and weeks."""
    assert moment(text, now) == now - ago


def test_dates_are_local_unless_they_say_otherwise(now: datetime) -> None:
    """As people write them."""
    assert moment("2026-11-20T09:00:00Z", now) == now
    assert moment("2026-11-20", now) == datetime(2026, 11, 20).astimezone()
    assert moment("today", now).hour == 0


@pytest.mark.parametrize("text", ["", "soon", "5", "-1h", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str, now: datetime) -> None:
    """With the ways to write one."""
    with pytest.raises(CommandError, match="write 30m"):
        moment(text, now)


def test_spans_beyond_all_time_are_everything(now: datetime) -> None:
    """No overflow."""
    assert moment("99999999w", now) == datetime.min.replace(tzinfo=UTC)


def test_ids_are_found_by_their_beginning_or_end() -> None:
    """The beginning wins; an exact id always does."""
    assert full_id("ab", ["ab", "abc"], "x") == "ab"
    assert full_id("abc", ["abcd", "zabc"], "x") == "abcd"
    assert full_id("cd", ["abcd", "wxyz"], "x") == "abcd"
    with pytest.raises(CommandError, match="no x at all"):
        full_id("a", [], "x")
    with pytest.raises(CommandError, match="no x is called ''"):
        full_id("", ["a"], "x")
