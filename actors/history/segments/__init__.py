"""The history on disk: encrypted segments, and two anchors that vouch for them.

Terms:
    segment: a file of JSON lines, `history/segment-<number>-<file id>.jsonl`, with a key of its own. At most
        one segment is open, which means that lines may still be appended to it.
    line: a batch or a seal. It names the tag of the line before it, so a missing or exchanged line shows.
    batch: the content of a line: the entries that were added or edited together, and the ids of removed ones.
    seal: the last line of a segment that was closed properly.
    anchor: the catalog (`anchors/history.json`) or the head (`anchors/history.head`). The catalog lists all
        segments with their last lines, the head says how far the open segment is durable.
    finding: something that is wrong: torn, truncated, tampered, missing, unknown, locked, or an anchor fault.

Promises:
    - A batch is durable when `SegmentStore.append` returns.
    - A crash at any step leaves the old files or the new ones, whole.
    - Every changed byte, and every segment that is gone or older than the anchors, becomes a finding.
    - Nothing is appended to a segment after a restart or a failed write, so no nonce occurs twice.

Read `segment_lines`, `segment` and `segment_catalog` first: they turn entries into bytes and back.
`recovery_plan` and `segment_findings` decide what a crash left behind. All of these are pure.
`segment_reader`, `segment_writer` and `anchor_files` touch the disk for one file each, `segment_recovery`
at the start for all. `segment_store` combines them and is the only writer.
"""
