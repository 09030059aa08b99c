"""What can be asked for, by a model, an agent or a command: each thing declared once.

action.py      an Action: name, words, arguments, what it does; arguments are checked once
registry.py    actions by name, with discovery of other packages' actions
render.py      actions as words of a prompt, and as tools of the Messages API
catalogue.py   every action an agent may use; what changes code stands in deciding.py
looking.py, noting.py    the functions that commands and actions share
child.py       runs a command as a process of its own, for what works on a target
server.py      serves them over the Model Context Protocol; answers.py caps what it says
"""
