"""The model card: sections of sentences and tables from an evaluation, as Markdown and for the page.

References:
    Mitchell et al. (2019), "Model cards for model reporting", FAT*, for the contents of a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.run import GateResult, Outcome
from linerisk.evaluation.plots.groups import age_name
from linerisk.evaluation.report.facts import ReportFacts
from linerisk.evaluation.report.tables import (
    Table,
    as_markdown,
    evidence_sentences,
    figure_table,
    gate_table,
    in_one_line,
    tier_table,
)
from linerisk.evaluation.subgroups import worst_group
from linerisk.model.risk_model import RiskModel

_FEW_FRAUD = 100
"""Fraud lines below which intervals are too wide to compare two models."""
OVERRIDES = "Overrides"
"""Heading of the section that a promotion with overrides replaces; stored cards have it, so it may not change."""
NEVER_SERVED = "The service never answers from a model of this name, so nothing stops automatically."
_NO_OVERRIDE = "None: no gate was overridden."


@dataclass(frozen=True, slots=True)
class CardSection:
    """A section of the card: heading, sentences, and a table whose first row is its header."""

    heading: str
    sentences: tuple[str, ...] = ()
    table: Table = ()


@dataclass(frozen=True, slots=True)
class Override:
    """A failed gate that was overridden, by whom, and the written reason."""

    gate: str
    by: str
    reason: str

    def describe(self) -> str:
        """The override in one line."""
        return in_one_line(f"{self.gate} was overridden by {self.by}: {self.reason}")


def card_sections(
    model: RiskModel, evaluation: Evaluation, gates: Sequence[GateResult], reported: ReportFacts
) -> tuple[CardSection, ...]:
    """All sections of the card, in order.

    Args:
        model: The model.
        evaluation: Its measurements.
        gates: Results of its gates.
        reported: Facts about its training.
    """
    return (
        CardSection("Intended use", _USE if evaluation.of_catalogue else _USE_OF_A_TABLE),
        CardSection("Not for", _NOT_FOR if evaluation.of_catalogue else _NOT_FOR_OF_A_TABLE),
        CardSection("Provenance", (), (("what", "value"), *reported.facts.items())),
        CardSection("Data", _on_the_data(model, evaluation)),
        CardSection("Figures", _on_figures(evaluation), figure_table(evaluation)),
        CardSection("Tiers", evidence_sentences(evaluation), tier_table(evaluation)),
        CardSection("Gates", (), gate_table(gates)),
        CardSection("Known weaknesses", weaknesses(evaluation, gates, reported.notices)),
        CardSection(OVERRIDES, (_NO_OVERRIDE,)),
        CardSection("Expiry", (_expiry(reported.valid_days, served=evaluation.served),)),
        CardSection("Reproduce", (f"`{reported.again}`",)),
    )


_USE = (
    (
        "Ranks phone lines by the risk that they are used for fraud, from records of calls and texts (never their "
        "content) and from the account, and assigns each line to one of four tiers."
    ),
    "A tier leads to no more than the measures of the policy in force, and every holder can object.",
)
_NOT_FOR = (
    "Judging a person: the risk belongs to the line, never to the holder.",
    "Another operator's lines, or another population, without a calibration slice and cut points of their own.",
    "Closing a line permanently, or any measure without notice, reason and a way to object.",
)

_USE_OF_A_TABLE = (
    (
        "Ranks rows like those of its training table by the risk that their label is fraud, from the columns of that "
        "table, and assigns each row to one of four tiers."
    ),
    "The owner of the table decides what a row means and what may follow from its tier.",
)
_NOT_FOR_OF_A_TABLE = (
    "Judging a person.",
    "Rows of another population, or collected differently, without a calibration slice and cut points of their own.",
    "Any measure without notice, reason and a way to object.",
)


def weaknesses(evaluation: Evaluation, gates: Sequence[GateResult], notices: Sequence[str]) -> tuple[str, ...]:
    """Known weaknesses, from the evaluation, the failed gates and the notices."""
    e = evaluation
    found = [f"Gate {g.code} ({g.title}) failed: {g.finding}." for g in gates if g.outcome is Outcome.FAILED]
    found += [
        f"The requested bound of {row.wished:g} for {row.tier} is not proven: {row.missing:,} legitimate lines are "
        "missing."
        for row in e.tiers
        if row.missing
    ]
    found += _on_groups(e)
    if e.assessment is not None and (unfinished := e.assessment.unfinished()) is not None:
        found.append(f"{unfinished}.")
    if e.fraud < _FEW_FRAUD:
        found.append(f"Only {e.fraud} fraud lines were tested: intervals are wide, and small gains cannot be detected.")
    unmeasured = [band for band in e.ages if band.average_precision is None]
    if unmeasured:
        bands = ", ".join(f"{age_name(band.from_days)} ({band.fraud} fraud of {band.lines:,})" for band in unmeasured)
        found.append(f"Too few lines to measure ranking in these tenure bands: {bands}.")
    measured = [(band, band.average_precision) for band in e.ages if band.average_precision is not None]
    if len(measured) > 1:
        worst, precision = min(measured, key=lambda pair: pair[1].value)
        found.append(
            f"Average precision is lowest for lines of {age_name(worst.from_days)}: {precision}, on {worst.fraud} "
            f"fraud of {worst.lines:,} lines."
        )
    found += list(notices)
    found.append(
        "Fraud is labelled only where it was reported or found. Other fraud counts as legitimate, which biases figures."
    )
    found.append("Bounds hold for lines like those of the calibration slice. They lose validity as behaviour drifts.")
    return tuple(found)


def _on_groups(e: Evaluation) -> list[str]:
    """The group with the highest proven ratio of false-positive rates, or that groups are unknown."""
    if e.subgroups is None:
        return ["No groups of lines are known, so differences between groups in false-positive rate are unknown."]
    worst = worst_group(e.subgroups)
    return [] if worst is None else [f"Highest proven ratio of false-positive rates: {worst.describe()}."]


def markdown(title: str, sections: Sequence[CardSection]) -> str:
    """The card as Markdown."""
    parts = [f"# Model card: {in_one_line(title)}"]
    for section in sections:
        parts.append(f"## {section.heading}")
        if section.sentences:
            parts.append("\n".join(f"- {in_one_line(sentence)}" for sentence in section.sentences))
        if section.table:
            parts.append(as_markdown(section.table))
    return "\n\n".join(parts) + "\n"


def with_overrides(card: str, overrides: Sequence[Override]) -> str:
    """The card of a model that was promoted despite failed gates, with each override and its reason.

    Args:
        card: Output of `markdown`, or of this function, whose overrides are replaced.
        overrides: At least one.
    """
    heading = f"\n## {OVERRIDES}\n"
    before, after = card.split(heading, maxsplit=1)
    rest = after[after.index("\n## ") :]
    return f"{before}{heading}\n" + "\n".join(f"- {override.describe()}" for override in overrides) + f"\n{rest}"


def _on_the_data(model: RiskModel, e: Evaluation) -> tuple[str, ...]:
    families = ", ".join(
        f"{family} ({sum(column.family == family for column in model.columns)})" for family in model.families
    )
    return (
        f"{len(model.columns)} features by family: {families}.",
        f"{e.how[:1].upper()}{e.how[1:]}.",
        f"Tested on {e.lines:,} lines not used in training, {e.fraud:,} of them fraud ({e.prevalence:.2%}).",
        f"Cut points come from {model.cuts[0].legitimate:,} legitimate lines of the calibration slice.",
    )


def _on_figures(e: Evaluation) -> tuple[str, ...]:
    if e.comparison is not None:
        versus, difference = e.comparison.champion, e.comparison.difference
        return (f"Against champion version {versus} on the same lines: average precision {difference:+.3f}.",)
    return (e.comparison_problem,) if e.comparison_problem else ("There was no champion to compare with.",)


def _expiry(valid_days: int | None, *, served: bool) -> str:
    if valid_days is None:
        return "No expiry is set."
    if not served:
        return f"{valid_days} days after promotion its evidence is out of date: train it again. {NEVER_SERVED}"
    return (
        f"{valid_days} days after promotion. From then on answers have the status degraded, and no measure starts "
        "automatically."
    )
