"""From a note to a function of the module, without a model.

Evidence, strongest first: a traceback's frames, a test named in the note, a qualified name, a name
in backticks or before "(", a word that is a function's name. Failing tests then decide which of
the functions meant is really involved.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from daemon.engines import Source
from daemon.engines.search.program import Program, Unparsable
from reflections.note import Reflection

FRAME = re.compile(r'File "([^"\n]+)", line (\d+)(?:, in ([\w<>.]+))?')
PYTEST_FRAME = re.compile(r"^(\S+\.py):(\d+): ", re.MULTILINE)
FILE = re.compile(r"(?<![\w/.-])((?:[\w.-]+/)*[\w-]+\.py)\b")
TEST_ID = re.compile(r"(?<![\w/.-])[\w/.-]+\.py::[\w:]+(?:\[[^\]\n]*\])?")
WORD = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
PLAIN = frozenset(  # everyday words that functions are called, too
    """a about add all and any append are assert at be but by call case check class close code
    count data def do error expected fail failed false find fix for format from function get give
    got has have if in index init input is it item key list load main make max min module name new
    no none not of on open or out output parse pass python raise read result return run same save
    send set should start stop sum test that the this time to true type update use value was when
    with work write wrong""".split()  # noqa: SIM905
)
MOST_FILES = 2000


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A function the note may mean, and how strongly it says so."""

    filename: str
    function: str | None
    weight: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a note says about the module."""

    suspects: tuple[Suspect, ...] = ()  # the strongest first
    tests: tuple[str, ...] = ()  # test ids or names in the note
    foreign: tuple[str, ...] = ()  # files it names that the module does not have
    words: frozenset[str] = frozenset()


@dataclass
class Library:
    """The module's editable files, parsed when first asked for."""

    source: Source
    _programs: dict[str, Program | None] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """Python files a patch may change."""
        names = [n for n in self.source.files if n.endswith(".py") and self.source.may_edit(n)]
        return names[:MOST_FILES]

    def program(self, filename: str) -> Program | None:
        """The parsed file; None when it is not there or no Python."""
        if filename not in self._programs:
            text = self.source.text(filename)
            try:
                self._programs[filename] = None if text is None else Program(filename, text)
            except Unparsable:
                self._programs[filename] = None
        return self._programs[filename]

    def functions(self) -> Iterator[tuple[str, str]]:
        """(file, qualified name) of every function that may be edited."""
        for filename in self.files:
            program = self.program(filename)
            for name in program.functions if program else ():
                yield filename, name


def read(reflection: Reflection, library: Library) -> Reading:
    """Everything in the note that points into the module or out of it."""
    text = reflection.text
    found: dict[tuple[str, str | None], Suspect] = {}

    def add(suspect: Suspect) -> None:
        key = (suspect.filename, suspect.function)
        if key not in found or found[key].weight < suspect.weight:
            found[key] = suspect

    foreign: list[str] = []
    for suspect in _from_frames(text, library, foreign):
        add(suspect)
    named_files = _files(text, library, foreign)
    for suspect in _from_names(text, library, named_files):
        add(suspect)
    for filename in named_files:
        add(Suspect(filename=filename, function=None, weight=0.3, why="the note names the file"))
    tests = [*TEST_ID.findall(text), *([reflection.test] if reflection.test else [])]
    ranked = sorted(found.values(), key=lambda s: (-s.weight, s.filename, s.function or ""))
    return Reading(
        suspects=tuple(ranked),
        tests=tuple(dict.fromkeys(tests)),
        foreign=tuple(dict.fromkeys(foreign)),
        words=frozenset(_parts(text)),
    )


def _from_frames(text: str, library: Library, foreign: list[str]) -> Iterator[Suspect]:
    """The functions a traceback goes through; the innermost weighs most."""
    frames = [(m[1], int(m[2]), m[3] or "") for m in FRAME.finditer(text)]
    frames += [(m[1], int(m[2]), "") for m in PYTEST_FRAME.finditer(text)]
    for depth, (path, line, said) in enumerate(reversed(frames)):
        filename = own_file(path, library.source.files)
        if filename is None:
            if "site-packages" not in path and "/lib/python" not in path:
                foreign.append(path)
            continue
        program = library.program(filename) if filename in library.files else None
        if program is not None:
            name = _function_at(program, line, said)
            weight = max(0.8, 1.0 - 0.02 * depth)
            yield Suspect(filename=filename, function=name, weight=weight, why="in the traceback")


