"""Commands that look: doctor, logs, watch, trace, metrics, diagnostics, contract."""
