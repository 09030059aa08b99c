"""Every template does what its own example says, and the registry holds each exactly once."""

import ast
import doctest
import importlib
import pkgutil

import pytest

from daemon.engines.search import templates
from daemon.engines.search.candidates import Area, candidates
from daemon.engines.search.edits import applied, patch_of
from daemon.engines.search.program import Program
from daemon.engines.search.templates import TEMPLATES, Template
from daemon.engines.search.templates.example import check, tried
from sandbox.patch import patched

MODULES = sorted(
    module.name for module in pkgutil.iter_modules(templates.__path__) if module.name != "example"
)
CODE = '''\
import math

LIMIT = 10


class Cart:
    """Goods."""

    def __init__(self, lines=[]):
        self.lines = lines

    def total(self, rate):
        """What it costs."""
        result = 0
        for name, price in self.lines:
            if price > 0 and name is not None:
                result += price * (1 + rate)
            else:
                continue
        return round(result, 2)


def last(values, n):
\tfound = values[len(values) - n:]
\ttry:
\t\treturn found[0] if found else None
\texcept (KeyError, IndexError):
\t\traise ValueError("no äöü value %s" % n)
'''


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_templates_hold(name: str) -> None:
    """Each docstring example gives what it says."""
    module = importlib.import_module(f"daemon.engines.search.templates.{name}")

    result = check(module)

    assert result.failed == 0
    assert result.attempted > 0


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_each_template_has_an_example(template: Template) -> None:
    """A template without an example in its docstring is not finished."""
    finder = doctest.DocTestFinder(recurse=False)

    found = finder.find(template.edits, globs={"tried": tried})

    assert any(test.examples for test in found)


def test_names_and_functions_are_registered_once() -> None:
    """Two entries of one name would be one in every report."""
    names = [template.name for template in TEMPLATES]
    functions = [template.edits for template in TEMPLATES]

    assert len(set(names)) == len(names)
    assert len(set(functions)) == len(functions)


def areas(program: Program) -> list[Area]:
    """Everything in the program is equally suspicious."""
    lines = dict.fromkeys(range(1, len(program.lines) + 1), 1.0)
    return [
        Area(program=program, function=function, suspicion=lines)
        for function in program.functions.values()
    ]


def test_every_candidate_is_python_and_keeps_the_rest_of_the_file() -> None:
    """Outside the edit not a character changes: tabs, comments and accents stay."""
    program = Program("shop.py", CODE)

    found = list(candidates(areas(program)))

    assert len(found) > 500
    for candidate in found:
        after = applied(program.text, candidate.edit.pieces)
        ast.parse(after)
        first = min(piece.begin for piece in candidate.edit.pieces)
        last = max(piece.end for piece in candidate.edit.pieces)
        assert after.startswith(program.text[:first])
        assert after.endswith(program.text[last:])


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_candidates_become_patches_that_apply(ends: str) -> None:
    """The hunks of whole lines give the same text as the edit itself, for either line ending."""
    program = Program("shop.py", CODE.replace("\n", ends))
    data = CODE.replace("\n", ends).encode()

    for candidate in candidates(areas(program)):
        expected = applied(program.text, candidate.edit.pieces)
        got = patched(patch_of(program, candidate.edit), {"shop.py": data}.get)["shop.py"]
        assert got.decode() == expected.replace("\n", ends)


def test_candidates_come_in_the_same_order_and_without_doubles() -> None:
    """Same input, same candidates, same order; no two give the same code."""
    program = Program("shop.py", CODE)

    first = [applied(CODE, c.edit.pieces) for c in candidates(areas(program))]
    second = [applied(CODE, c.edit.pieces) for c in candidates(areas(Program("shop.py", CODE)))]

    assert first == second
    assert len({ast.dump(ast.parse(text)) for text in first}) == len(first)


def test_a_new_template_is_one_entry() -> None:
    """The list of templates is an argument: what is in it is what is tried."""
    program = Program("m.py", "def f(a):\n    return a < 1\n")
    only = tuple(t for t in TEMPLATES if t.name == "comparison operator")

    found = [applied(program.text, c.edit.pieces) for c in candidates(areas(program), only)]

    assert found[0] == "def f(a):\n    return a <= 1\n"
    assert len(found) == 5
