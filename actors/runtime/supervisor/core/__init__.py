"""What the supervisor decides. Pure: it reads no clock, starts no process, and knows only its inputs.

`supervision_events.py` has the inputs and the effects; read it first. `supervision_policy.py` turns inputs
into effects for all children together, `child_lifecycle.py` for one child. `child_spec.py` uses the terms of
Erlang/OTP, `restart_budget.py` has its restart intensity, and `child_state.py` is what is known of one child.

It promises: a child has at most one process. A child first starts when all that it depends on are ready.
Every end of a process leads to a restart, an open circuit or a stop. A stop always completes, whatever the
children do.
"""
