"""The model downloader: brings models to disk, and looks after them there. Owns the models directory.

The life of a chunk, from a request to an active model:

1. `models.install` reaches `actor`, which hands it to the `InstallQueue` beside the inbox.
2. `Install.begin` opens the staging directory `<id>.partial`, and makes the wish durable in its journal.
   The request is answered here. All else happens later, after any number of crashes.
3. Once a slot is free, `Transfer` makes an `Attempt`: the `PartScheduler` hands out ranges, each connection
   of the `WorkerPool` fetches one with the `PartFetcher`, and all of them write through one `PartWriter`.
4. The writer gives a chunk to the kernel and marks it (`Watermarks`): it survives a kill from here on. A
   thread behind syncs the file, then the journal: it survives a power cut. Only then it is reported.
5. `ProgressReporter` publishes `models.download_progressed`. The verifier hashes behind these events.
6. With all bytes there, `VerifierClient` asks for the verdict. Bad pieces go back to 3.
7. `activate` waits for the holders of the former revision, and swaps directory names: `<id>` is the new
   revision, `<id>.former` the one before.
8. The `ModelRegistry` looks at the disk again, and `models.installed` is published.

| module or package     | responsibility                                                            |
|-----------------------|---------------------------------------------------------------------------|
| `actor`               | builds the objects, and hands each event to one of them                   |
| `relocation`          | the directory as a place: lock, absent drives, moves                      |
| `installed`           | checks, leases, repair, rollback and removal of what is installed         |
| `installs`            | the queue, each install, its retries and its progress; partials           |
| `transfer`            | bytes from servers and local files into staged files                      |
| `registry`            | what is known of every model, in memory; leases                           |
| `staging`             | the layout of the directory: journals, marks, archives, revisions, swaps  |
| `catalogue_client`    | asks the model sources whether a newer catalogue is known                 |
| `verifier_client`     | asks the model verifier                                                   |
| `downloader_settings` | the section `models` of the settings                                      |
| `downloader_context`  | what the actor is built from                                              |

Each imports only those below it. An object is handed what it needs when it is made, reports to the registry,
and never calls back up.

Hears `config.settings_changed`, `models.catalogue_changed`, `paths.changed` and `bus.peer_left`. Serves the
requests `models.*` for installs, leases, verification and partials, `paths.relocate_models` and
`paths.cancel_move`.

Owns the directory of the models with its leases, and `relocation.json` in its state directory.

Promises: an accepted install continues through any crash until it is done or cancelled. Nothing unverified
ever lies under the name of a model. A list of models touches no disk, and a disk that never answers holds up
no heartbeat.

Read `installs/install` first, then the page of `transfer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.shared.context import ActorContext
    from bus.actor import Actor


def build(context: ActorContext) -> Actor[Any]:
    """The actor that the supervisor starts under this name."""
    from actors.model_downloader.actor import ModelDownloader
    from actors.model_downloader.downloader_context import DownloaderContext

    return ModelDownloader(DownloaderContext.of(context))
