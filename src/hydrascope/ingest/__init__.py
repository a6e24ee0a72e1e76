"""Logs of any known format become batches of `hydrascope.schema.EXCHANGES`; rejects are counted."""
