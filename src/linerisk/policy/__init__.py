"""Dated policies as data: the steps, time limits and wording of each tier, from a first day on.

The model gives the tier, the policy in force gives the action. A step that the policy file does not list for a tier is
never asked for.
"""

from linerisk.policy.file_model import HeldBy
from linerisk.policy.policies import Action, Policy, in_force, load_policies, with_id
from linerisk.policy.promise import Limits, load_limits, load_promise
from linerisk.policy.retention import Retention, load_retention

__all__ = [
    "Action",
    "HeldBy",
    "Limits",
    "Policy",
    "Retention",
    "in_force",
    "load_limits",
    "load_policies",
    "load_promise",
    "load_retention",
    "with_id",
]
