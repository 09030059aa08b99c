"""How patches that pass the tests behave on inputs near the tests' own.

    -> {"do": "probe", "file": f, "function": [name, first line], "tests": [ids], "inputs": 60,
        "seed": 0, "examples": [[source, wanted], ...],
        "candidates": [[n, hunks], ...], "cpu_s": 0.2, "wall_s": 5, "within_s": 15}
    <- {"inputs": [text of each input], "recorded": how many of them the tests used themselves}
    <- {"n": n, "seen": [one short text per input], "said": ["ok", "no" or "?" per example]}
    <- {"end": "probe"}

The unpatched code is candidate -1 when asked for with no hunks. All of it runs in forked children,
which end when `within_s` is over: candidates not done by then are not answered.
"""

import ast
import copy
import hashlib
import signal
import sys
import types
from typing import Any

import pytest

from .screen_fork import in_child
from .screen_inputs import Call, derived
from .screen_run import run_item
from .screen_swap import LoadedFile

Message = dict[str, Any]
TEXT = 160
MOST_CALLS = 60
DRAINED = 200
RECORDING_S = 0.2  # processor time of one test while its calls are recorded


def answer(
    request: Message, channel: Any, items: dict[str, pytest.Item], loaded: Any, memory_mib: int
) -> None:
    """Record calls, derive inputs, run every candidate on each; all inside one forked child."""
    file: LoadedFile = loaded(request["file"])
    functions = file.functions.get(tuple(request["function"]), [])
    tests = [items[test] for test in request["tests"] if test in items]

    def work(tell: Any) -> None:
        calls = recorded(functions, tests)
        inputs = derived(calls, request["inputs"], request["seed"])
        tell({"inputs": [_text(call) for call in inputs], "recorded": len(calls)})
        examples = request.get("examples", [])
        for number, hunks in request["candidates"]:
            seen = _one(request, file, hunks, functions, inputs, memory_mib)
            said = _examples(request, file, hunks, examples, memory_mib)
            tell({"n": number, "seen": seen, "said": said})

    total = min(5 + len(request["candidates"]) * request["wall_s"], request["within_s"])
    told, _ending = in_child(work, cpu_s=total, wall_s=total, memory_mib=memory_mib * 2)
    for line in told:
        channel.send(line)
    channel.send({"end": "probe"})


def _one(
    request: Message,
    file: LoadedFile,
    hunks: list[Any],
    functions: list[Any],
    inputs: list[Call],
    memory_mib: int,
) -> list[str]:
    """Try one candidate on the inputs; after a hang or a crash the rest goes on in a new child."""
    seen: list[str] = []
    while len(seen) < len(inputs):
        start = len(seen)

        def child(say: Any, start: int = start) -> None:
            if hunks and not file.swap([tuple(hunk) for hunk in hunks]):
                return
            for call in inputs[start:]:
                say({"saw": behaviour(functions[0], call)})

        told, ending = in_child(
            child, cpu_s=request["cpu_s"], wall_s=request["wall_s"], memory_mib=memory_mib
        )
        seen += [str(line.get("saw")) for line in told]
        if ending == "done" and not told:
            break  # cannot be swapped
        if ending == "timeout" and told:
            continue  # the time went on those before it: it gets a child, and the time, of its own
        if ending != "done":
            seen.append(f"!{ending}")
        if sum(one == "!timeout" for one in seen) > 8:
            break
    seen += ["?"] * (len(inputs) - len(seen))
    return seen[: len(inputs)]


def _examples(
    request: Message, file: LoadedFile, hunks: list[Any], examples: list[Any], memory_mib: int
) -> list[str]:
    """Whether each documented example holds with the candidate in place."""
    said: list[str] = []
    for source, wanted in examples:

        def child(say: Any, source: str = source, wanted: str = wanted) -> None:
            if not hunks or file.swap([tuple(hunk) for hunk in hunks]):
                say({"said": _holds(source, wanted, dict(vars(file.module)))})

        told, _ending = in_child(
            child, cpu_s=request["cpu_s"], wall_s=request["wall_s"], memory_mib=memory_mib
        )
        said.append(str(told[0].get("said")) if told else "no")
    return said


