"""Commands that look and change nothing: doctor, logs, watch, trace, metrics, diagnostics, contract.

Only `doctor --fix --yes` changes something. `doctor`, `diagnostics` and `contract` work without a runtime;
the others ask one. Read `watch.py` first.
"""
