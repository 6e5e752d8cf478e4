"""Explanations: contributions to the log-odds by family, and a reason in words for each of the largest.

Contributions are exact: with the base and the calibration term they sum to the calibrated log-odds. Reasons state what
was observed on the holder's own line, when, and compared with what. They never state a cut point or a weight, and
nothing that the values do not support.
"""

from linerisk.explanation.contributions import Contributions, contributions, feature_contributions
from linerisk.explanation.counterfactuals import (
    AsUsual,
    AtAge,
    at_ages,
    each_family_as_usual,
    families_that_lower_the_tier,
)
from linerisk.explanation.reason_text import ReasonText, Wording
from linerisk.explanation.reasons import Attribution, Explanation, Reason, attribute, explain, reason_codes

__all__ = [
    "AsUsual",
    "AtAge",
    "Attribution",
    "Contributions",
    "Explanation",
    "Reason",
    "ReasonText",
    "Wording",
    "at_ages",
    "attribute",
    "contributions",
    "each_family_as_usual",
    "explain",
    "families_that_lower_the_tier",
    "feature_contributions",
    "reason_codes",
]
