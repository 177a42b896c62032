"""The contract: events and documents that the processes of Undercroft exchange, one module per conversation."""
