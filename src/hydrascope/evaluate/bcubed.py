"""B-cubed precision and recall of a clustering, over the accounts of true campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["BCubed", "score_bcubed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BCubed:
    """Means over campaign accounts, each in (0, 1]; None where the truth has no campaign."""

    precision: float | None
    recall: float | None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        if self.precision is None or self.recall is None:
            return None
        return 2 * self.precision * self.recall / (self.precision + self.recall)


Names = Sequence[str] | npt.NDArray[np.object_]


def score_bcubed(campaign: Names, found: Names) -> BCubed:
    """B-cubed over the accounts whose true campaign is not empty.

    For an account e with true campaign C(e) and found cluster K(e):
    precision(e) = |K(e) and C(e)| / |K(e)|, recall(e) = |K(e) and C(e)| / |C(e)|; both are averaged over
    campaign accounts. K(e) holds honest accounts too, and they lower precision. An account in no cluster is a
    cluster of its own: precision 1, recall 1 / |C(e)|. (Bagga & Baldwin 1998, "Algorithms for scoring
    coreference chains"; honest accounts are not scored as items, since a world is mostly honest and
    unclustered and would read as perfect.)

    Args:
        campaign: true campaign of each account, empty for honest ones.
        found: found cluster of each account, empty for none; same length.

    >>> score_bcubed(["c", "c", "", ""], ["x", "x", "x", ""])
    BCubed(precision=0.6666666666666666, recall=1.0)
    """
    truth = np.asarray(campaign, dtype=np.object_)
    members = truth != ""
    if not members.any():
        return BCubed(precision=None, recall=None)
    t = codes(truth)
    k = codes(np.asarray(found, dtype=np.object_))
    k = np.where(np.asarray(found, dtype=np.object_) == "", k.max() + 1 + np.arange(len(k)), k)
    both = codes(t * (k.max() + 1) + k)
    joint, of_cluster, of_campaign = (np.bincount(x)[x] for x in (both, codes(k), t))
    return BCubed(
        precision=float(np.mean((joint / of_cluster)[members])),
        recall=float(np.mean((joint / of_campaign)[members])),
    )


def codes(values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Each value as an integer from 0, equal values alike."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)
