"""Every landed exchange as a readable row, partitioned by date and hour, for other engines to read.

state part -> readable rows -> Parquet folders, or one commit of a Delta table -> the part is marked in the journal

Rules. A part is exported before it is merged, in the order of the parts' numbers, and marked afterwards. If a run stops in
between, the part is exported again: as Parquet under the same file names, so nothing changes; as Delta not at all, since
the table's own transaction number says that it is there. Deletion and retention reach the lake before the state.
"""

from hydrascope.pipeline.lake.export import FORMATS, Lake, open_lake

__all__ = ["FORMATS", "Lake", "open_lake"]
