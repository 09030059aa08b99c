"""The names a patch may not bring in: each rule, what it covers, and what to do instead.

A name covers what is below it: `subprocess` covers `subprocess.run`. Uses that were in the file
before the patch do not count (daemon/checks/policy.py). A target extends the list with `deny`.
"""

import re
import sys
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One family of names and the advice an engine gets."""

    name: str
    advice: str
    names: tuple[str, ...] = ()


RULES = (
    Rule(
        name="process exit",
        advice="raise a fitting exception or return a value; only the program's edge may exit",
        names=(
            *("exit", "quit", "SystemExit", "KeyboardInterrupt", "builtins.exit", "sys.exit"),
            *("os._exit", "os.abort", "os.kill", "os.killpg", "posix", "_thread"),
            *("signal.raise_signal", "asyncio.CancelledError", "faulthandler"),
        ),
    ),
    Rule(
        name="dynamic code",
        advice="write the code out; names and imports must be readable in the source",
        names=(
            *("eval", "exec", "compile", "__import__", "globals", "breakpoint", "importlib"),
            *("builtins", "__builtins__", "runpy", "code", "codeop", "imp", "pkgutil", "marshal"),
            *("pickle.load", "pickle.loads", "pickle.Unpickler", "types.FunctionType", "pdb"),
            *("types.CodeType", "types.ModuleType", "zipimport"),
        ),
    ),
    Rule(
        name="process start",
        advice="a repair starts no programs",
        names=(
            *("subprocess", "multiprocessing", "pty", "pexpect", "_posixsubprocess"),
            *("concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process"),
            *("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"),
            *("os.system", "os.popen", "os.fork", "os.forkpty", "os.posix_spawn"),
            *("os.posix_spawnp", "os.startfile"),
            *(f"os.exec{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
            *(f"os.spawn{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
        ),
    ),
    Rule(
        name="network",
        advice="a repair opens no connections; pass data in",
        names=(
            *("socket", "ssl", "socketserver", "urllib.request", "urllib.error", "http.client"),
            *("http.server", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib", "nntplib"),
            *("xmlrpc", "requests", "httpx", "aiohttp", "urllib3", "websockets", "paramiko"),
            *("asyncio.open_connection", "asyncio.start_server", "webbrowser"),
        ),
    ),
    Rule(
        name="native code",
        advice="stay in Python",
        names=("ctypes", "_ctypes", "cffi", "mmap", "os.dup", "os.dup2", "os.fdopen", "os.write"),
    ),
    Rule(
        name="test machinery",
        advice="code must not know that it is tested; make it right for every caller",
        names=(
            *("pytest", "_pytest", "unittest", "doctest", "nose", "hypothesis", "pluggy"),
            *("mock", "freezegun", "conftest", "tests", "test"),
        ),
    ),
    Rule(
        name="stack inspection",
        advice="decide from the arguments, not from who calls",
        names=(
            *("inspect.stack", "inspect.currentframe", "inspect.getouterframes", "inspect.trace"),
            *("inspect.getinnerframes", "inspect.getframeinfo", "sys._getframe"),
            *("sys._current_frames", "sys._getframemodulename"),
            *("traceback.extract_stack", "traceback.format_stack", "traceback.print_stack"),
            *("traceback.walk_stack",),
        ),
    ),
    Rule(
        name="interpreter state",
        advice="a repair leaves the interpreter as it is; change the function's own logic",
        names=(
            *("sys.modules", "sys.settrace", "sys.setprofile", "sys.gettrace", "sys.monitoring"),
            *("sys.path", "sys.path_hooks", "sys.meta_path", "sys.argv", "sys.orig_argv"),
            *("sys.flags", "sys.excepthook", "sys.unraisablehook", "sys.displayhook"),
            *("sys.__stdout__", "sys.__stderr__", "sys.addaudithook"),
            *("sys.setrecursionlimit", "sys.setswitchinterval", "sys.implementation"),
            *("threading.settrace", "threading.setprofile", "threading.excepthook", "signal"),
            *("atexit", "gc", "site", "resource", "os.getppid", "os.chdir", "os.putenv"),
            *("os.unsetenv", "time.tzset", "locale.setlocale", "random.seed", "numpy.random.seed"),
            *("warnings.filterwarnings", "warnings.simplefilter", "warnings.resetwarnings"),
            *("logging.disable", "weakref.finalize", "tracemalloc"),
        ),
    ),
)

# Not looked for where a person asked for the change.
FILE_CHANGE = Rule(
    name="file change",
    advice="a repair does not begin to write, move or remove files; give data back, or let a "
    "person add it",
    names=(
        "os.chmod", "os.chown", "os.link", "os.mkfifo", "os.mknod", "os.open", "os.remove",
        "os.removedirs", "os.rename", "os.renames", "os.replace", "os.rmdir", "os.symlink",
        "os.truncate", "os.unlink", "shutil.chown", "shutil.copy", "shutil.copy2",
        "shutil.copyfile", "shutil.copymode", "shutil.copytree", "shutil.move", "shutil.rmtree",
        "shutil.unpack_archive",
    ),
)  # fmt: skip
FILE_METHODS = frozenset({
    "chmod", "extractall", "hardlink_to", "rmdir", "symlink_to", "touch", "unlink", "write_bytes",
    "write_text",
})  # fmt: skip
OPENERS = frozenset({
    "builtins.open", "bz2.open", "codecs.open", "gzip.open", "io.open", "lzma.open", "open",
    "tarfile.open", "zipfile.ZipFile",
})  # fmt: skip

ADVICE = {rule.name: rule.advice for rule in (*RULES, FILE_CHANGE)} | {
    "environment": "read one variable by its plain name, or take the value as an argument",
    "monkeypatch": "leave other modules, classes and built-ins as they are; call or wrap them",
    "swallowed exception": "catch the one exception that is expected here, or prevent it",
    "always equal": "compare the real values",
    "impostor": "return a plain value, not an object that answers comparisons by itself",
    "harness": "code must not name the tests, pytest or mendd's own files",
    "introspection": "use what the object offers publicly",
    "module as a value": "use the module's functions by their plain names",
    "constant condition": "write the condition that is meant, or remove the branch",
    "removed checks": "keep the checks; mend what makes them fail",
    "denied": "this target's settings deny it; find another way",
}

# Attributes that reach behind a function, frame or class wherever they stand.
INTROSPECTION = frozenset(
    (
        *("__globals__", "__code__", "__closure__", "__subclasses__", "__builtins__"),
        *("__loader__", "__spec__", "__defaults__", "__kwdefaults__", "__getattribute__"),
        *("__import__", "__mro__", "__bases__", "__base__", "f_back", "f_globals", "f_locals"),
        *("f_builtins", "f_code", "f_trace", "tb_frame", "gi_frame", "cr_frame", "ag_frame"),
    )
)

# Strings that only code which knows of the tests or of the harness would hold.
HARNESS = re.compile(
    r"pytest|_pytest|PYTEST|unittest|conftest|sitecustomize|\bmendd\b|/proc/|/dev/fd|junit"
    r"|(?:^|/)tests/|\btest_\w+\.py\b|\.pth$|::test_",
)

PYTEST_NAMES = frozenset({"collect_ignore", "collect_ignore_glob", "pytest_plugins", "load_tests"})
STDLIB = frozenset(sys.stdlib_module_names)


def rule_of(name: str) -> Rule | None:
    """The rule that covers a dotted name, or None."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        rule = _BY_NAME.get(".".join(parts[:length]))
        if rule is not None:
            return rule
    return None


def star_rule_of(module: str) -> Rule | None:
    """The rule that `from module import *` would get around, or None."""
    below = (rule for name, rule in _BY_NAME.items() if name.startswith(f"{module}."))
    return rule_of(module) or next(below, None)


_BY_NAME = {name: rule for rule in (*RULES, FILE_CHANGE) for name in rule.names}
