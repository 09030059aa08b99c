"""What the author wrote down about a function: examples, type hints, telling words.

None of it proves a patch; it decides between patches that all pass the tests.
"""

import ast
import doctest
import re
from collections.abc import Callable, Iterator

from daemon.engines.search.program import FunctionNode, Program

MOST_EXAMPLES = 20
GIVES = re.compile(
    r"\s*(?:=+>|-+>|→|➞|⇒|==?|#\s*=*>?|(?:(?:will|should|must) )?(?:returns?|gives?|be|is)\b)"
    r"\s*:?\s*"
)
CLUES: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(said, re.IGNORECASE), re.compile(written))
    for said, written in (
        (r"\b(below|under|(less|smaller|fewer|lower|shorter) than|before)\b", r"<(?![=<])"),
        (r"\b(above|exceed\w*|(more|greater|larger|longer) than|after)\b", r"(?<![->])>(?![=>])"),
        (r"\b(at least|or more|or greater|not less|no fewer|minimum)\b", r">="),
        (r"\b(at most|or less|up to|no more|maximum|inclusive\w*|including)\b", r"<=|\+ 1\b"),
        (r"\b(revers\w*|descending|decreasing|backwards?)\b", r"reverse=True|\[::-1\]|reversed\("),
        (r"\b(ascending|sort\w*|increasing|in order)\b", r"\bsort"),
        (r"\beither\b|\bany of\b", r"\bor\b|\bany\("),
        (r"\bboth\b", r"\band\b|\ball\("),
        (r"\bcase.?insensitive|\bignor\w+ case|regardless of case", r"lower\(|upper\(|casefold"),
        (r"\b(unique|distinct|duplicates?|once)\b", r"\bset\(|not in"),
        (r"\b(absolute|magnitude|distance)\b", r"\babs\("),
        (r"\bempty\b", r"return (\[\]|''|\"\"|None|\{\}|0|False)|if not |is not None"),
        (r"\b(strip\w*|whitespace)\b", r"strip\("),
        (r"\b(middle|median|average|mean|half)\b", r"/ ?2\b"),
        (r"\bsquared?\b", r"\*\* ?2\b"), (r"\bcubed?\b", r"\*\* ?3\b"),
        (r"\beven\b", r"% ?2 == 0"), (r"\bodd\b", r"% ?2 (== 1|!= 0)"),
        (r"\bNone\b", r"is (not )?None"),
    )
)  # fmt: skip
SUPPORT = 1.4  # how much likelier an edit is that brings in what the words speak of
KINDS = {
    "int": {"int", "bool"}, "float": {"float", "int"}, "str": {"str"}, "bool": {"bool"},
    "bytes": {"bytes"}, "list": {"list"}, "List": {"list"}, "dict": {"dict"}, "Dict": {"dict"},
    "set": {"set"}, "Set": {"set"}, "tuple": {"tuple"}, "Tuple": {"tuple"}, "None": {"NoneType"},
}  # fmt: skip


def documented_examples(program: Program, function: str) -> list[tuple[str, str]]:
    """Calls with their results: `>>>` in any text of the module, prose in the function's own.

    >>> text = "def f(x):\\n    'So f([2]) ==> [2].\\\\n>>> f(1)\\\\n1'\\n    pass\\n"
    >>> documented_examples(Program("m.py", text), "f")
    [('f(1)', '1'), ('f([2])', '[2]')]
    """
    name = function.rpartition(".")[2]
    found: dict[tuple[str, str], None] = {}
    for node in ast.walk(program.tree):
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            continue
        text = node.value.value
        if isinstance(text, str) and ">>>" in text:
            found.update(dict.fromkeys(_interactive(text, name)))
    own = program.functions.get(function)
    if own is not None and "." not in function:
        found.update(dict.fromkeys(_in_prose(ast.get_docstring(own) or "", name)))
    return list(found)[:MOST_EXAMPLES]


def _interactive(text: str, name: str) -> Iterator[tuple[str, str]]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    for example in examples:
        if not example.want.strip():
            yield from _in_prose(example.source, name)
        elif re.search(rf"\b{re.escape(name)}\(", example.source):
            yield example.source.strip(), example.want.strip()


def _in_prose(text: str, name: str) -> Iterator[tuple[str, str]]:
    """`f(2) ==> 4`, `f(2) -> 4`, `f(2) == 4`, `f(2) returns 4`: literals on both sides."""
    for match in re.finditer(rf"(?<![\w.>]){re.escape(name)}\(", text):
        line = text[match.start() :].partition("\n")[0]
        if ">>>" in text[: match.start()].rpartition("\n")[2]:
            continue
        call = _longest(line, _plain_call)
        gives = GIVES.match(line, len(call)) if call else None
        wanted = _longest(line[gives.end() :], _literal) if gives else ""
        if wanted:
            yield call, wanted.rstrip(".")  # the end of a sentence


def _longest(line: str, fits: Callable[[ast.expr], bool]) -> str:
    """The longest beginning that is an expression of this form, within reason."""
    for end in range(min(len(line), 200), 0, -1):
        text = line[:end]
        try:
            node = ast.parse(text.strip(), mode="eval").body if text == text.strip() else None
        except (SyntaxError, ValueError, MemoryError):
            continue
        if node is not None and node.end_col_offset == len(text.encode()) and fits(node):
            return text
    return ""


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def _plain_call(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and all(
        _literal(value) for value in (*node.args, *(k.value for k in node.keywords))
    )


def declared_kinds(node: FunctionNode | None) -> frozenset[str]:
    """The types the return annotation allows; empty when it does not say, or says too much.

    >>> tree = ast.parse("def f(x) -> int | None: pass")
    >>> sorted(declared_kinds(tree.body[0]))
    ['NoneType', 'bool', 'int']
    """
    return (
        frozenset(_kinds(node.returns) or ()) if node is not None and node.returns else frozenset()
    )


def _kinds(hint: ast.expr | None) -> set[str] | None:
    """None: not known."""
    if isinstance(hint, ast.Constant):
        if hint.value is None:
            return {"NoneType"}
        if isinstance(hint.value, str):
            try:
                return _kinds(ast.parse(hint.value, mode="eval").body)
            except SyntaxError:
                return None
    if isinstance(hint, ast.BinOp) and isinstance(hint.op, ast.BitOr):
        both = (_kinds(hint.left), _kinds(hint.right))
        return None if both[0] is None or both[1] is None else both[0] | both[1]
    if isinstance(hint, ast.Subscript):
        outer = getattr(hint.value, "attr", getattr(hint.value, "id", ""))
        if outer == "Optional":
            inner = _kinds(hint.slice)
            return None if inner is None else inner | {"NoneType"}
        return KINDS.get(outer)
    name = getattr(hint, "attr", getattr(hint, "id", ""))
    return KINDS.get(name)


def support(words: str, old: str, new: str) -> float:
    """How the author's words speak for an edit: SUPPORT where it brings in what they name.

    >>> support("True if the balance falls below zero", "balance == 0", "balance < 0")
    1.4
    >>> support("True if the balance falls below zero", "balance == 0", "balance == -1")
    1.0
    """
    for said, written in CLUES:
        if len(written.findall(new)) > len(written.findall(old)) and said.search(words):
            return SUPPORT
    return 1.0
