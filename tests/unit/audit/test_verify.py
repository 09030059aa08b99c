"""The tamper matrix: what the chain sees alone, what only a head shows, and two verifiers.

Random places come from fixed seeds, so a failure can be replayed.
"""

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.record import MAX_LINE_BYTES, from_line
from audit.trail import Trail, verify

SHELL = Path(__file__).parents[3] / "audit" / "verify.sh"
COUNT = 20


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """A good trail of twenty records, as lines."""
    path = tmp_path_factory.mktemp("good") / "trail.jsonl"
    trail = Trail(path)
    hostile = '","hash":"' + "0" * 64 + '","prev":"'
    for number in range(COUNT):
        data = {"n": number, "text": f"ä\t\x7f\U0001f600 {hostile}", "hash": "0" * 64, "f": 0.1}
        trail.append("trial", reflection=f'r-{number}",', target="shop", data=data)
    return tuple(path.read_bytes().splitlines(keepends=True))


def sealed_again(lines, start):
    """The records from index `start` on, chained and hashed again: what a forger would do."""
    kept = list(lines[:start])
    prev = from_line(kept[-1][:-1]).hash if kept else "0" * 64
    for line in lines[start:]:
        value = json.loads(line)
        record = from_line(line[:-1]) if "hash" in value else None
        assert record is not None
        fresh = type(record)(**{**value, "prev": prev}).sealed()
        kept.append(fresh.line())
        prev = fresh.hash
    return kept


def edited(line, **changes):
    """A record with other content and the hash that belongs to it."""
    record = from_line(line[:-1])
    return type(record)(**{**record.to_json(), **changes}).sealed().line()


def edit_inner(lines, at, rng):
    lines[at] = lines[at].replace(b'"target":"shop"', b'"target":"shoq"')
    return at + 1


def edit_inner_and_hash_again(lines, at, rng):
    lines[at] = edited(lines[at], data={"n": "forged"})
    return at + 2


def swap_with_next(lines, at, rng):
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return at + 1


def delete_inner(lines, at, rng):
    del lines[at]
    return at + 1


def duplicate(lines, at, rng):
    lines.insert(at, lines[at])
    return at + 2


