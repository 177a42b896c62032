"""What the supervisor decides. Pure: handed the time, makes no process, reads no clock.

Begin with `supervision_events.py` (inputs and effects), then `supervision_policy.py`; `child_spec.py` has the
terms of Erlang/OTP.
"""
