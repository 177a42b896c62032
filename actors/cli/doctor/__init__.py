"""Examines a home from outside, and says what is wrong with it and what to do.

It reads files and asks the system; it needs no runtime. Each module in `checks/` gathers facts (`look`) and
judges them (`check`, pure). `examination.py` runs all of them: a check that fails is a finding itself, and
the others go on. `problems.py` is what checks return, `repairs.py` carries out what is safe to repair.

It promises: looking changes nothing, and a problem holds no secret and no content of files.

Read `problems.py` first, then any check.
"""
