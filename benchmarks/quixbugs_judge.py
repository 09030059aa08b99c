"""Judges a repaired QuixBugs program against its reference on held-back and random inputs.

Run as a process of its own, so that a hanging or crashing repair hurts nothing:

    python quixbugs_judge.py NAME REPAIRED.py REFERENCE.py NODE.py < held-back cases as JSON

Prints "equal" or the first input on which the two differ.
"""

import contextlib
import copy
import importlib.util
import itertools
import json
import math
import random
import signal
import sys
import types
from collections.abc import Callable
from typing import Any

TRIES = 300
LIMIT_S = 0.5
Random = random.Random


def numbers(r: Random, low: int, high: int, most: int, least: int = 0) -> list[int]:
    """A random list."""
    return [r.randint(low, high) for _ in range(r.randint(least, most))]


def word(r: Random, letters: str, most: int) -> str:
    """A random word."""
    return "".join(r.choice(letters) for _ in range(r.randint(0, most)))


def nested(r: Random, depth: int = 0) -> list[Any]:
    """Lists in lists."""
    return [
        nested(r, depth + 1) if depth < 3 and r.random() < 0.4 else r.randint(0, 9)
        for _ in range(r.randint(0, 4))
    ]


def infix(r: Random) -> list[Any]:
    """Numbers with operators between them."""
    tokens: list[Any] = [r.randint(1, 50)]
    for _ in range(r.randint(0, 6)):
        tokens += [r.choice("+-*/"), r.randint(1, 50)]
    return tokens


def postfix(r: Random, depth: int = 0) -> list[Any]:
    """A valid reverse Polish expression."""
    if depth > 3 or r.random() < 0.3:
        return [float(r.randint(1, 9))]
    return [*postfix(r, depth + 1), *postfix(r, depth + 1), r.choice("+-*/")]


def palindrome(r: Random) -> list[int]:
    """The digits of a palindrome."""
    half = [
        r.choice([1, 2, 4, 8, 9, 9]),
        *(r.choice([0, 1, 9, 9, 5]) for _ in range(r.randint(0, 3))),
    ]
    return half + half[::-1] if r.random() < 0.5 else half + half[:-1][::-1]


def pick(r: Random, values: list[int]) -> int:
    """Mostly a member."""
    return r.choice(values) if values and r.random() < 0.7 else r.randint(-3, 33)


def sorted_and(r: Random) -> list[Any]:
    """A sorted list and something to look for."""
    values = sorted(numbers(r, 0, 30, 12))
    return [values, pick(r, values)]


def not_last(r: Random) -> list[int]:
    """A list of different numbers that has a next permutation."""
    while True:
        values = r.sample(range(30), r.randint(2, 6))
        if values != sorted(values, reverse=True):
            return values


def nearly_sorted(r: Random) -> list[Any]:
    """A list whose elements are at most k places from where they belong."""
    k = r.randint(0, 4)
    values = sorted(numbers(r, 0, 40, 10, 1))
    for start in range(0, len(values), k + 1):
        part = values[start : start + k + 1]
        r.shuffle(part)
        values[start : start + k + 1] = part
    return [values, min(k, len(values))]


def kth_input(r: Random) -> list[Any]:
    """A list and a place in it."""
    values = numbers(r, 0, 12, 10, 1)
    return [values, r.randrange(len(values))]


def bucket_input(r: Random) -> list[Any]:
    """Small numbers and their bound."""
    k = r.randint(1, 15)
    return [numbers(r, 0, k - 1, 12), k]


def pegs(r: Random) -> list[int]:
    """A tower and two different pegs."""
    start, end = r.sample([1, 2, 3], 2)
    return [r.randint(0, 5), start, end]


def between(r: Random) -> list[int]:
    """Two bounds and a length."""
    low = r.randint(-3, 5)
    return [low, low + r.randint(0, 6), r.randint(1, 4)]


