"""What a process says about itself: alerts, metrics, log records, and the redaction of secrets."""
