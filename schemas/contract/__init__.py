"""The contract as a whole: the registry of all events, and what is generated from it.

`registry.py` lists every event by its topic. `json_schema_export.py` writes JSON Schema and AsyncAPI,
`client_source.py` the events of the clients. `undercroft contract` puts both into files. Begin with
`registry.py`.
"""
