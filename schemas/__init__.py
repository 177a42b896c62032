"""The contract: every event and document that processes exchange, one module for each conversation.

An event is a frozen msgspec struct, and its tag is its topic (`event.py`). Facts are in the past tense.
Requests end in `RequestEvent` and name their one reply: `class AskRequestEvent(Request[AnsweredEvent])`.

This package promises that a type never changes its meaning, and that new fields have defaults: programs of an
earlier version keep working. It owns no files at run time. `published/` holds the same contract as JSON
Schema and AsyncAPI, and `clients/` as Python and TypeScript; `contract/` writes them all.

| conversation | modules |
|---|---|
| settings | `config.py` |
| models: installs, leases, sources, manifests | `models.py`, `leases.py`, `sources.py`, `manifest.py` |
| what the app can be used for | `readiness.py` |
| directories | `paths.py` |
| values, documents, backups, encryption | `state.py`, `documents.py`, `backups.py`, `keys.py` |
| what was said | `history.py` |
| the runtime itself | `operations/` |

Begin with `event.py`, then `config.py`.
"""
