"""Metric experiments, in parts; daemon/research.py is the story that puts them together.

session.py      all that a session is, as one JSON value
plan.py         a plan out of a person's wishes and the settings
lab.py          a session on the bench: its state, its events, its code
metric.py       a number read from untrusted output; noise.py: how far it jumps by itself
overlay.py      the snapshot with what was kept
policy.py       what must not change while a session runs
setup.py        baseline and noise, measured with measure.py
explore.py      what an engine is told: history, best so far, now and then to be bold
propose.py      one edit, an engine's or a caller's; tune.py: constants, where no model is
decide.py       better by more than the noise, and confirmed
land.py         the gates between better and kept, and the commit
finalize.py     the end and what is left of it, with report.py and plot.py
steps.py        each step once, for commands, orders and agents; status.py: what they answer
performance.py  a note that something is slow
"""
