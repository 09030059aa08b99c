"""Which files an instruction means: those it names, else what it speaks of, each with the reason.

Looked at in this order, and the first that finds something decides: files given by name, paths and
module names in the text, names the module defines (functions, classes, constants), and last the
words of the text against names and docstrings. What stays ambiguous is said, never guessed.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.modifying.symbols import Symbol, symbols, words_of

MOST_CHOSEN = 5
MOST_LOOKED_AT = 5_000  # files
CLEAR = 1.5  # how much better than the next file the best one has to be
IN_NAME, IN_PATH, IN_DOCSTRING = 3.0, 2.0, 1.0
_PATH = re.compile(r"(?<![\w./~\\-])[\w./~\\-]+\.[A-Za-z]{1,5}\b")
_DOTTED = re.compile(r"(?<![\w./])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?![\w/])")
_QUOTED = re.compile(r"`([^`\s]{1,200}?)(?:\(\))?`|\b([A-Za-z_][\w.]*)\(\)")
_SHAPED = re.compile(r"\b(?:[A-Za-z_]\w*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)\b")


class Module(Protocol):
    """What is looked at; daemon/modifying/live.py has the real one."""

    @property
    def files(self) -> Sequence[str]: ...

    def text(self, filename: str) -> str | None:
        """The file's text, or None if it is none."""

    def complaint(self, filename: str) -> str | None:
        """Why an instruction may not touch this file, or None."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A file to work on, why, and the function in it that is meant if one is."""

    filename: str
    why: str
    function: str | None = None


@dataclass(frozen=True, kw_only=True)
class Unclear:
    """No file could be told; `reason` says why and what to do."""

    reason: str


def infer(words: str, named: Sequence[str], module: Module) -> tuple[Chosen, ...] | Unclear:
    """The files to work on, the most likely first, or why none can be told."""
    if named:
        return _named(words, named, module)
    files = [name for name in module.files if name.endswith((".py", ".pyi"))][:MOST_LOOKED_AT]
    editable = [name for name in files if module.complaint(name) is None]
    in_text, refused = _in_text(words, editable, module)
    if in_text:
        return in_text
    defined = {name: symbols(module.text(name) or "", name) for name in editable}
    return (
        _by_symbol(words, defined)
        or refused
        or _only_one(words, defined)
        or _by_words(words, defined)
        or _nothing(editable, module)
    )


def _named(words: str, named: Sequence[str], module: Module) -> tuple[Chosen, ...] | Unclear:
    """Files a person gave; each has to be one that may be touched."""
    complaints = [said for name in named if (said := module.complaint(name))]
    if complaints:
        return Unclear(reason="; ".join(complaints))
    chosen = []
    for name in dict.fromkeys(named):
        new = "" if name in module.files else ", does not exist yet"
        defined = {name: symbols(module.text(name) or "", name)} if not new else {}
        found = _by_symbol(words, defined)
        function = found[0].function if isinstance(found, tuple) and found else None
        chosen.append(Chosen(filename=name, why=f"given by name{new}", function=function))
    return tuple(chosen)


# -- paths and module names in the text ----------------------------------------------------------


def _in_text(
    words: str, editable: Sequence[str], module: Module
) -> tuple[tuple[Chosen, ...] | Unclear, Unclear | None]:
    """The files the text names, and why others it names may not be touched."""
    found: dict[str, Chosen] = {}
    refused: list[str] = []
    for path in dict.fromkeys(_PATH.findall(words)):
        fitting = [name for name in editable if name == path or name.endswith(f"/{path}")]
        exact = [name for name in fitting if name == path] or fitting
        if len(exact) > 1:
            may_be = f"{path} may be {_either(exact)}; give the file after the text"
            return Unclear(reason=may_be), None
        if exact:
            found[exact[0]] = Chosen(filename=exact[0], why=f"the instruction names {path}")
        elif said := _refused(path, module):
            refused.append(said)
        elif path.endswith((".py", ".pyi")):
            why = f"the instruction names {path}, which does not exist yet"
            found[path] = Chosen(filename=path, why=why)
    for dotted in dict.fromkeys(_DOTTED.findall(words)):
        name = _module_file(dotted, editable)
        if name and name not in found:
            found[name] = Chosen(filename=name, why=f"the instruction names {dotted}")
    chosen = tuple(_with_function(words, each, module) for each in found.values())
    return chosen[:MOST_CHOSEN], Unclear(reason="; ".join(refused)) if refused else None


def _refused(path: str, module: Module) -> str | None:
    """Why a path of the text may not be touched; a word that is no path of ours is none."""
    known = path in module.files or path.endswith((".py", ".pyi")) or "/" in path
    return module.complaint(path) if known else None


def _module_file(dotted: str, editable: Sequence[str]) -> str | None:
    """The file of `package.module`, or of the module a dotted name begins with."""
    parts = dotted.split(".")
    for count in range(len(parts), 1, -1):
        path = "/".join(parts[:count])
        for name in (f"{path}.py", f"{path}/__init__.py"):
            fitting = [each for each in editable if each == name or each.endswith(f"/{name}")]
            if len(fitting) == 1:
                return fitting[0]
    return None


def _with_function(words: str, chosen: Chosen, module: Module) -> Chosen:
    text = module.text(chosen.filename) if chosen.filename in module.files else None
    found = _by_symbol(words, {chosen.filename: symbols(text or "", chosen.filename)})
    if not isinstance(found, tuple) or not found:
        return chosen
    return replace(chosen, function=found[0].function)


