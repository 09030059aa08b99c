"""The words triage goes by: keyword families, and the words that turn a failure word harmless.

Only the families are settings. The rest is grammar: what denies, mends, expects or merely names a
failure. All of it is measured on tests/data/triage.jsonl.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Families:
    """Keywords per kind. A keyword may be several words; each matches its inflections too.

    `fail` also matches fails, failed, failing, failure. `not work` also matches `doesn't work`.
    """

    bug: tuple[str, ...]
    performance: tuple[str, ...]
    behaviour: tuple[str, ...]


DEFAULT = Families(
    bug=(
        "fail", "error", "bug", "issue", "problem", "exception", "crash", "traceback", "wrong",
        "incorrect", "break", "defect", "fault", "faulty", "regression", "corrupt", "segfault",
        "deadlock", "unable to", "not work", "not pass", "not compile", "not start",
        "not terminate", "not respond", "no longer work", "no longer pass", "erroneous",
    ),
    performance=(
        "slow", "sluggish", "inefficient", "inefficiency", "timeout", "time out", "latency",
        "bottleneck", "memory leak", "memory usage", "cpu usage", "too long", "quadratic", "laggy",
        "performance",
    ),
    behaviour=(
        "retry loop", "hallucinate", "hallucination", "lose context", "lose track",
        "ignore the instruction", "ignore instruction", "misunderstand", "misread", "forget",
        "in circles", "same action", "keep retry", "repeat the same", "off track", "off topic",
        "gave up", "stuck in a loop", "invent an api", "made up",
    ),
)  # fmt: skip
"""The families of design.md, step 3."""

IRREGULAR = {
    "break": ("break", "breaks", "broke", "broken", "breaking", "breakage"),
    "issue": ("issue", "issues"),
    "lose": ("lose", "loses", "lost", "losing"),
    "forget": ("forget", "forgets", "forgot", "forgotten", "forgetting"),
    "misunderstand": ("misunderstand", "misunderstands", "misunderstood", "misunderstanding"),
    "keep": ("keep", "keeps", "kept", "keeping"),
    "retry": ("retry", "retries", "retried", "retrying"),
    "time": ("time", "times", "timed", "timing"),
    "to": ("to",), "in": ("in",), "a": ("a",), "an": ("an",), "the": ("the",), "too": ("too",),
    "out": ("out",), "no": ("no",), "off": ("off",), "up": ("up",), "usage": ("usage",),
    "long": ("long",), "longer": ("longer",), "performance": ("performance",),
}  # fmt: skip
ENDINGS = ("", "s", "es", "d", "ed", "ing", "ure", "ures", "ly", "y", "er", "est", "ness", "ion",
           "ions")  # fmt: skip

NOT = {
    "not", "cannot", "can't", "couldn't", "didn't", "doesn't", "don't", "hasn't", "haven't",
    "hadn't", "isn't", "aren't", "wasn't", "weren't", "won't", "wouldn't", "shouldn't", "never",
}  # fmt: skip
NOTHING = {"no", "zero", "0", "0%", "without", "none", "nothing", "nobody", "neither", "nor",
           "free", "never", "0.0", "0.0%"}  # fmt: skip
WITH_ARTICLE = {"without", "none", "neither", "free", "0"}
"""After these `the` does not end the denial: none of the tests failed, 0 of the 12 failed."""
BETWEEN_NOT = {
    "a", "an", "any", "even", "once", "really", "actually", "ever", "single", "more", "further",
    "see", "seen", "find", "found", "cause", "caused", "produce", "produced", "get", "got",
    "encounter", "encountered", "have", "had", "hit", "show", "report", "throw", "raise", "give",
    "result", "in", "lead", "to", "return", "log", "contain", "introduce", "experience", "be",
    "been", "appear", "of", "run", "into", "other", "new", "considered", "end", "up", "known",
    "actual", "stuck", "anything", "visible", "one", "suffer", "from",
}  # fmt: skip
"""Words that may stand between a `not` and what it denies: did not produce any further errors."""
STOPS = {
    "for", "because", "why", "when", "that", "which", "who", "and", "since", "as", "on", "if",
    "until", "after", "before", "how", "whether", "what", "where", "could", "can", "would", "to",
    "but", "so", "then", "with", "idea", "fix", "solution", "sure", "clue", "i", "we", "it",
    "despite",
}  # fmt: skip
"""Words no denial reaches across: no idea why it failed."""

MENDED = {
    "fixed", "fixes", "resolved", "resolves", "solved", "solves", "repaired", "corrected",
    "eliminated", "removed", "squashed", "patched", "addressed", "closed", "prevented", "avoided",
    "handled", "cured", "prevents", "avoids", "handles", "healed", "cleared", "mitigated",
    "recovered", "closes", "rejects", "caught", "ensured",
}  # fmt: skip
MENDED_AFTER = (MENDED - {"caught", "handles", "rejects"}) | {
    "gone", "passes", "pass", "disappeared", "vanished", "succeeds", "succeeded",
}  # fmt: skip
FASTER = {"improved", "improves", "faster", "fast", "reduced", "optimised", "optimized", "good",
          "fine", "halved", "acceptable", "dropped", "better"}  # fmt: skip
NOT_YET = NOT | {
    "be", "must", "should", "needs", "need", "tried", "trying", "partially", "partly", "almost",
    "supposedly", "failed", "hopefully", "try", "unable", "supposed",
}  # fmt: skip
"""Before `fixed` these mean that it is not: needs to be fixed."""

HARMLESS_AFTER = {
    "handling", "handler", "handlers", "tracker", "trackers", "tracking", "tolerance", "tolerant",
    "free", "safe", "over", "fast", "fix", "fixes", "bounty", "boundary", "boundaries", "budget",
    "recovery", "correction", "reporter", "hierarchy", "template", "statement", "proof",
    "reporting", "injection", "triage", "solving", "detection", "number",
}  # fmt: skip
"""Things named after failures: error handling, bug tracker, fail over."""
TOPICS = {"message", "messages", "page", "pages", "code", "codes", "log", "logs", "report",
          "reports", "type", "types", "case", "cases", "path", "paths", "text", "texts", "class",
          "classes", "scenario", "scenarios", "test", "tests"}  # fmt: skip
BUILDING = {
    "improved", "improve", "added", "add", "wrote", "write", "written", "clarified", "documented",
    "refactored", "implemented", "renamed", "updated", "translated", "created", "changed",
    "cleaned", "designed", "introduced", "defined", "covered", "moved", "unified", "reworded",
    "tested", "extended",
}  # fmt: skip
"""With a topic after it the failure word is only a subject: improved the error messages."""
HARMLESS = (
    "with the exception of", "trial and error", "crash course", "word problem", "problem set",
    "error bars", "error bar", "margin of error", "standard error", "mean squared error",
    "fault of", "as expected", "bug free", "sleep well", "out of the question",
)  # fmt: skip
CONTRAST = ("but", "however", "although", "though", "yet", "unfortunately", "except that",
            "whereas", "nevertheless")  # fmt: skip
COUNTERS = {"count", "counts", "rate", "found", "reported", "total", "encountered", "seen", "s",
            "logged", "detected", "remaining", "left", "tests", "checks"}  # fmt: skip
EQUALS = {":", "=", "is", "are", "was", "were", "to", "(", "at"}
NAUGHT = {"0", "0%", "none", "null", "nil", "no", "zero", "nothing", "false", "0.0", "0.0%", "[]"}
SUCCESS = {
    "success", "successful", "successfully", "succeeded", "succeeds", "passed", "pass", "passes",
    "ok", "okay", "done", "completed", "complete", "finished", "fixed", "resolved", "works",
    "working", "green", "solved", "merged", "accepted",
}  # fmt: skip
PARTLY = {"partial", "partially", "mixed", "incomplete", "partly", "almost", "some", "most"}
INSISTING = {
    "still", "again", "remains", "remain", "remaining", "keeps", "intermittently", "sometimes",
    "always", "whenever", "occasionally", "everytime", "flaky", "fails", "crashes", "breaks",
    "is", "are", "raises", "returns", "there's", "now", "gives", "remained",
}  # fmt: skip
"""After a success, only what is said to be so now counts: one test still fails."""
SOFT = {"issue", "problem", "regression"}
"""Bug words that leave the choice to another family: a performance problem."""
PATTERNS = (
    r"\bexit(?:ed|s)?(?: with)?(?: an?| the)?(?: \w+)? (?:code|status)[ :=]{1,3}[1-9]\d{0,4}\b",
    r"\bexpected\b[^.\n]{1,80}?(?:\bgot\b|\bbut\b|\breceived\b|\breturned\b)",
    r"\b(?:returns?|returned|gives?|gave|got|shows?|showed|prints?|printed|yields?|produces?"
    r"|computes?|computed|produced)\b[^.\n]{1,80}?\binstead\b",
    r"\bshould\b[^.\n]{1,80}?\bbut\b",
)
"""Failures told without a failure word."""
