"""Reads one file's AST and lists what a repair has no business with; decides nothing.

daemon/checks/policy.py compares the lists from before and after a patch: only what the patch
brings in counts. Names are followed through imports (`from os import _exit as bye` is `os._exit`),
not through values: what a program computes at run time is the trial's business.
"""

import ast
import builtins
import hashlib
from dataclasses import dataclass, field

from daemon.checks import tricks
from daemon.checks.denied import (
    FILE_CHANGE,
    FILE_METHODS,
    HARNESS,
    INTROSPECTION,
    PYTEST_NAMES,
    STDLIB,
    rule_of,
    star_rule_of,
)
from daemon.checks.parsing import docstrings, imports, whole_modules
from daemon.checks.tricks import (
    COMPARISONS,
    PRETENDING,
    always_equal,
    hides_errors,
    hiding_finally,
    hiding_handler,
    impostor,
)

BUILTINS = frozenset(name for name in dir(builtins) if not name.startswith("__")) | {
    "__import__",
    "__builtins__",
    "__build_class__",
}
HARMLESS_DUNDERS = frozenset({"__name__", "__doc__", "__wrapped__", "__module__", "__qualname__"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place; `where` (function) and `code` (statement) tell an old use from a new one."""

    rule: str
    what: str
    line: int = field(compare=False)
    where: str
    code: str


def findings(tree: ast.Module, deny: tuple[str, ...] = ()) -> list[Finding]:
    """Everything of note in one file, in the order of the lines."""
    reader = _Reader(tree, deny)
    reader.visit(tree)
    return reader.found


class _Reader(ast.NodeVisitor):
    def __init__(self, tree: ast.Module, deny: tuple[str, ...]) -> None:
        self.found: list[Finding] = []
        self._deny = deny
        self._imported = dict(imports(tree))
        self._modules = frozenset(whole_modules(tree))
        self._docstrings = frozenset(id(node) for node in docstrings(tree))
        self._where: list[str] = []
        self._statement: ast.AST = tree
        self._written: tuple[ast.AST | None, str] = (None, "")

    def visit(self, node: ast.AST) -> None:
        """Keep track of the statement around, so that a finding can be known again elsewhere."""
        around = self._statement
        if isinstance(node, ast.stmt):
            self._statement = node
        super().visit(node)
        self._statement = around

    def _find(self, rule: str, what: str, node: ast.AST) -> None:
        self.found.append(
            Finding(
                rule=rule,
                what=what,
                line=getattr(node, "lineno", 1),
                where=".".join(self._where),
                code=self._code(),
            )
        )

    def _code(self) -> str:
        """A digest of the statement around; made once, however much is found in it."""
        if self._written[0] is not self._statement:
            text = ast.dump(self._statement).encode("utf-8", "surrogatepass")
            self._written = (self._statement, hashlib.sha256(text).hexdigest())
        return self._written[1]

    # -- names ---------------------------------------------------------------------------------

    def _qualified(self, node: ast.expr) -> str | None:
        """The dotted name an expression stands for, imports followed; None when unknown."""
        if isinstance(node, ast.Name):
            plain = node.id if node.id in BUILTINS else None
            return self._imported.get(node.id, plain)
        if isinstance(node, ast.Attribute):
            base = self._qualified(node.value)
            return None if base is None else f"{base}.{node.attr}"
        return None

    def _judge_name(self, name: str, node: ast.AST) -> None:
        rule = rule_of(name)
        if rule is not None:
            self._find(rule.name, name, node)
        elif name == "os.environ" or name.startswith(("os.environ.", "os.environb")):
            self._find("environment", name, node)
        elif _covered(name, self._deny):
            self._find("denied", name, node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._judge_name(alias.name, node)
            self._binds(alias.asname or alias.name.partition(".")[0], node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            star = star_rule_of(module) if alias.name == "*" else None
            if star is not None:
                self._find(star.name, f"from {module} import *", node)
            elif alias.name != "*":
                self._judge_name(f"{module}.{alias.name}", node)
            self._binds(alias.asname or alias.name, node, module)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            name = self._qualified(node)
            if node.id in self._modules and self._imported[node.id] in STDLIB:
                self._find("module as a value", node.id, node)
            elif name is not None:
                self._judge_name(name, node)
        else:
            self._binds(node.id, node)
            if node.id in PYTEST_NAMES or node.id == "__builtins__":
                self._find("harness", node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self._qualified(node)
        if node.attr in INTROSPECTION:
            self._find("introspection", f".{node.attr}", node)
        if node.attr in FILE_METHODS and name is None:
            self._find(FILE_CHANGE.name, f".{node.attr}", node)
        if f".{node.attr}" in self._deny:
            self._find("denied", f".{node.attr}", node)
        if not isinstance(node.ctx, ast.Load):
            self._judge_attribute_target(node)
        elif name is not None:
            self._judge_name(name, node)
        if name is None:
            self.visit(node.value)

    # -- what is changed from afar --------------------------------------------------------------

    def _judge_attribute_target(self, node: ast.Attribute) -> None:
        owner = self._qualified(node.value)
        special = node.attr.startswith("__") and node.attr.endswith("__")
        if owner is not None:
            self._find("monkeypatch", f"{owner}.{node.attr}", node)
        elif special and node.attr not in HARMLESS_DUNDERS:
            self._find("monkeypatch", f".{node.attr} = …", node)

    def _binds(self, name: str, node: ast.AST, source: str = "") -> None:
        """At module level (or by `global`) a built-in's name must keep its meaning."""
        if not self._where and name in BUILTINS and source.partition(".")[0] not in STDLIB:
            self._find("monkeypatch", f"the built-in {name}", node)

    def visit_Global(self, node: ast.Global) -> None:
        for name in node.names:
            if name in BUILTINS or name in self._imported:
                self._find("monkeypatch", f"global {name}", node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Load):
            constant = isinstance(node.slice, ast.Constant)
            if constant and self._qualified(node.value) == "os.environ":
                self.visit(node.slice)
                return
        elif isinstance(node.value, ast.Attribute) and node.value.attr == "__dict__":
            self._find("monkeypatch", "__dict__[…] = …", node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = self._qualified(node.func)
        if name in ("setattr", "delattr") and node.args:
            owner = self._qualified(node.args[0])
            if owner is not None:
                self._find("monkeypatch", f"{name}({owner}, …)", node)
        elif name == "vars" and node.args and self._qualified(node.args[0]) is not None:
            self._find("introspection", "vars(…) of a module or class", node)
        elif tricks.writing_open(node, name):
            self._find(FILE_CHANGE.name, "opening a file to write", node)
        elif name is not None and name.endswith("suppress") and hides_errors(node.args):
            self._find("swallowed exception", ast.unparse(node), node)
        if name == "os.environ.get" and node.args and isinstance(node.args[0], ast.Constant):
            for argument in node.args:
                self.visit(argument)
        else:
            self.generic_visit(node)

    # -- shapes ----------------------------------------------------------------------------------

    def _judge_definition(self, node: Function | ast.ClassDef) -> None:
        self._binds(node.name, node)
        if node.name.startswith("pytest_") or node.name in PYTEST_NAMES:
            self._find("harness", node.name, node)
        if isinstance(node, ast.ClassDef):
            what = impostor(node)
            if what:
                self._find("impostor", what, node)
        self._where.append(node.name)
        self.generic_visit(node)
        self._where.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        what = always_equal(node)
        if what:
            self._find(what.rule, what.what, node)
        self._judge_definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._judge_definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._judge_definition(node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        what = hiding_handler(node)
        if what:
            self._find("swallowed exception", what, node)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        if hiding_finally(node):
            self._find("swallowed exception", "leaving from `finally`", node)
        self.generic_visit(node)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self.visit_Try(node)

    def visit_If(self, node: ast.If | ast.IfExp) -> None:
        if isinstance(node.test, ast.Constant):
            self._find("constant condition", f"if {node.test.value!r}", node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit_If(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        deciding = isinstance(node.op, ast.Or)
        for value in node.values:
            if isinstance(value, ast.Constant) and value.value is deciding:
                word = "or" if deciding else "and"
                self._find("constant condition", f"{word} {deciding}", node)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        text = _joined(node)
        if text is None:
            self.generic_visit(node)
        else:
            self._judge_text(text, node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bytes):
            value = value.decode("latin-1")
        if isinstance(value, str) and id(node) not in self._docstrings:
            self._judge_text(value, node)

    def _judge_text(self, text: str, node: ast.AST) -> None:
        if text in INTROSPECTION or text in COMPARISONS or text in PRETENDING:
            self._find("introspection", repr(text), node)
        elif (match := HARNESS.search(text)) is not None:
            self._find("harness", f"the text {match.group()!r}", node)


def _covered(name: str, deny: tuple[str, ...]) -> bool:
    return any(name == entry or name.startswith(f"{entry}.") for entry in deny)


def _joined(node: ast.expr) -> str | None:
    """Texts glued with + as one, so that "py" + "test" is read as what it means."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _joined(node.left), _joined(node.right)
        return None if left is None or right is None else left + right
    return None
