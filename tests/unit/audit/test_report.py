"""Reports: the whole story in order, and hostile words stay words."""

import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from audit.record import GENESIS, new_record
from audit.report import MAX_BLOCK, fence, markdown_report, save_report, span
from audit.story import Attempt, Story, story_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOSTILE = [
    "# Verdict: applied",
    "[click](javascript:alert(1))",
    "<script>alert(1)</script>",
    "![x](http://evil.example/p.png)",
    "```\n# out of the fence\n```",
    "~~~~\n# out\n",
    "`` ` ```` ` ``",
    "\u202e\u2066 reversed \x1b[31m red \r# heading after a carriage return",
    "- item\n\n# heading\n\n---\n\n| a | b |",
    "\u2028# heading after a line separator",
    "&lt;b&gt; http://evil.example www.evil.example a@evil.example",
]


def records(*steps):
    """Records of reflection r-1, one per (event, data)."""
    made, prev = [], GENESIS
    for seq, (event, data) in enumerate(steps, start=1):
        record = new_record(
            event, seq=seq, prev=prev, time=NOON, reflection="r-1", target="shop", data=data
        )
        made.append(record)
        prev = record.hash
    return made


STEPS = [
    ("received", {"task_summary": "add two", "outcome": "failure", "reflection": "it subtracts"}),
    ("reported", {"filename": "cart.py", "function": "add", "severity": "high", "summary": "sign"}),
    ("proposed", {"attempt": 1, "engine": "claude", "rationale": "try", "diff": "-a\n+b\n"}),
    ("gate_refused", {"attempt": 1, "gate": "scope", "reason": "tests are protected"}),
    ("proposed", {"attempt": 2, "engine": "claude", "rationale": "again", "diff": "-c\n+d\n"}),
    (
        "trial",
        {"attempt": 2, "ending": "finished", "failed_tests": ["t::x"], "output": "1 failed"},
    ),
    ("rejected", {"reason": "all attempts failed", "evidence": "none", "tokens_in": 12}),
]


def test_the_story_is_told_from_the_trail():
    """Attempts keep their refusals and outputs, and the verdict is the last word."""
    story = story_of("r-1", records(*STEPS))

    assert story.verdict == "rejected"
    assert story.reason == "all attempts failed"
    assert [each.number for each in story.attempts] == [1, 2]
    assert story.attempts[0].refusals == ("scope: tests are protected",)
    assert story.attempts[1].output == "1 failed"
    assert story.attempts[1].failed_tests == ("t::x",)
    assert story.cost["tokens_in"] == "12"


def test_the_report_reads_in_order(tmp_path):
    """Title, what was reported, diagnosis, attempts, cost, records."""
    path = save_report(tmp_path / "reports", story_of("r-1", records(*STEPS)))

    text = path.read_text()
    headings = re.findall(r"^#+ .*$", text, re.M)
    assert headings == [
        "# Reflection `r-1`",
        "## What was reported",
        "## Diagnosis",
        "## Attempt 1",
        "## Attempt 2",
        "## Cost",
        "## Records in the trail",
    ]
    assert "- refused by a gate: `scope: tests are protected`" in text
    assert "```diff\n-c\n+d\n```" in text


def test_an_applied_patch_shows_its_diff_and_commit():
    """What was applied has its own section."""
    applied = ("applied", {"files": ["cart.py"], "commit": "abc", "diff": "-a\n+b", "cost_usd": 1})

    text = markdown_report(story_of("r-1", records(*STEPS[:2], applied)))

    assert "- verdict: **applied**" in text
    assert "- commit: `abc`" in text
    assert "## What was applied" in text


def test_records_with_unexpected_data_shorten_the_story_only():
    """Odd data never raises."""
    odd = {"attempt": "x", "failed_tests": "no list", "diff": ["a"], "reason": {"a": [1]}}

    story = story_of("r-1", records(*((event, odd) for event, _ in STEPS), ("trial", {})))

    assert markdown_report(story)


def outside(text):
    """The lines of a report that no fence holds, with their code spans taken out."""
    left, closing = [], None
    for line in text.split("\n"):
        if closing:
            closing = None if line == closing else closing
        elif opening := re.fullmatch(r"(`{3,})[a-z]+", line):
            closing = opening[1]
        else:
            left.append(re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line))
    assert closing is None, "a fence stayed open"
    return left


def hostile_story(text):
    """A story whose every word is the same hostile text."""
    attempt = Attempt(
        number=1,
        engine=text,
        rationale=text,
        diff=text,
        refusals=(text,),
        result=text,
        failed_tests=(text,),
        output=text,
    )
    fields = dict.fromkeys(("source", "task_summary", "reflection", "traceback"), text)
    return Story(
        reflection=text,
        target=text,
        note=fields,
        diagnosis={"summary": text},
        attempts=(attempt,),
        verdict=text,
        reason=text,
        outcome={"commit": text},
        diff=text,
        cost={"model": text},
        steps=((text, text, text),),
    )


SAFE = re.compile(
    r"|# Reflection |## [A-Z][a-z ]+( 1)?|- [a-z ()A-Z]+: |- verdict: \*\*[a-z ]+\*\*"
    r"|[A-Z][a-z ]+:|- +[a-z ]+ "
)


def assert_harmless(text):
    """Nothing but our own headings, labels and list marks stands outside code."""
    report = markdown_report(hostile_story(text))
    for line in outside(report):
        assert SAFE.fullmatch(line), line
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\u2028]", report)


def test_hostile_words_stay_inside_code():
    """Headings, links, pictures, HTML, fences, escapes and reversed text do nothing."""
    for text in HOSTILE:
        assert_harmless(text)


@given(st.text(st.sampled_from("`~#\n\r <>[]()!-*_\\|x\u2028\x0b"), max_size=60))
def test_no_mix_of_markdown_gets_out(text):
    """Whatever backticks and line ends are mixed, code stays code."""
    assert_harmless(text)


def test_long_output_keeps_its_end_and_says_what_was_cut():
    """A flood does not flood the report."""
    lines = fence("x" * MAX_BLOCK + "the end", keep_end=True)

    assert "7 characters cut" in lines[1]
    assert lines[-2].endswith("the end")
    assert len(span("y" * 10_000)) < 2100


def test_an_instruction_has_a_report_of_its_own():
    """Who asked, which files and why, the engine's words, and what it learnt."""
    asked = {"kind": "modify", "by": "ada", "files": ["a.py"], "why": {"a.py": "named"}}
    steps = [
        ("received", {**asked, "task_summary": "cap it"}),
        ("proposed", {"attempt": 1, "rationale": "r", "explanation": "I see.", "diff": "+1"}),
        ("trial", {"attempt": 1, "ending": "finished", "reason": "broke", "output": "boom"}),
        ("reviewed", {"attempt": 1, "advice": "look at b"}),
        ("rejected", {"reason": "no"}),
    ]

    text = markdown_report(story_of("r-1", records(*steps)))

    assert text.startswith("# Modification `r-1`")
    assert "- asked by: `ada`" in text
    assert "- files: `a.py (named)`" in text
    assert "The instruction:\n\n```text\ncap it" in text
    assert "The engine's words:\n\n```text\nI see." in text
    assert "What the engine learnt from it:\n\n```text\nlook at b" in text
    assert "What was reported" not in text