PLAIN: dict[str, Callable[[Random], list[Any]]] = {
    "bitcount": lambda r: [r.randint(0, 5000)],
    "bucketsort": bucket_input,
    "find_first_in_sorted": sorted_and,
    "find_in_sorted": sorted_and,
    "flatten": lambda r: [nested(r)],
    "gcd": lambda r: [r.randint(0, 500), r.randint(0, 500)],
    "get_factors": lambda r: [r.randint(1, 400)],
    "hanoi": pegs,
    "is_valid_parenthesization": lambda r: [word(r, "()", 8)],
    "kheapsort": nearly_sorted,
    "knapsack": lambda r: [
        r.randint(1, 40), [[r.randint(1, 15), r.randint(1, 40)] for _ in range(r.randint(0, 6))]
    ],
    "kth": kth_input,
    "lcs_length": lambda r: [word(r, "abc", 7), word(r, "abc", 7)],
    "levenshtein": lambda r: [word(r, "abc", 5), word(r, "abc", 5)],
    "lis": lambda r: [r.sample(range(40), r.randint(0, 10))],
    "longest_common_subsequence": lambda r: [word(r, "abcd", 6), word(r, "abcd", 6)],
    "max_sublist_sum": lambda r: [numbers(r, -9, 9, 9)],
    "mergesort": lambda r: [numbers(r, 0, 20, 12)],
    "next_palindrome": lambda r: [palindrome(r)],
    "next_permutation": lambda r: [not_last(r)],
    "pascal": lambda r: [r.randint(1, 9)],
    "possible_change": lambda r: [
        sorted(r.sample(range(1, 15), r.randint(1, 4))), r.randint(-3, 30)
    ],
    "powerset": lambda r: [[chr(97 + i) for i in range(r.randint(0, 5))]],
    "quicksort": lambda r: [numbers(r, 0, 15, 12)],
    "rpn_eval": lambda r: [postfix(r)],
    "shunting_yard": lambda r: [infix(r)],
    "sieve": lambda r: [r.randint(1, 120)],
    "sqrt": lambda r: [r.randint(1, 200), r.choice([0.5, 0.1, 0.05, 0.01])],
    "subsequences": between,
    "to_base": lambda r: [r.randint(1, 9000), r.randint(2, 36)],
    "wrap": lambda r: [" ".join(word(r, "abc", 8) + "d" for _ in range(r.randint(1, 12))),
                       r.randint(11, 25)],
}  # fmt: skip


def graph_nodes(node: Any, r: Random, *, acyclic: bool = False) -> list[Any]:
    """A random directed graph."""
    nodes = [node.Node(str(i)) for i in range(r.randint(1, 7))]
    for place, each in enumerate(nodes):
        others = nodes[place + 1 :] if acyclic else nodes
        each.successors = [n for n in others if r.random() < 0.3]
        each.outgoing_nodes = list(each.successors)
    for each in nodes:
        each.incoming_nodes = [n for n in nodes if each in n.outgoing_nodes]
        each.predecessors = list(each.incoming_nodes)
    return nodes


def linked(node: Any, r: Random, *, loop: bool) -> Any:
    """A linked list, perhaps with a loop at its end."""
    nodes = [node.Node(i) for i in range(r.randint(0 if not loop else 1, 7))]
    for one, other in itertools.pairwise(nodes):
        one.successor = other
    if loop and r.random() < 0.5:
        nodes[-1].successor = r.choice(nodes)
    return nodes[0] if nodes else None


def edges(r: Random, *, negative: bool, different: bool = False) -> dict[tuple[int, int], int]:
    """Weighted edges without a negative cycle: negative ones only lead upwards."""
    n = r.randint(2, 6)
    found: dict[tuple[int, int], int] = {}
    weights = r.sample(range(1, 60), 40)
    for a in range(n):
        for b in range(n):
            if a != b and r.random() < 0.45:
                low = -3 if negative and a < b else 1
                found[a, b] = weights.pop() if different else r.randint(low, 9)
    if different:
        found = {(a, b): w for (a, b), w in found.items() if a < b}
    if negative:  # potentials keep every cycle positive
        height = [r.randint(0, 5) for _ in range(n)]
        found = {(a, b): abs(w) + 1 + height[b] - height[a] for (a, b), w in found.items()}
    return found


