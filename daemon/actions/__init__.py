"""What can be asked for, by a model, an agent or a command: each thing declared once.

action.py      an Action: name, words, arguments, what it does; arguments are checked once
registry.py    actions by name, with discovery of other packages' actions
render.py      actions as words of a prompt, and as tools of the Messages API
"""
