"""The contract as a whole: the registry of all events, and what is generated from it.

`registry.py` lists every event by topic, `json_schema_export.py` writes JSON Schema and AsyncAPI,
`client_source.py` the events of the clients.
"""
