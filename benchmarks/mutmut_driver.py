"""Runs mutmut in its container, with one child, and says how long its run proper took.

Called by benchmarks/screening.py; needs mutmut on the path and its configuration in the working
folder. The run proper is what mutmut itself reports: from its runner's start to its end. The last
line of output is a JSON object that also holds the text of every mutant that was tested.
"""

import json
import resource
import time
from pathlib import Path

import libcst
import mutmut.__main__ as program
from mutmut.mutation import diff_apply
from mutmut.mutation.data import SourceFileMutationData
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key
from mutmut.workers.isolation import ForkRunner

NO_TESTS, SURVIVED = 33, 0
HUNG = (-24, 24, 152, 36, 255)


def now():
    """Wall clock and processor time, ended children included."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.monotonic(), sum(each.ru_utime + each.ru_stime for each in used)


def watched():
    """Marks set where the run proper begins and ends."""
    marks = {}
    startup, shutdown = ForkRunner.startup, ForkRunner.shutdown

    def begin(self):
        marks["begin"] = now()
        startup(self)

    def end(self):
        shutdown(self)
        marks["end"] = now()

    ForkRunner.startup, ForkRunner.shutdown = begin, end
    return marks


def mutated(name, path, module):
    """The whole file with that mutant in place, as `mutmut apply` writes it."""
    function = orig_function_and_class_names_from_key(name)[0].rpartition(".")[-1]
    original = diff_apply.find_top_level_function_or_method(module, function)
    found = diff_apply.read_functions_from_index(name, path)
    if found is None:
        generated = diff_apply.read_mutants_module(path)
        mutant = diff_apply.read_mutant_function(generated, name)
    else:
        mutant = found[1]
    return module.deep_replace(original, mutant.with_changes(name=libcst.Name(function))).code


def main():
    """Run, gather, tell."""
    marks, began = watched(), now()
    try:
        program.cli(["run", "--max-children", "1"])
    except SystemExit as ended:
        if ended.code:
            raise
    over = now()
    told = {"mutmut": 1, "tried": 0, "survived": 0, "hung": 0, "hung_s": 0.0, "mutants": {}}
    told["wall_s"], told["cpu_s"] = (
        b - a for a, b in zip(marks["begin"], marks["end"], strict=True)
    )
    told["all_wall_s"] = over[0] - began[0]
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        module = libcst.parse_module(Path(path).read_text())
        for name, code in data.exit_code_by_key.items():
            if code is None or code == NO_TESTS:
                continue
            told["tried"] += 1
            told["survived"] += code == SURVIVED
            if code in HUNG:
                told["hung"] += 1
                told["hung_s"] += data.durations_by_key[name]
            told["mutants"].setdefault(str(path), []).append(mutated(name, path, module))
    print()
    print(json.dumps(told))


main()