def _holds(source: str, wanted: str, names: dict[str, Any]) -> str:
    """Evaluate an example; "?" when it cannot be evaluated for reasons of its own."""
    try:
        code = compile(source.strip(), "<example>", "eval")
    except SyntaxError:
        return "?"
    try:
        got = eval(code, names)  # noqa: S307 - documentation of the tested code, in its sandbox
    except NameError:
        return "?"
    except Exception as error:  # noqa: BLE001
        return "ok" if type(error).__name__ in wanted else "no"
    try:
        same = got == ast.literal_eval(wanted.strip())
    except (SyntaxError, ValueError):
        same = "".join(repr(got).split()) == "".join(wanted.split())
    return "ok" if same else "no"


def recorded(functions: list[Any], tests: list[pytest.Item]) -> list[Call]:
    """The arguments of the outermost calls of the function while these tests run."""
    codes = {function.__code__ for function in functions}
    calls: list[Call] = []
    depth = 0

    def watch(frame: types.FrameType, event: str, _arg: Any) -> None:
        nonlocal depth
        if frame.f_code not in codes:
            return
        if event == "call":
            depth += 1
            if depth == 1 and len(calls) < MOST_CALLS:
                count = frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount
                names = frame.f_code.co_varnames[:count]
                try:
                    copied = copy.deepcopy({name: frame.f_locals[name] for name in names})
                except Exception:  # noqa: BLE001 - whatever the tested code's values raise
                    return
                calls.append(copied)
        elif event == "return":
            depth = max(0, depth - 1)

    signal.signal(signal.SIGVTALRM, _too_long)
    for item in tests:
        depth = 0
        sys.setprofile(watch)
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, RECORDING_S)
            run_item(item)
        except TooLong:
            pass
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            sys.setprofile(None)
    return calls


class TooLong(BaseException):
    """The unpatched code hangs in this test; its arguments are known by now."""


def _too_long(_signal: int, _frame: object) -> None:
    raise TooLong


def behaviour(function: Any, call: Call) -> str:
    """What a call gives back, or raises, and what it does to its arguments, as a short text."""
    try:
        given = copy.deepcopy(call)
        code = function.__code__
        positional = [given[name] for name in code.co_varnames[: code.co_argcount] if name in given]
        named = {k: v for k, v in given.items() if k in code.co_varnames[code.co_argcount :]}
        result = function(*positional, **named)
        if isinstance(result, types.GeneratorType) or hasattr(result, "__next__"):
            result = [value for value, _ in zip(result, range(DRAINED), strict=False)]
        return f"{kinds(result)}|{_text({'result': result, **given})}"
    except Exception as error:  # noqa: BLE001 - that is the behaviour
        return f"!{type(error).__name__}"


def kinds(value: Any) -> str:
    """The type of a value and of its elements, in words: "list int str"."""
    names = [type(value).__name__]
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(inner, (list, tuple, set, frozenset)) or isinstance(value, dict):
        names += sorted({type(element).__name__ for element in list(inner)[:DRAINED]})
    return " ".join(names)


def _text(value: Any) -> str:
    """A text that is equal for equal structures, and short."""
    text = canonical(value, {})
    if len(text) <= TEXT:
        return text
    return text[: TEXT - 20] + "…" + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def canonical(value: Any, names: dict[int, int]) -> str:
    """A structural repr: sets sorted, objects numbered by first sight, functions by name."""
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes)):
        return repr(value)
    if id(value) in names:
        return f"#{names[id(value)]}"
    names[id(value)] = len(names)
    if isinstance(value, (list, tuple)):
        return type(value).__name__ + "[" + ", ".join(canonical(v, names) for v in value) + "]"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(canonical(v, names) for v in value)) + "}"
    if isinstance(value, dict):
        pairs = ((canonical(k, names), canonical(v, names)) for k, v in value.items())
        return "{" + ", ".join(sorted(f"{k}: {v}" for k, v in pairs)) + "}"
    if isinstance(value, (types.FunctionType, type, types.BuiltinFunctionType)):
        return str(value.__name__)
    state = getattr(value, "__dict__", None)
    if isinstance(state, dict):
        return f"{type(value).__name__}({canonical(state, names)})"
    if hasattr(value, "__iter__") and hasattr(value, "__len__"):
        return type(value).__name__ + "[" + ", ".join(canonical(v, names) for v in value) + "]"
    return type(value).__name__
