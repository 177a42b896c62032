"""What the supervisor tells others: events on the bus, crash records, the newest log lines."""