def graph_input(name: str, node: Any, r: Random) -> list[Any]:
    """Arguments for the programs with graphs."""
    if name in ("breadth_first_search", "depth_first_search"):
        nodes = graph_nodes(node, r)
        return [r.choice(nodes), r.choice(nodes)]
    if name == "detect_cycle":
        return [linked(node, r, loop=True)]
    if name == "reverse_linked_list":
        return [linked(node, r, loop=False)]
    if name == "topological_ordering":
        nodes = graph_nodes(node, r, acyclic=True)
        r.shuffle(nodes)
        return [nodes]
    if name == "shortest_path_length":
        nodes = graph_nodes(node, r)
        lengths = {(a, b): r.randint(1, 9) for a in nodes for b in a.successors}
        return [lengths, r.choice(nodes), r.choice(nodes)]
    if name == "shortest_path_lengths":
        found = edges(r, negative=True)
        return [max((max(pair) for pair in found), default=0) + 1, found]
    if name == "shortest_paths":
        found = edges(r, negative=True)
        names = {(chr(65 + a), chr(65 + b)): w for (a, b), w in found.items()}
        return ["A", names]
    assert name == "minimum_spanning_tree", name
    return [edges(r, negative=False, different=True)]


class TooSlow(BaseException):
    """A call ran out of time."""


def outcome(function: Any, arguments: list[Any]) -> Any:
    """What a call gives, as comparable data; an exception's name when it raises."""

    def late(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        result = function(*arguments)
        if isinstance(result, types.GeneratorType):
            result = list(result)
        if hasattr(result, "successor"):
            result = chain_of(result)
        return plain(result)
    except TooSlow:
        return "too slow"
    except Exception as error:  # noqa: BLE001 - whatever a program raises is its outcome
        return f"raises {type(error).__name__}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def chain_of(node: Any) -> list[Any]:
    """The values of a linked list, bounded."""
    values = []
    while node is not None and len(values) < 50:
        values.append(node.value)
        node = node.successor
    return values


def plain(value: Any) -> Any:
    """Node objects by their value; tuples and lists told apart no more than JSON does."""
    if hasattr(value, "successors"):
        return f"node {value.value}"
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(each) for each in value), key=repr)
    if isinstance(value, dict):
        return sorted(([plain(k), plain(v)] for k, v in value.items()), key=repr)
    return value


def same(name: str, arguments: list[Any], got: Any, wanted: Any) -> bool:
    """Equal, within what the task leaves open."""
    if name == "sqrt" and isinstance(got, float):
        # the promise: within epsilon of the root (the reference itself stops at |x - y*y|)
        return abs(got - math.sqrt(arguments[0])) <= arguments[1]
    if name == "find_in_sorted" and isinstance(got, int) and isinstance(wanted, int):
        values, x = arguments
        return got == wanted or (got >= 0 <= wanted and got < len(values) and values[got] == x)
    if isinstance(got, float) and isinstance(wanted, float):
        return math.isclose(got, wanted, rel_tol=1e-9) or got == wanted
    return bool(got == wanted) and type(got) is type(wanted)


def load(path: str, name: str) -> Any:
    """A program from its file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> None:
    """Compare, print the verdict."""
    name, repaired_path, reference_path, node_path = sys.argv[1:5]
    sys.setrecursionlimit(2000)
    node = load(node_path, "node")
    repaired = getattr(load(repaired_path, "repaired"), name)
    reference = getattr(load(reference_path, "reference"), name)
    random_source = Random(1)
    cases = [case for case, _ in json.load(sys.stdin)] if name in PLAIN else []
    for _ in range(TRIES):
        made = (
            PLAIN[name](random_source) if name in PLAIN else graph_input(name, node, random_source)
        )
        cases.append(made)
    for arguments in cases:
        wanted = outcome(reference, copy.deepcopy(arguments))
        if isinstance(wanted, str) and wanted.startswith(("raises", "too slow")):
            continue  # outside the task
        got = outcome(repaired, copy.deepcopy(arguments))
        if not same(name, arguments, got, wanted):
            print(f"differs on {plain(arguments)!r}: {got!r}, not {wanted!r}"[:400])
            return
    print("equal")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
