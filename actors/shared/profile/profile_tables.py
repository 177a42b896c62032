"""The tables of `profile.toml`, with their defaults and limits. docs/profiles.md shows each of them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from actors.shared.profile.mode_tables import ModeTable, ReadinessTable
from schemas.bounds import INTEGER_LIMIT, Amount, Many, Named, PlaceText, Whole, Word, whole

Reference = Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"([^:]+\.py:[A-Za-z_]\w*)?"))]
"""`file.py:NAME`, relative to the profile; empty for none."""

DocumentsReference = Annotated[
    str, msgspec.Meta(max_length=4096, pattern=whole(r"([^:]+\.py:[A-Za-z_]\w*|[^:]+\.json)?"))
]
SettingsReference = Annotated[
    str, msgspec.Meta(max_length=4096, pattern=whole(r"([^:]+\.py:[A-Za-z_]\w*|[^:]+\.json)"))
]
"""`file.py:Class`, or a JSON Schema."""


class ChildTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[children]]` table: an actor, or a program in any language.

    Attributes:
        name: of the process, and its name on the bus.
        entry: of an actor: `package.module:build`.
        command: of a program: itself and its arguments. One with a separator in its name is relative to the
            profile. `{profile}`, `{home}` and `{python}` stand for the directory of the profile, that of the
            app, and the interpreter of Undercroft.
        cwd: where a program runs, relative to the profile; empty: in the directory of the profile.
        path: directory appended to the module search path of an actor, relative to the profile.
        restart: `permanent`: always; `transient`: unless it ended well; `temporary`: never.
        depends_on: children that must be ready before it starts for the first time.
        ready: of a program: `hello` once it said HELLO under its name, `started` once it runs.
        start_timeout_seconds: how long it may take until it is ready.
        shutdown_timeout_seconds: how long it has to end before it is asked harder.
        heartbeat_timeout_seconds: what does not answer a ping in this time is restarted; 0: never. Left out,
            it is 10 for an actor and 0 for a program, which answers over the bus and needs `ready = "hello"`.
        memory_limit_mib: private memory above which it is restarted; 0: no limit.
        intensity: how many restarts within the period open the circuit.
        period_seconds: that period.
        environment: further variables. In their values the same names in braces stand for the same.
        reveal_secrets: it may ask for the values of secret settings.
    """

    name: Word
    entry: Word = ""
    command: Many[PlaceText] = []
    cwd: PlaceText = ""
    path: PlaceText = ""
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    depends_on: Many[Word] = []
    ready: Literal["message", "hello", "started"] | None = None
    start_timeout_seconds: Amount = 30.0
    shutdown_timeout_seconds: Amount = 5.0
    heartbeat_timeout_seconds: Amount | None = None
    memory_limit_mib: Whole = 0
    intensity: Whole = 5
    period_seconds: Amount = 60.0
    environment: Named[PlaceText] = {}
    reveal_secrets: bool = False


class PeerTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[peers]]` table: a peer with a name of its own that the supervisor does not start.

    Attributes:
        name: reserved for the one who has the credential that the launcher chose for it.
        reveal_secrets: it may ask for the values of secret settings.
    """

    name: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"))]
    reveal_secrets: bool = False


class ManifestTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[manifest]` table: a signed manifest to fetch, beside the one that comes with the app.

    Attributes:
        url: of the manifest; empty for none.
        keys: Ed25519 public keys in base64; one of them must have signed it.
        max_skew_seconds: how wrong the clock of this machine may be.
        refresh_hours: time between looks for a newer one; 0: only at each start and on request.
    """

    url: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"(https?://\S{1,2000})?"))] = ""
    keys: Annotated[list[Word], msgspec.Meta(max_length=16)] = []
    max_skew_seconds: Annotated[float, msgspec.Meta(ge=0, le=86_400 * 7)] = 600.0
    refresh_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 365)] = 24.0


class SourcesTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[sources]` table: URLs of servers that stand in for the public ones; empty: the public ones.

    Attributes:
        hf: in the place of huggingface.co.
        ollama: in the place of registry.ollama.ai.
    """

    hf: PlaceText = ""
    ollama: PlaceText = ""


class TopicNamespaceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `namespaces` in `[topics]` that belongs to certain peers.

    Attributes:
        namespace: pattern of topics, such as `myapp.engine.*`.
        peers: children and named peers that may publish and serve them; nobody else may.
    """

    namespace: Word
    peers: Annotated[list[Word], msgspec.Meta(min_length=1, max_length=10_000)]


class TopicsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[topics]` table.

    Attributes:
        namespaces: patterns of topics that the app declares for itself. A pattern alone, such as
            `myapp.*`, is everybody's.
    """

    namespaces: Many[Word | TopicNamespaceTable] = []


class BackupsTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[state.backups]` table.

    Attributes:
        every_hours: time between automatic backups, if something changed since; 0: none.
        keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly: how many automatic backups stay; if all
            of these are 0, all stay.
        check_hours: time between automatic checks of everything, while nobody writes; 0: none.
        operators: patterns of names of peers that may make, restore and remove backups.
    """

    every_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 365)] = 24.0
    keep_last: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 3
    keep_hourly: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 0
    keep_daily: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 7
    keep_weekly: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 4
    keep_monthly: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 6
    check_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 365)] = 24.0
    operators: Many[Word] = msgspec.field(default_factory=lambda: ["*"])


class StateTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The `[state]` table.

    Attributes:
        quota_mib: room on disk for all keys and documents; 0: no limit.
        cache_seconds: how long a document is served from memory.
        backups: when they are made, and which stay.
    """

    quota_mib: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 1024
    cache_seconds: Annotated[float, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 300.0
    backups: BackupsTable = BackupsTable()


class NamespaceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[namespaces]]` table: the keys `<name>.<rest>`, who may use them, and how they are stored.

    Attributes:
        name: of the namespace.
        owner: pattern of names of peers that may read and write; empty for none.
        readers, writers: patterns of further peers that may. Left out: everybody if there is no owner, nobody
            if there is one.
        encrypt, compress, backup: True applies to every save, even if the save does not ask for it.
        schema: that every value must fit: name of a shipped schema, `file.py:Class`, or `file.json` (JSON
            Schema).
        schemas: schema by pattern of the rest of a key; wins over `schema`.
        quota_mib: room on disk for its keys; 0: no limit of its own.
    """

    name: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"[a-z][a-z0-9_]{0,31}"))]
    owner: Word = ""
    readers: Many[Word] | None = None
    writers: Many[Word] | None = None
    encrypt: bool = False
    compress: bool = False
    backup: bool = False
    schema: Word = ""
    schemas: Named[PlaceText] = {}
    quota_mib: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_LIMIT)] = 0


class ProfileFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of `profile.toml`.

    Attributes:
        name: of the app.
        title: of the app, for people.
        settings: `settings.py:Settings`, a pydantic model, or a JSON Schema, `settings.schema.json`.
        settings_of: sections of settings that bundled actors read: `history`, `models`, `diagnostics`.
        settings_version: counts what the settings mean; stored with them.
        settings_migrations: `file.py:NAME` of a table from version to the function that migrates from it.
        preset_setting: dotted path of the setting that names one of `presets/*.json`.
        policy: the administrator's file, where it is not in the platform's place.
        allowlist: dotted paths of settings that may be changed; `vad.*`: a whole section.
        models: manifests of models; `bundled:dictation` is that of a bundled profile.
        topics: namespaces of topics of the app.
        modes: what the app can be used for.
        readiness: how its readiness is shown.
        manifest: a signed manifest to fetch.
        sources: servers that stand in for the public ones.
        wording: texts that replace others, by language and key.
        state: limits of the state store.
        namespaces: who may use which keys, and how they are stored.
        documents: `file.py:NAME` of the types of documents, or `file.json` of names to JSON Schema.
        migrations: `file.py:NAME` of the migrations of older values.
        children: processes that the supervisor runs.
        peers: further peers whose names are reserved.
    """

    name: Annotated[str, msgspec.Meta(max_length=4096, pattern=whole(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}"))]
    title: Word = ""
    settings: Annotated[
        str, msgspec.Meta(max_length=4096, pattern=whole(r"([^:]+\.py:[A-Za-z_]\w*|[^:]+\.json)"))
    ] = ""
    settings_of: Many[Literal["history", "models", "diagnostics"]] = []
    settings_version: Annotated[int, msgspec.Meta(ge=1, le=INTEGER_LIMIT)] = 1
    settings_migrations: Annotated[
        str, msgspec.Meta(max_length=4096, pattern=whole(r"([^:]+\.py:[A-Za-z_]\w*)?"))
    ] = ""
    preset_setting: Word = ""
    policy: PlaceText = ""
    allowlist: Many[Word] | None = None
    models: PlaceText | Many[PlaceText] = ""
    manifest: ManifestTable = ManifestTable()
    sources: SourcesTable = SourcesTable()
    topics: TopicsTable = TopicsTable()
    modes: Many[ModeTable] = []
    readiness: ReadinessTable = ReadinessTable()
    wording: Named[Named[Word]] = {}
    state: StateTable = StateTable()
    namespaces: Many[NamespaceTable] = []
    documents: DocumentsReference = ""
    migrations: Reference = ""
    children: Many[ChildTable] = []
    peers: Many[PeerTable] = []
