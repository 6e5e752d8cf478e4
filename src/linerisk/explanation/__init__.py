"""Contributions to reasons: what moved a line's log-odds, by family, and one true sentence for each of the largest.

Contributions are exact: with the base and what calibration adds to it they sum to the calibrated log-odds. Sentences
state what was seen on the holder's own line, when, and compared with what; never a cut point, never a weight, and
nothing that the values do not bear out.
"""

from linerisk.explanation.contributions import Contributions, contributions, feature_contributions
from linerisk.explanation.counterfactuals import AsUsual, AtAge, at_ages, each_as_usual, together_as_usual
from linerisk.explanation.reason_text import Said, Wording
from linerisk.explanation.reasons import Attribution, Explanation, Reason, attribute, explain, reason_codes

__all__ = [
    "AsUsual",
    "AtAge",
    "Attribution",
    "Contributions",
    "Explanation",
    "Reason",
    "Said",
    "Wording",
    "at_ages",
    "attribute",
    "contributions",
    "each_as_usual",
    "explain",
    "feature_contributions",
    "reason_codes",
    "together_as_usual",
]
