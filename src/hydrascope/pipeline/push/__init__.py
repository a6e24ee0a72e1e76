"""Exchanges pushed over HTTP: spooled before they are acknowledged, sealed into files, landed like any other.

push -> incoming (fsync, rename, only then 200) -> seal (one rename for many pushes) -> landing (the state's journal)

Rules. A push is one file under `incoming`; a seal is a folder that holds the records of many, the ids of all and what still
waits for its other half, and it counts from its rename on. A push that a seal names is done, whether or not its file was
removed; a sealed file that the journal names is done, whether or not it was removed. So each step can be stopped
anywhere and taken again. Ids are remembered for a while, so that a push that is sent again is not landed again.
"""

from hydrascope.pipeline.push.landing import land_pushes
from hydrascope.pipeline.push.server import Receiver, listen_address, receive
from hydrascope.pipeline.push.spool import Spool, open_spool

__all__ = ["Receiver", "Spool", "land_pushes", "listen_address", "open_spool", "receive"]
