"""One module a check: `look` gathers facts about a home, `check` judges them. Pure, except for `look`.

`CHECK` is the name under which its problems appear. The facts of `runtime_check.py` come over the bus, so it
has no `look`. `owner_check.py` comes first: what others may have put there is told before anything that it
says. `system/` looks at what all homes of a machine have in common.
"""
