"""Models on disk: where each lies, what of it is durable, and how a verified one becomes active.

A reader finds a model under its id, `<models>/<id>/`, and only after every file in it was verified. While
it is fetched it lies in `<id>.partial/`, together with two files that make a resume possible:

- `journal.json` (`staging_journal`): whether the install is to go on, where each file comes from, and which
  ranges are on the disk. It is replaced after the fsync of the files, never before.
- `written.marks` (`watermarks`): how far each part was written, moved with every write. Believed only while
  the machine runs on, since a kill leaves those bytes and a power cut may not.

`staging_recovery` opens such a directory after a crash and cuts the files back to what these two prove.

Further names: `<id>.former` is the revision that was active before, `<id>.damaged` a model that broke its
promise, `.next-<id>` and `.back-<id>` a swap in progress, `.trash-*` a removal in progress
(`models_layout`). The record `.undercroft.json` in each revision says which one it is (`revisions`).
`activation` moves a verified directory into place, so that at any moment, also after a crash, one whole
revision is active. `archives` unpacks models that come as archives.

Promises: nothing is ever half visible; no byte counts before it is durable; a bomb or a path that leads out
of the directory unpacks nothing. Nothing here knows the network.

Read `models_layout` first, then `staging_journal` and `activation`.
"""
