"""A second, independent generator of worlds with ground truth.

It was written from the contract and the scenarios alone, without sight of `hydrascope.simulate`, and shares neither code nor text
nor tables with it: a detector tuned on one generator is judged on the other. It imports nothing from `hydrascope`, and nothing
under `src` imports it; `tests/evaluate/test_second_world.py` holds both. The command is `python benchmarks/second_worlds.py`.

Theory of operation. A `Scene` holds a `World` (accounts, events, the log being written), a `Bank` (all text) and the random
generators of its seed. Every kind of customer and every campaign is a function of the scene that opens accounts and sends their
exchanges. Numbers of accounts, volumes, hours, countries, programs and wordings are drawn from ranges by the seed.
"""