def own_file(path: str, files: Sequence[str]) -> str | None:
    """The module's file a path of some other machine means: the longest common ending.

    >>> own_file("/srv/app/shop/cart.py", ["shop/cart.py", "cart.py"])
    'shop/cart.py'
    """
    path = path.replace("\\", "/")
    fitting = [name for name in files if path == name or path.endswith("/" + name)]
    return max(fitting, key=len, default=None)


def _function_at(program: Program, line: int, said: str) -> str | None:
    """The innermost function whose lines hold this one.

    The name the traceback gives (`said`) wins: lines move when a file is edited, names stay.
    """
    named = [name for name in program.functions if said in (name, name.rpartition(".")[2])]
    if len(named) == 1:
        return named[0]
    around = [
        (node.lineno, name)
        for name, node in program.functions.items()
        if node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around)[1] if around else None


def _files(text: str, library: Library, foreign: list[str]) -> list[str]:
    """Editable files the note names; those the module does not have go to `foreign`."""
    named: dict[str, None] = {}
    for match in FILE.finditer(FRAME.sub("", text)):
        path = match[1]
        own = own_file(path, library.source.files) or next(
            (name for name in library.source.files if name.endswith("/" + path)), None
        )
        if own is None:
            foreign.append(path)
        elif own in library.files:
            named.setdefault(own)
    return list(named)


def _from_names(text: str, library: Library, named_files: list[str]) -> Iterator[Suspect]:
    """Functions whose names stand in the note."""
    quoted = {w for m in re.finditer(r"`([^`\n]+)`", text) for w in WORD.findall(m[1])}
    called = {m[1] for m in re.finditer(r"([A-Za-z_][\w.]*)\(", text)}
    words = set(WORD.findall(text))
    lower = {word.lower() for word in words}
    for filename, qualname in library.functions():
        last = qualname.rpartition(".")[2]
        weight = _name_weight(qualname, last, quoted, called, words, lower)
        if weight and filename in named_files:
            weight = min(0.95, weight + 0.1)
        if weight:
            yield Suspect(
                filename=filename, function=qualname, weight=weight, why=f"the note names {last}"
            )


def _name_weight(
    qualname: str, last: str, quoted: set[str], called: set[str], words: set[str], lower: set[str]
) -> float:
    """How strongly the note's words mean this function; 0: not at all."""
    dotted = {w for w in words | quoted if "." in w}
    if "." in qualname and any(w == qualname or w.endswith("." + qualname) for w in dotted):
        return 0.9
    owner = qualname.rpartition(".")[0].rpartition(".")[2]
    both = bool(owner) and owner in words | quoted
    if last in quoted or any(w.rpartition(".")[2] == last for w in called | quoted):
        return 0.85 if both else 0.8
    if any(w.rpartition(".")[2] == last for w in dotted):
        return 0.75
    if last in words and ("_" in last.strip("_") or last.lower() not in PLAIN):
        return 0.75 if both else 0.7
    if last in words:
        return 0.6 if both else 0.2
    return 0.15 if last.lower() in lower and last.lower() not in PLAIN else 0.0


def _parts(text: str) -> Iterator[str]:
    """Lower-case words of a text, names split at underscores and capitals."""
    for word in re.findall(r"[A-Za-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text)):
        if len(word) > 2 and word.lower() not in PLAIN:
            yield word.lower()


def test_weight(test: str, message: str, reading: Reading) -> float:
    """How well a failing test fits the note by words alone."""
    mine = set(_parts(test.rpartition("::")[2].partition("[")[0])) | set(_parts(message[-300:]))
    return len(mine & reading.words) / (len(mine) or 1) if mine else 0.0


def named_tests(reading: Reading, failing: Sequence[str]) -> list[str]:
    """The failing tests the note names."""
    found = []
    for test in failing:
        bare = test.partition("[")[0]
        for name in reading.tests:
            if test == name or bare == name or bare.endswith(("::" + name, "/" + name)):
                found.append(test)
                break
    return found


def functions_run(
    lines: Mapping[str, frozenset[int]], library: Library
) -> dict[tuple[str, str], int]:
    """The editable functions a test ran, and how many of their lines."""
    found: dict[tuple[str, str], int] = {}
    for filename, numbers in lines.items():
        program = library.program(filename) if filename in library.files else None
        for name, node in program.functions.items() if program else ():
            inside = sum(node.lineno < n <= (node.end_lineno or node.lineno) for n in numbers)
            if inside:
                found[filename, name] = inside
    return found