def flip_a_bit(lines, at, rng):
    line = bytearray(lines[at])
    bit = rng.randrange(len(line) * 8)
    line[bit // 8] ^= 1 << bit % 8
    lines[at] = bytes(line)
    return at + 1


def empty_line(lines, at, rng):
    lines.insert(at, b"\n")
    return at + 1


def carriage_return(lines, at, rng):
    lines[at] = lines[at][:-1] + b"\r\n"
    return at + 1


SEEN_BY_THE_CHAIN = [
    edit_inner,
    edit_inner_and_hash_again,
    swap_with_next,
    delete_inner,
    duplicate,
    flip_a_bit,
    empty_line,
    carriage_return,
]


@pytest.mark.parametrize("attack", SEEN_BY_THE_CHAIN)
def test_the_chain_alone_names_the_first_bad_record(lines, attack, tmp_path):
    """300 times each, everywhere but at the last record: found, and at the exact number."""
    rng = random.Random(20261120)  # noqa: S311 -- repeatable on purpose
    path = tmp_path / "trail.jsonl"
    for _ in range(300):
        changed = list(lines)
        expected = attack(changed, rng.randrange(COUNT - 1), rng)
        path.write_bytes(b"".join(changed))

        found = verify(path)

        assert not found.ok
        assert found.first_bad == found.line == expected
        assert str(found).startswith(f"record {expected} (line {expected}): ")
        assert found.records == expected - 1


def test_a_bit_flipped_in_the_last_line_is_found_too(lines, tmp_path):
    """Every single bit of the last line, its newline included."""
    path = tmp_path / "trail.jsonl"
    rng = random.Random(1)  # noqa: S311 -- repeatable on purpose
    for _ in range(300):
        changed = list(lines)
        expected = flip_a_bit(changed, COUNT - 1, rng)
        path.write_bytes(b"".join(changed))

        assert verify(path).first_bad == expected


def truncate(lines, at):
    return lines[:at], at + 1


def edit_last(lines, at):
    return [*lines[:-1], edited(lines[-1], data={"n": "forged"})], COUNT


def rewrite_from(lines, at):
    forged = [*lines[:at], edited(lines[at], data={"n": "forged"}), *lines[at + 1 :]]
    return sealed_again(forged, at + 1), COUNT


@pytest.mark.parametrize("attack", [truncate, edit_last, rewrite_from])
def test_what_the_chain_cannot_see_an_exported_head_shows(lines, attack, tmp_path):
    """A cut tail, a forged last record and a rewritten chain pass alone, and fail with the head."""
    path = tmp_path / "trail.jsonl"
    head = (COUNT, from_line(lines[-1][:-1]).hash)
    for at in range(COUNT):
        changed, expected = attack(list(lines), at)
        path.write_bytes(b"".join(changed))

        assert verify(path).ok, "the limit docs/audit.md states"
        assert verify(path, head=head).first_bad == expected


def test_a_head_noted_earlier_fits_a_trail_that_has_grown(lines, tmp_path):
    """The head need not be the newest: the record it names must still be there."""
    path = tmp_path / "trail.jsonl"
    path.write_bytes(b"".join(lines))

    for count in range(1, COUNT + 1):
        assert verify(path, head=(count, from_line(lines[count - 1][:-1]).hash)).ok
    assert not verify(path, head=(7, "0" * 64)).ok
    assert verify(path, head=(7, "0" * 64)).first_bad == 7


def test_an_endless_line_is_not_read_into_memory(tmp_path):
    """A line longer than a record can be ends the check with a reason."""
    path = tmp_path / "trail.jsonl"
    path.touch()
    os.truncate(path, 10 * MAX_LINE_BYTES)

    assert "longer than a record" in verify(path).reason


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=200), at=st.integers(0, COUNT), data=st.data())
def test_noise_anywhere_is_a_verdict_and_never_an_exception(
    lines, noise, at, data, tmp_path_factory
):
    """Whatever is put in, the verifier answers; it is satisfied only with the trail unchanged."""
    whole = b"".join(lines)
    place = data.draw(st.integers(0, len(whole)))
    changed = whole[:place] + noise + whole[place:]
    path = tmp_path_factory.mktemp("noise") / "trail.jsonl"
    path.write_bytes(changed)

    assert verify(path).ok == (changed == whole)


def shell(path, *head):
    """What the independent script says: (ok, its words)."""
    command = ["bash", str(SHELL), str(path), *map(str, head)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("attack", [None, *SEEN_BY_THE_CHAIN])
def test_the_shell_verifier_agrees(lines, attack, tmp_path):
    """bash, jq and sha256sum reach the same verdict at the same record, without any mendd code."""
    path = tmp_path / "trail.jsonl"
    rng = random.Random(7)  # noqa: S311 -- repeatable on purpose
    for _ in range(4):
        changed = list(lines)
        if attack:
            attack(changed, rng.randrange(COUNT - 1), rng)
        path.write_bytes(b"".join(changed))

        found, (ok, said) = verify(path), shell(path)

        assert ok == found.ok, said
        if not ok and "control characters" not in said:
            assert said.startswith(f"record {found.first_bad} ")
        if ok:
            assert f"head: {COUNT} {found.head_hash}" in said


@pytest.mark.parametrize("attack", [truncate, edit_last, rewrite_from])
def test_the_shell_verifier_takes_a_head_too(lines, attack, tmp_path):
    """With the noted head it finds what the chain alone cannot see."""
    path = tmp_path / "trail.jsonl"
    head = (COUNT, from_line(lines[-1][:-1]).hash)
    path.write_bytes(b"".join(lines))
    assert shell(path, *head)[0]

    path.write_bytes(b"".join(attack(list(lines), 12)[0]))
    assert shell(path)[0]
    assert not shell(path, *head)[0]


def test_the_shell_verifier_sees_half_a_line(lines, tmp_path):
    """A torn tail is named by both."""
    path = tmp_path / "trail.jsonl"
    for cut in (1, 30):
        path.write_bytes(b"".join(lines)[:-cut])
        assert verify(path).torn
        assert shell(path) == (False, f"record {COUNT} (line {COUNT}): half a line\n")


def test_the_shell_verifier_is_about_thirty_lines():
    """Short enough to be read before it is trusted."""
    assert len(SHELL.read_text().splitlines()) <= 35
