"""Dated rules as data: which tier asks for which steps, from when on, with which clocks and words.

The tier comes from the model; what to do about it from the policy in force. Nothing is added to what the file of a
policy says: a measure that the table does not hold for a tier is never asked for.
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
