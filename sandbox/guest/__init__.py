"""What runs inside a container; standard library and pytest only, Python 3.8 or newer.

In the container this folder is `/mendd/mendd_guest`, imported as `mendd_guest` so that it cannot
hide a module of the target; here it is `sandbox.guest`. Inside it, import relatively
(`from .channel import Channel`).

    harness.py   root with three capabilities: starts the child, keeps time and byte limits
    child.py     another user: unpacks the tree, imports pytest ahead, takes one job
    channel.py   the line channel between the child and the host
    plugin.py    the pytest plugin that reports one line per test and phase
    command.py   any other test command: exit code and JUnit XML
    screen.py, spectrum.py   the search engine's modes: `main(job, channel)` each
"""
