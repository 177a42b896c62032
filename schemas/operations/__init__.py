"""How the runtime itself fares: bus, supervision, alerts, logs, metrics, crashes, diagnostics."""