# -- names the module defines ----------------------------------------------------------------------


def _by_symbol(words: str, defined: Mapping[str, Sequence[Symbol]]) -> tuple[Chosen, ...] | Unclear:
    """Files that define what the text names in backquotes, as a call, or in a code-like shape."""
    found: dict[str, Chosen] = {}
    for name in _identifiers(words):
        places = list(_places(name, defined))
        files = list(dict.fromkeys(filename for filename, _ in places))
        if len(files) > 1:
            return Unclear(
                reason=f"{name} is defined in {_either(files)}; give the file after the text"
            )
        if files:
            symbol = places[-1][1]
            function = symbol.name if symbol.callable else None
            why = f"it defines {symbol.name}"
            found.setdefault(files[0], Chosen(filename=files[0], why=why, function=function))
    return tuple(found.values())[:MOST_CHOSEN]


def _identifiers(words: str) -> Iterator[str]:
    """Names in the text, the surest first; a plain word counts when it is quoted or called."""
    quoted = [one or other for one, other in _QUOTED.findall(words)]
    yield from dict.fromkeys([*quoted, *_DOTTED.findall(words), *_SHAPED.findall(words)])


def _places(name: str, defined: Mapping[str, Sequence[Symbol]]) -> Iterator[tuple[str, Symbol]]:
    """Where a name is defined: as it stands, or as the end of a qualified or dotted one."""
    for filename, known in defined.items():
        for symbol in known:
            ends = symbol.name == name or symbol.name.endswith(f".{name}")
            if ends or _with_its_module(name, symbol.name, filename):
                yield filename, symbol


def _with_its_module(dotted: str, symbol: str, filename: str) -> bool:
    """Whether `dotted` is `symbol` with the file's own module name before it."""
    if not dotted.endswith(f".{symbol}"):
        return False
    module = dotted.removesuffix(f".{symbol}").rsplit(".", 1)[-1]
    return filename.rsplit("/", 1)[-1].removesuffix(".py") == module


# -- words of the text -----------------------------------------------------------------------------


def _only_one(words: str, defined: Mapping[str, Sequence[Symbol]]) -> tuple[Chosen, ...]:
    real = [name for name in defined if not name.endswith("__init__.py")]
    if len(real) != 1:
        return ()
    function = _best_function(words_of(words), defined[real[0]])
    why = "it is the only file that may be edited"
    return (Chosen(filename=real[0], why=why, function=function),)


def _by_words(words: str, defined: Mapping[str, Sequence[Symbol]]) -> tuple[Chosen, ...] | Unclear:
    """The file whose names and docstrings share the most telling words with the text."""
    asked = words_of(words)
    rarity = _rarity(asked, defined)
    scores = {name: _score(asked, name, known, rarity) for name, known in defined.items()}
    ranked = sorted(scores, key=lambda name: (-scores[name][0], name))
    ranked = [name for name in ranked if scores[name][0] > 0]
    if not ranked:
        return ()
    best, shared = scores[ranked[0]]
    rival = scores[ranked[1]][0] if len(ranked) > 1 else 0.0
    if best < CLEAR * rival:
        near = [f"{name} ({', '.join(sorted(scores[name][1]))})" for name in ranked[:3]]
        return Unclear(
            reason=f"the instruction may mean {_either(near)}; give the file after the text"
        )
    function = _best_function(asked, defined[ranked[0]])
    place = f" ({function})" if function else ""
    why = f"its names and docstrings{place} share the words: {', '.join(sorted(shared))}"
    return (Chosen(filename=ranked[0], why=why, function=function),)


def _rarity(asked: frozenset[str], defined: Mapping[str, Sequence[Symbol]]) -> dict[str, float]:
    """How telling a word is: the fewer files have it, the more."""
    holding: Counter[str] = Counter()
    for name, known in defined.items():
        words = words_of(name).union(*(symbol.words for symbol in known))
        holding.update(asked & words)
    return {word: math.log(1 + len(defined) / count) for word, count in holding.items()}


def _score(
    asked: frozenset[str], name: str, known: Sequence[Symbol], rarity: Mapping[str, float]
) -> tuple[float, set[str]]:
    """A file's score and the words it shares; each word counts once, at its best place."""
    best: dict[str, float] = dict.fromkeys(asked & words_of(name), IN_PATH)
    for symbol in known:
        in_name = words_of(symbol.name)
        for word in asked & symbol.words:
            weight = IN_NAME if word in in_name else IN_DOCSTRING
            best[word] = max(best.get(word, 0.0), weight)
    return sum(weight * rarity.get(word, 0.0) for word, weight in best.items()), {*best}


def _best_function(asked: frozenset[str], known: Sequence[Symbol]) -> str | None:
    """The function whose name shares the most words, if one does so alone."""
    shares = sorted(
        (
            (len(asked & words_of(s.name)), len(asked & s.words), s.name)
            for s in known
            if s.callable
        ),
        reverse=True,
    )
    if not shares or not shares[0][1]:
        return None
    alone = len(shares) == 1 or shares[0][:2] > shares[1][:2]
    return shares[0][2] if alone else None


def _nothing(editable: Sequence[str], module: Module) -> Unclear:
    if not editable:
        return Unclear(
            reason="no file here may be edited; see `edit` and `folders` in the settings"
        )
    return Unclear(
        reason="nothing in the instruction tells which file is meant: name a file, function or "
        f"class, or give the file after the text; there are {_either(editable[:8])}"
    )


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
