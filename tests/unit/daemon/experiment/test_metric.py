"""A number is read from output that nobody trusts."""

import pytest

from daemon.experiment.metric import read
from daemon.experiment.session import Metric


def metric(pattern: str) -> Metric:
    return Metric(name="steps", command=("x",), pattern=pattern)


def test_the_last_match_counts_and_all_are_counted() -> None:
    """Programs often print progress first."""
    found = read(metric(r"^steps: (\d+)$"), "steps: 9\nnoise\nsteps: 7\n")

    assert (found.value, found.matches, found.trouble) == (7.0, 2, "")


@pytest.mark.parametrize("text", ["-1.5e3", " 12 ", "0"])
def test_numbers_as_programs_print_them(text: str) -> None:
    """Signs, exponents and spaces around are fine."""
    assert read(metric(r"=(.*)"), f"={text}").value == float(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "many", "", "1" * 400])
def test_what_is_no_finite_number_is_trouble(text: str) -> None:
    """No nonsense is compared; the text is shown, shortened."""
    found = read(metric(r"=(.*)"), f"={text}")

    assert found.value is None
    assert "is no finite number" in found.trouble
    assert len(found.trouble) < 200


def test_no_match_names_the_pattern() -> None:
    """So a person sees what to put right."""
    assert "matches nothing" in read(metric(r"steps: (\d+)"), "hello").trouble


def test_a_pattern_that_explodes_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile output cannot keep the worker busy."""
    monkeypatch.setattr("daemon.experiment.metric.MOST_S", 0.5)

    found = read(metric(r"(a|aa)+$"), "a" * 60 + "b")

    assert found.value is None
    assert "took more than" in found.trouble


def test_only_the_end_of_the_output_is_searched() -> None:
    """An output of any size costs the same."""
    assert read(metric(r"steps: (\d+)"), "steps: 1\n" + "x" * 200_000).value is None


def test_a_group_that_took_no_part_is_trouble() -> None:
    """`(…)?` may match without its group."""
    assert "no finite number" in read(metric(r"steps(: \d+)?"), "steps").trouble
