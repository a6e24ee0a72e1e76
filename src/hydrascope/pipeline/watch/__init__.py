"""A state that keeps up with a log as it grows: new files are observed once, findings are made from what is there.

landing -> journal -> snapshot -> (now and then) findings

Rules. A part of the state is a set of Parquet files of one name, written once and never changed. The journal names
the parts that count and the input files they hold; a change of it is one line, so a landing has happened wholly or
not at all, whenever the machine stops. Files that no journal names are leftovers and are removed when the state
is next opened. One run writes; readers use the snapshot behind `current`, whose files never change.
"""

from hydrascope.pipeline.watch.findings import detect_state
from hydrascope.pipeline.watch.forget import delete_account, merge_parts, retain_since
from hydrascope.pipeline.watch.landing import Landing, land_files
from hydrascope.pipeline.watch.state import State, open_state

__all__ = [
    "Landing",
    "State",
    "delete_account",
    "detect_state",
    "land_files",
    "merge_parts",
    "open_state",
    "retain_since",
]
