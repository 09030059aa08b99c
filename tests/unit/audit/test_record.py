"""One line of the trail: cleaned, canonical, sealed, and read back strictly."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.clean import MAX_CHARACTERS, clean
from audit.record import GENESIS, MAX_LINE_BYTES, NotARecord, from_line, new_record

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.decimals(allow_nan=True)
    | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def make(data, **more):
    """A record with this data, the first of its trail."""
    return new_record("trial", seq=1, prev=GENESIS, time=NOON, data=data, **more)


@given(st.dictionaries(st.text(), ANYTHING, max_size=5))
def test_whatever_plain_data_goes_in_the_line_reads_back_equal(data):
    """Cleaning is enough: canonical JSON never refuses, and reading back needs no mercy."""
    record = make(data)

    assert from_line(record.line()[:-1]) == record


def test_traps_of_canonical_json_become_text():
    """2^53, 1e20, NaN, lone surrogates, dates and paths all fit after cleaning."""

    class Word(StrEnum):
        PASSED = "passed"

    cleaned = clean(
        {
            "long": 2**53,
            "exact": 2**53 - 1,
            "whole": 1e20,
            "nan": math.nan,
            "surrogate": "a\ud800b",
            "path": Path("x/y"),
            "money": Decimal("0.10"),
            "when": NOON,
            "word": Word.PASSED,
            "set": {"b", "a"},
            "huge": 10**5000,
        }
    )

    assert cleaned["long"] == "9007199254740992"
    assert cleaned["exact"] == 2**53 - 1
    assert cleaned["whole"] == "1e+20"
    assert cleaned["nan"] == "nan"
    assert cleaned["surrogate"].startswith("a\ufffd")
    assert cleaned["path"] == "x/y"
    assert cleaned["money"] == "0.10"
    assert cleaned["when"] == "2026-11-20T12:00:00+00:00"
    assert cleaned["word"] == "passed"
    assert cleaned["set"] == ["a", "b"]
    assert cleaned["huge"].startswith("0x") or cleaned["huge"].startswith("1")


def test_bytes_and_objects_are_refused():
    """What is no plain data is the caller's mistake and says so."""
    for value in (b"raw", object(), {1: "key"}):
        with pytest.raises(TypeError):
            clean({"value": value} if not isinstance(value, dict) else value)


def test_a_flood_is_cut_and_says_so():
    """Ten megabytes of output, a million items and deep nesting stay far below the line limit."""
    deep: list = []
    for _ in range(500):
        deep = [deep]

    flooded = make({"deep": deep, "items": list(range(10**6)), "text": "\x01" * 10**7})

    assert len(flooded.line()) < MAX_LINE_BYTES
    assert "nested too deep" in str(flooded.data["deep"])
    assert "more cut" in str(flooded.data["items"][-1])
    assert len(make({"text": "\x01" * 10**7}).line()) < MAX_LINE_BYTES
    assert "characters cut" in make({"text": "x" * 2 * MAX_CHARACTERS}).data["text"]


def test_keys_that_clean_to_the_same_text_are_both_kept():
    """Nothing is dropped when two keys differ only in a lone surrogate."""
    assert len(clean({chr(0xD800): 1, chr(0xD801): 2})) == 2


def test_times_are_utc_with_microseconds():
    """A local time is converted, and the form is always the same length."""
    east = NOON.astimezone(timezone(timedelta(hours=9)))

    assert new_record("trial", seq=1, prev=GENESIS, time=east).time == "2026-11-20T12:00:00.000000Z"


def test_an_unknown_event_is_refused_when_written():
    """The table in docs/audit.md stays complete."""
    with pytest.raises(ValueError, match="EVENTS"):
        new_record("exploded", seq=1, prev=GENESIS, time=NOON)


def broken(change):
    """A good line after `change` was done to its JSON, sealed again so that only form can fail."""
    value = make({"n": 1}, reflection="r").to_json()
    change(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[1]", "not an object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"seq":' + b"9" * 5000 + b"}", "not JSON"),
        (broken(lambda v: v.pop("target")), "target"),
        (broken(lambda v: v.update(extra=1)), "extra"),
        (broken(lambda v: v.update(seq=True)), "seq"),
        (broken(lambda v: v.update(seq="1")), "seq"),
        (broken(lambda v: v.update(time="yesterday")), "time"),
        (broken(lambda v: v.update(data=[])), "data"),
        (broken(lambda v: v.update(hash="0" * 63 + "G")), "hash"),
        (broken(lambda v: v.update(data={"n": 2})), "does not match its hash"),
        (broken(lambda v: v.update(data={"n": 1.0})), "canonical"),
        (make({"n": 1}).line()[:-1].replace(b'{"n":1}', b'{"n": 1}'), "canonical"),
        (make({"n": 1}).line()[:-1].replace(b'{"n":1}', b'{"n":1,"n":1}'), "canonical"),
        (make({"n": "a"}).line()[:-1].replace(b'"a"', b'"\\u0061"'), "canonical"),
    ],
)
def test_a_line_that_is_no_record_says_why(line, said):
    """Each way to be wrong has its own words."""
    with pytest.raises(NotARecord, match=said):
        from_line(line)


def test_a_half_character_as_a_name_is_no_record():
    """RFC 8785 sorts names by UTF-16, which half of a surrogate pair does not have."""
    good = make({"a": 1, "b": 2}).line()[:-1]
    with pytest.raises(NotARecord, match="canonical"):
        from_line(good.replace(b'"a"', rb'"\ud800"'))


def test_a_hash_member_inside_the_data_is_not_the_records_own():
    """Hostile data cannot move the place where the hash is taken out."""
    record = make({"hash": "0" * 64, "prev": '","hash":"', "text": '"hash":"' + "1" * 64 + '",'})

    assert from_line(record.line()[:-1]) == record


@given(st.dictionaries(st.text(), ANYTHING, max_size=3))
def test_the_line_is_the_canonical_form(data):
    """The quick writer-side and reader-side paths agree with RFC 8785."""
    record = make(data, reflection="r\U0001f600", target="t")

    assert record.line()[:-1] == rfc8785.dumps(record.to_json())


@given(st.binary(max_size=300))
def test_random_bytes_are_never_a_record_and_never_a_surprise(noise):
    """The reader answers NotARecord to anything, and raises nothing else."""
    with pytest.raises(NotARecord):
        from_line(noise)


@given(st.data())
def test_any_flipped_bit_is_noticed(data):
    """No single bit of a line can change unseen."""
    line = make({"text": "äöü", "n": 12, "f": 0.5}, reflection="r").line()[:-1]
    bit = data.draw(st.integers(0, len(line) * 8 - 1))
    changed = bytearray(line)
    changed[bit // 8] ^= 1 << bit % 8

    with pytest.raises(NotARecord):
        from_line(bytes(changed))
