"""The facts of a refused move, in the language of the visitor: what a reviewer can mend, and nothing of the inside."""

from __future__ import annotations

from linerisk.console.translations import translator
from linerisk.errors import InputError, LineriskError
from linerisk.model.tiers import RAISED
from linerisk.review.disputes import Dispute
from linerisk.review.errors import IllegalTransitionError
from linerisk.suspension.local_time import Language
from linerisk.suspension.notice import LIST_SEPARATOR


def facts_of(error: LineriskError, dispute: Dispute, language: Language) -> str:
    """What there is to say beyond the words of the refusal; empty where those and the page say it all.

    Args:
        error: Why the move was refused.
        dispute: As it stands now.
        language: Of the visitor.
    """
    translate = translator(language)
    if isinstance(error, IllegalTransitionError):
        return translate("fact_state").format(translate(f"state_{dispute.state.value}"))
    if not isinstance(error, InputError):
        return ""
    if error.field == "reason":
        return translate("fact_reason").format(error.found) if error.found else translate("fact_reason_no_text")
    if error.field == "outcome":
        return translate("fact_outcome")
    if error.field == "lowered_to":
        raised = [tier.value for tier in RAISED]
        lower = raised[: raised.index(dispute.tier)] if dispute.tier in raised else []
        tiers = LIST_SEPARATOR[language].join(translate(f"tier_{tier}") for tier in lower)
        return translate("fact_lowered_to").format(tiers) if tiers else translate("fact_nothing_lower")
    return ""
