"""Repair templates: each a small function from a spot to the edits it would try there.

Adding one is one function with an example in its docstring and one entry below. `prior` says how
often edits of that kind are the repair, from the figures in docs/search.md; classes that bring
more overfitting than repairs stand last.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import daemon.engines.search.templates.arguments as arguments
import daemon.engines.search.templates.calls as calls
import daemon.engines.search.templates.chains as chains
import daemon.engines.search.templates.conditions as conditions
import daemon.engines.search.templates.constants as constants
import daemon.engines.search.templates.containers as containers
import daemon.engines.search.templates.guards as guards
import daemon.engines.search.templates.names as names
import daemon.engines.search.templates.operators as operators
import daemon.engines.search.templates.patterns as patterns
import daemon.engines.search.templates.returns as returns
import daemon.engines.search.templates.slices as slices
import daemon.engines.search.templates.statements as statements
from daemon.engines.search.edits import Edit
from daemon.engines.search.spot import Spot


@dataclass(frozen=True)
class Template:
    """A named kind of edit, the nodes it looks at, and how often it is the repair (0 to 1)."""

    name: str
    prior: float
    nodes: tuple[type[ast.AST], ...]
    edits: Callable[[Spot], Iterator[Edit]]


TEMPLATES: tuple[Template, ...] = (
    Template("comparison operator", 0.90, (ast.Compare,), operators.compare_otherwise),
    Template("swapped arguments", 0.85, (ast.Call,), calls.swap_arguments),
    Template(
        "swapped operands",
        0.70,
        (ast.BinOp, ast.Tuple, ast.List, ast.Compare, ast.BoolOp),
        operators.swap_operands,
    ),
    Template("arithmetic operator", 0.75, (ast.BinOp, ast.AugAssign), operators.compute_otherwise),
    Template("boolean operator", 0.65, (ast.BoolOp,), operators.join_otherwise),
    Template("sibling function", 0.75, (ast.Call,), calls.call_sibling),
    Template("constant off by one", 0.80, (ast.Constant,), constants.step_constant),
    Template("flag or sign", 0.60, (ast.Constant, ast.UnaryOp), constants.flip_constant),
    Template("off by one", 0.78, (ast.expr,), constants.step_expression),
    Template("range bounds", 0.70, (ast.Call,), constants.other_range),
    Template("other name", 0.70, (ast.Name,), names.other_name),
    Template("other attribute", 0.70, (ast.Attribute,), names.other_attribute),
    Template("other method", 0.40, (ast.Call,), names.other_method),
    Template("other target", 0.45, (ast.Assign, ast.AugAssign), names.other_target),
    Template("name for expression", 0.50, (ast.expr,), names.name_for_expression),
    Template("unwrapped", 0.62, (ast.expr,), calls.unwrap),
    Template("wrapped in a call", 0.45, (ast.expr,), calls.wrap),
    Template("method on the result", 0.30, (ast.expr,), calls.chain),
    Template("argument dropped or added", 0.30, (ast.Call,), arguments.change_arity),
    Template("negated condition", 0.55, (ast.expr,), conditions.negate),
    Template("condition narrowed or widened", 0.60, (ast.expr,), conditions.extend),
    Template("condition for a constant", 0.55, (ast.Constant, ast.expr), conditions.replace_test),
    Template("operand added", 0.60, (ast.expr,), operators.add_operand),
    Template("regrouped", 0.50, (ast.BinOp,), chains.regroup),
    Template("parenthesis slipped", 0.45, (ast.Call, ast.BinOp), chains.slip_parenthesis),
    Template("one step more", 0.30, (ast.BinOp, ast.Call), chains.one_step_more),
    Template("text in between", 0.35, (ast.BinOp,), chains.text_between),
    Template("expression from nearby", 0.28, (ast.expr,), chains.from_nearby),
    Template("missing or empty", 0.60, (ast.expr,), conditions.none_or_empty),
    Template("case like the others", 0.40, (ast.BoolOp,), conditions.case_like_others),
    Template("kind checked", 0.55, (ast.Call,), conditions.other_kind),
    Template("regular expression", 0.40, (ast.Constant,), patterns.other_pattern),
    Template("slice", 0.60, (ast.Subscript, ast.expr), slices.other_slice),
    Template("literal in a literal", 0.50, (ast.List, ast.Tuple, ast.Dict), containers.fill),
    Template("lookup with a default", 0.45, (ast.Subscript, ast.Call), containers.look_up),
    Template("constant from nearby", 0.35, (ast.Constant,), constants.other_constant),
    Template("returned value", 0.60, (ast.Return,), returns.other_value),
    Template("missing return", 0.55, (ast.stmt,), returns.add_return),
    Template("return, yield, yield from", 0.55, (ast.stmt,), returns.other_ending),
    Template("guard before a statement", 0.60, (ast.stmt,), guards.early_return),
    Template("guard around a statement", 0.45, (ast.stmt,), guards.wrap_in_if),
    Template("loop left or continued", 0.35, (ast.stmt,), guards.leave_loop),
    Template("update inserted", 0.62, (ast.stmt,), statements.insert_update),
    Template("statement copied", 0.55, (ast.stmt,), statements.insert_copy),
    Template("statement deleted", 0.30, (ast.stmt,), statements.delete),
    Template("statement moved", 0.45, (ast.stmt,), statements.move),
    Template("statement form", 0.50, (ast.stmt,), statements.other_form),
    Template("branch form", 0.45, (ast.If,), conditions.other_branch),
    Template("exception kind", 0.50, (ast.ExceptHandler, ast.Raise), statements.other_exception),
    Template("normalised at the start", 0.35, (ast.FunctionDef,), guards.normalised),
    Template("raised for a bad value", 0.30, (ast.stmt,), guards.refuse),
    Template("mutable default", 0.60, (ast.FunctionDef,), guards.fresh_default),
)


def weighted(weights: Mapping[str, float]) -> tuple[Template, ...]:
    """The templates with their priors times what was learnt here (daemon/learning/book.py)."""
    return tuple(
        replace(each, prior=min(each.prior * weights.get(each.name, 1.0), 0.95))
        for each in TEMPLATES
    )
