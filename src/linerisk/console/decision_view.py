"""One decision with all that stands behind it, in one language, ready for a page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from linerisk.console.page_request import ConsoleContext
from linerisk.console.problem_text import problem_text
from linerisk.console.records_view import RecordsView, records_view_of
from linerisk.console.translations import both, chance
from linerisk.decisions.record import DecisionRecord
from linerisk.errors import LineriskError
from linerisk.explanation import AsUsual
from linerisk.explanation.value_text import BY_UNIT, format_number
from linerisk.policy import Policy, with_id
from linerisk.suspension.evidence import Evidence, FeatureEvidence, gather_evidence
from linerisk.suspension.evidence_charts import (
    BAR_HEIGHT,
    BARS_WIDTH,
    CURVE_HEIGHT,
    CURVE_WIDTH,
    Bar,
    Mark,
    bars,
    marks,
    ticks,
)
from linerisk.suspension.local_time import Language
from linerisk.suspension.notice import make_notice
from linerisk.suspension.notice_model import Notice
from linerisk.suspension.sms import Sms, text_message


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One feature, in words; a dash where there is nothing to say.

    Attributes:
        label: Its plain name.
        name: As the model has it.
        meaning: What it says.
        value: As scored.
        own_usual: On the same line before.
        segment_usual: Among lines of the same kind.
        typical: On a typical legitimate line.
    """

    label: str
    name: str
    meaning: str
    value: str
    own_usual: str
    segment_usual: str
    typical: str

    @property
    def compared(self) -> bool:
        """Whether it stands beside the line's own past or its kind."""
        return (self.own_usual, self.segment_usual) != ("–", "–")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """What the model of a decision says of it.

    Attributes:
        bundle: The evidence.
        ages: Marks of the same line at other ages; none where its age is not known.
        curve: The same as points of a line.
        curve_size: Width and height of that drawing.
        curve_ticks: Where its lines stand, and what they are called.
        own: The mark of the line's own age; None where there is none.
        features: Rows by family.
        records: Summary of the line's records; None where none was kept.
        together: Names of the families that, as usual, would have lowered the tier; empty where none do.
    """

    bundle: Evidence
    ages: tuple[Mark, ...]
    curve: str
    curve_size: tuple[int, int]
    curve_ticks: tuple[tuple[float, str], ...]
    own: Mark | None
    features: tuple[tuple[str, tuple[FeatureRow, ...]], ...]
    records: RecordsView | None
    together: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionView:
    """A decision as it is shown.

    Attributes:
        record: The frozen record.
        chance: Its probability and interval in words.
        bars: Contributions of families, the largest first.
        bars_size: Width and height of that drawing.
        log_odds: Of the probability.
        families: Names of families.
        codes: What each reason code is about.
        evidence: What its model says of it; None where the model cannot be read.
        evidence_problem: Why not; empty where it can.
        policy: The policy that it names; None where its file is gone.
        rules: Title of the policy.
        notice: What the holder is told; None where no notice can be made.
        sms: The same as a text message.
        notice_problem: Why one of the two is missing; empty where both are there.
    """

    record: DecisionRecord
    chance: str
    bars: tuple[Bar, ...]
    bars_size: tuple[int, int]
    log_odds: float
    families: dict[str, str]
    codes: dict[str, str]
    evidence: EvidenceView | None
    evidence_problem: str
    policy: Policy | None
    rules: str
    notice: Notice | None
    sms: Sms | None
    notice_problem: str


def decision_view_of(context: ConsoleContext, record: DecisionRecord, language: Language) -> DecisionView:
    """A decision, its evidence and its notice; what cannot be had is said and left out."""
    wording = context.state.wording
    families = {name: getattr(words, language) for name, words in wording.families.items()}
    policy: Policy | None = None
    evidence: EvidenceView | None = None
    notice: Notice | None = None
    sms: Sms | None = None
    evidence_problem = notice_problem = ""
    try:
        policy = with_id(context.state.policies, record.policy)
        evidence = _evidence(gather_evidence(record, context.state.model_of(record), policy), families, language)
    except LineriskError as error:
        evidence_problem = problem_text(error, language)
    try:
        if policy is not None:
            notice = make_notice(record, policy, language=language)
            sms = text_message(notice, policy)
    except LineriskError as error:
        notice_problem = problem_text(error, language)
    drawn = bars(record.contributions)
    return DecisionView(
        record=record,
        chance=chance(record.probability, record.probability_low, record.probability_high, language),
        bars=drawn,
        bars_size=(BARS_WIDTH, BAR_HEIGHT * len(drawn)),
        log_odds=record.base + record.calibration + sum(record.contributions.values()),
        families=families,
        codes={code: getattr(words, language) for code, words in wording.codes.items()},
        evidence=evidence,
        evidence_problem=evidence_problem,
        policy=policy,
        rules="" if policy is None else getattr(policy.title, language),
        notice=notice,
        sms=sms,
        notice_problem=notice_problem,
    )


def _evidence(bundle: Evidence, families: dict[str, str], language: Language) -> EvidenceView:
    ages = marks(bundle.at_ages)
    weight = bundle.decision["contributions"]
    ordered = sorted(bundle.features, key=lambda each: (-abs(weight.get(each.family, 0.0)), each.family))
    return EvidenceView(
        bundle=bundle,
        ages=ages,
        curve=" ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in ages),
        curve_size=(CURVE_WIDTH, CURVE_HEIGHT),
        curve_ticks=ticks(),
        own=next((mark for mark in ages if mark.own), None),
        features=tuple(
            (families.get(family, family), tuple(_row(each, language) for each in group))
            for family, group in groupby(ordered, key=attrgetter("family"))
        ),
        records=records_view_of(bundle.records, language),
        together=_named(bundle.families_that_lower_the_tier, families, language),
    )


def _named(found: AsUsual | None, families: dict[str, str], language: Language) -> str:
    names = () if found is None else tuple(families.get(name, name) for name in found.families)
    return ("、" if language == "zh" else ", ").join(names)


def _row(seen: FeatureEvidence, language: Language) -> FeatureRow:
    def formatted(value: float | None) -> str:
        return "–" if value is None else both(BY_UNIT.get(seen.unit, format_number)(value), language)

    return FeatureRow(
        label=seen.label_zh if language == "zh" else seen.label_en,
        name=seen.name,
        meaning=seen.meaning,
        value=formatted(seen.value),
        own_usual=formatted(seen.own_usual),
        segment_usual=formatted(seen.segment_usual),
        typical=formatted(seen.typical),
    )
