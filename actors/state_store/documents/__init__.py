"""Typed documents on top of the engine: one type, one file, whole values only.

A profile declares types as pydantic models or as JSON Schema. Each type has at most one document, whose file
is `documents/<type>.json`. A document that was read or written stays in memory for a while.

Promises: a document that is read fits its type; its defaults count while there is none. Nobody can change an
instance that another caller shares. A write is what is read from then on.

Begin with `document_store.py`. `document_types.py` turns values into instances, `document_cache.py` is the
memory.
"""
