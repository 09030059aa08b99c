"""What a tool's answer means: it failed (how?), the code under test failed, or neither.

Formats rarely say it, so the text is read; but the text of a file, a search or a log may hold any
words, so answers of reading tools count only where they begin with an error.
"""

import re
from typing import Literal

from reflections.transcripts.transcript import Step

Failure = Literal["timeout", "unknown_tool", "arguments", "missing", "busy", "error"]

_HEAD, _SHORT = 600, 400  # characters looked at first; a text so short is no file's content
_READS = re.compile(
    r"(?:^|[_-])(?:read|view|open|cat|grep|search|glob|find|fetch|show|get|list|ls)(?:$|[_-])"
    r"|^(?:Read|Grep|Glob|LS|WebFetch|WebSearch)$",
)
_READING = re.compile(
    r"^\W*(?:cd [^&;]+&& )?(?:cat|less|head|tail|grep|rg|ag|sed -n|awk|git (?:show|log|diff|grep"
    r"|blame)|ls|find|echo|wc|tree|journalctl|docker logs|kubectl logs)\b"
)
_TESTS = re.compile(
    r"pytest|unittest|\btox\b|\bnox\b|(?:npm|yarn|pnpm)(?: run)? (?:test|build|lint)|jest|vitest"
    r"|cargo (?:test|build|check|clippy)|go (?:test|build|vet)|\bmvn\b|gradle|make\b|ctest|rspec"
    r"|run_?tests?|mypy|ruff|flake8|eslint|\btsc\b|[\"_]build\b|\bcheck\.sh|\btest\.sh",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(
    r"\btimed[ -]?out\b|\btime ?out (?:exceeded|expired|reached|after|of \d)|\bTimeoutExpired\b"
    r"|\bTimeoutError\b|\bReadTimeout\b|\bConnectTimeout\b|deadline exceeded|\bETIMEDOUT\b"
    r"|(?:exit(?:ed)?(?: with)?(?: code| status)?|returncode>?)[ :=]{0,2}124\b|gateway time-?out"
    r"|exceeded (?:the |its )?(?:time ?limit|timeout|maximum (?:execution )?time)"
    r"|took too long|killed after \d+",
    re.IGNORECASE,
)
_HARNESS_TIMED_OUT = re.compile(
    r"\b(?:command|process|tool|call|execution|shell|bash)\b[^.\n]{0,40}\btimed[ -]?out\b"
    r"|timed out after \d+[^\n]{0,20}$|(?:exit(?:ed)?(?: with)?(?: code| status)?)[ :=]{0,2}124\b",
    re.IGNORECASE | re.MULTILINE,
)
_CODE_LINE = re.compile(
    r"^\s*(?:\d+[:\t│|→-]|[+-]?\s*(?:except|raise|import|from|def|class|#|//)\b)"
)
_FOUND_IN = re.compile(r"[\w./-]+:\d+[:-]")  # what a search answers: file, line, text
_DENIED = re.compile(r"\b(?:no|not|never|without|0|zero)\b|n't\b", re.IGNORECASE)
_BEGINS = re.compile(
    r"\s*(?:<(?:error|tool_use_error|stderr)>|\[?(?:error|fatal|exception|failed|failure)\b\]?\s?"
    r"(?:[:!(\n]|executing|calling|running|while)|Traceback \(most recent call last\)"
    r"|\{\s*\"(?:error|is_error)\"\s*:(?!\s*(?:null|false|\"\")))",
    re.IGNORECASE,
)
_UNKNOWN_TOOL = re.compile(
    r"(?:unknown|no such|unrecogni[sz]ed|unsupported|invalid) (?:tool|function)\b(?! argument)"
    r"|(?:tool|function) [^\n]{0,60}(?:not found|does not exist"
    r"|is not (?:available|defined|known))",
    re.IGNORECASE,
)
_ARGUMENTS = re.compile(
    r"invalid (?:argument|parameter|input|arguments|parameters|json)|missing (?:\d+ )?required"
    r"|validation error|inputvalidationerror|unexpected keyword argument"
    r"|required (?:parameter|property)"
    r"|(?:unrecogni[sz]ed|unknown|illegal) (?:argument|option|flag)|does not match (?:the )?schema"
    r"|string (?:to replace )?(?:was )?not found in|no match(?:es)? (?:was )?found for old"
    r"|old_str(?:ing)?\b[^\n]{0,60}(?:not|multiple)|usage: ",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"no such file or directory|(?:file|path|directory|module|table|branch|ref|image|url|page)\b"
    r"[^\n]{0,80}(?:not found|does(?: not|n't) exist|could not be found)|command not found"
    r"|No module named|ENOENT|FileNotFoundError|ModuleNotFoundError|\b404\b|cannot find"
    r"|is not recognized as|not found: ",
    re.IGNORECASE,
)
_BUSY = re.compile(
    r"\b(?:429|502|503|529)\b|rate.?limit|too many requests|temporarily unavailable|overloaded"
    r"|connection (?:reset|refused)|try again|service unavailable|lock(?:ed)? by another|EAGAIN"
    r"|resource busy|index\.lock",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"permission denied|access denied|\bEACCES\b|\b40[13]\b|forbidden", re.IGNORECASE
)
_EXIT = re.compile(
    r"(?:exit(?:ed)?(?: with)?(?: code| status)?|returncode>?|return code)[ :=]{0,2}"
    r"(-?[1-9]\d{0,2})\b",
    re.IGNORECASE,
)
_PENDING = re.compile(
    r"\b(?:pending|running|in[ _-]progress|queued|starting|building|waiting|processing|deploying"
    r"|not (?:yet )?(?:ready|finished|done|complete)|still)\b|\b\d{1,3} ?%",
    re.IGNORECASE,
)
_TEST_FAILED = re.compile(
    r"\b[1-9]\d* (?:failed|errors?|failing|failures?)\b|^FAILED\b|^FAIL\b|--- FAIL|AssertionError"
    r"|Traceback \(most recent call last\)|\berror(?:\[E\d+\])?: |SyntaxError|Failures?: [1-9]"
    r"|BUILD FAILED|Compilation failed|npm ERR!|test result: FAILED",
    re.MULTILINE,
)
_TEST_PASSED = re.compile(
    r"\b\d+ passed\b|\bOK\b|\bPASS\b|\bpassing\b|test result: ok|All checks passed|no issues found"
    r"|BUILD SUCCESS|\b0 (?:failed|errors|failures)\b",
    re.IGNORECASE,
)


def reads(step: Step) -> bool:
    """Whether the call only looks at something, so that its answer may hold any words."""
    return bool(_READS.search(step.call.tool)) or bool(_READING.search(_command(step)))


def tests(step: Step) -> bool:
    """Whether the call runs tests, a build or a linter: their failure is a finding, no fault."""
    named = _TESTS.search(step.call.tool)
    return bool(named) or (not reads(step) and bool(_TESTS.search(_command(step))))


def pending(step: Step) -> bool:
    """Whether the answer says that something is under way: asking again is polling."""
    return len(step.text) < _SHORT and bool(_PENDING.search(step.text))


def failure(step: Step) -> Failure | None:
    """How the tool itself failed; None when it did its work, or its answer is not there."""
    result = step.result
    if result is None or result.failed is False:
        return None
    text, head = result.text, result.text[:_HEAD]
    if result.failed is not True and reads(step) and not _an_error(text):
        return None
    if _timed_out(step):
        return "timeout"
    told = result.failed is True or _BEGINS.match(text) or (len(text) < _SHORT)
    if tests(step) and not _could_not_run(text):
        return None
    if not told and not (_EXIT.search(head[:80]) or _EXIT.search(text[-80:])):
        return None
    certain = result.failed is True or bool(_BEGINS.match(text)) or _exit_code(text) is not None
    return _kind(head, certain=certain, quiet=_only_no_match(step))


def _kind(head: str, *, certain: bool, quiet: bool) -> Failure | None:
    kinds: tuple[tuple[Failure, re.Pattern[str]], ...] = (
        ("unknown_tool", _UNKNOWN_TOOL), ("arguments", _ARGUMENTS), ("busy", _BUSY),
        ("missing", _MISSING), ("error", _REFUSED),
    )  # fmt: skip
    for kind, pattern in kinds:
        found = pattern.search(head)
        if found and (certain or found.start() < 80) and not _denied(head, found.start()):
            return kind
    return "error" if certain and not quiet else None


def tests_failed(step: Step) -> bool | None:
    """True or False when a run of tests (or a build) came out so; None for anything else."""
    if step.result is None or not tests(step):
        return None
    tail = step.text[-3000:]
    if step.result.failed or _exit_code(step.text) is not None or failure(step):
        return True
    if any(not _denied(tail, found.start(), 8) for found in _TEST_FAILED.finditer(tail)):
        return True
    return False if _TEST_PASSED.search(tail) or step.result.failed is False else None


def _an_error(text: str) -> bool:
    """Whether the answer of a reading tool is a complaint and not content."""
    first = text.lstrip().split("\n", 1)[0]
    short = len(text) < _SHORT and text.count("\n") < 4 and not _FOUND_IN.match(first)
    return bool(_BEGINS.match(text)) or (
        short and bool(_MISSING.search(first) or _TIMED_OUT.search(first) or _REFUSED.search(first))
    )


def _timed_out(step: Step) -> bool:
    pattern = _HARNESS_TIMED_OUT if tests(step) else _TIMED_OUT
    text = step.text
    for part in {text[:_HEAD], text[-_HEAD:]}:
        for line in part.split("\n"):
            found = pattern.search(line)
            if found and not _CODE_LINE.match(line) and not _denied(line, found.start()):
                return True
    return False


def _denied(text: str, at: int, reach: int = 24) -> bool:
    before = text[max(0, at - reach) : at].rsplit("\n", 1)[-1]
    return bool(_DENIED.search(before))


def _could_not_run(text: str) -> bool:
    return bool(
        re.search(
            r"command not found|No module named ['\"]?(?:pytest|tox|mypy|ruff)\b|Missing script"
            r"|file or directory not found|\bexit(?:ed)?(?: with)?(?: code| status)?[ :=]{0,2}127\b"
            r"|No rule to make target|is not recognized",
            text,
        )
    )


def _exit_code(text: str) -> int | None:
    for part in (text[:120], text[-120:]):
        if found := _EXIT.search(part):
            return int(found[1])
    return None


def _only_no_match(step: Step) -> bool:
    """`grep` and `diff` leave with 1 when there is nothing to show, or a difference."""
    command = _command(step)
    asked = re.search(r"\b(?:grep|rg|diff|cmp|test|pgrep|which)\b|\[ ", command)
    return bool(asked) and _exit_code(step.text) in (1, None) and "rror" not in step.text


def _command(step: Step) -> str:
    """The command of a shell-like call, else its arguments."""
    found = re.search(
        r'"(?:command|cmd|code|script)":\s*"((?:[^"\\]|\\.){0,2000})', step.call.arguments
    )
    if found:
        return found[1].replace("\\n", "\n").replace('\\"', '"')
    listed = re.search(r'"(?:command|cmd)":\s*\[([^\]]{0,2000})\]', step.call.arguments)
    if listed:
        return " ".join(re.findall(r'"((?:[^"\\]|\\.)*)"', listed[1])[-1:])
    return step.call.arguments.strip('"')[:2000]
