"""How the processes of one runtime talk: events to every subscriber, requests to one server, over one broker.

The bus owns no files. It promises:

* one order: every event has its number, and every subscriber sees the same order;
* no silent loss: a subscriber gets every event, or a `GapEvent` that says how many are gone;
* one outcome: every request ends with a reply or with one of seven failures, even when a process dies;
* late joiners: retained events come first;
* strangers stay outside: a token, and on TCP keys, let a peer in.

`PROTOCOL.md` describes what travels, for clients in any language. In here:

| for | read |
|---|---|
| authors of actors | `actor.py` (base class), `actor_loop.py` (what runs it), `retry.py` |
| every other process | `client.py` (find the runtime and connect), then `peer/` |
| what each side decides | `broker/` and `peer/`, pure at their core |
| what travels and how | `wire/` (headers and frames), `transport/` (sockets, or calls in one process) |
| what each actor reports | `alert_book.py`, `instruments.py`, `log_handler.py`, `redaction.py` |
| supervisor and child | `lifeline.py`, `discovery.py` |
| who else may write to a path | `write_access.py` (decides), `path_trust.py` (looks) |

Begin with `wire/headers.py`, then `broker/broker_core.py` and `peer/peer.py`.
"""
