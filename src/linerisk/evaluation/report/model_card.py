"""The model card, made from the evaluation: sections of sentences and tables, as Markdown and for the page.

References:
    Mitchell et al. (2019), "Model cards for model reporting", FAT*, for what a card has to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from linerisk.evaluation.evaluate import Evaluation
from linerisk.evaluation.gates.gates import GateResult, Outcome
from linerisk.evaluation.plots.groups import age_name
from linerisk.evaluation.report.facts import Reported
from linerisk.evaluation.report.tables import (
    Table,
    as_markdown,
    evidence_sentences,
    figure_rows,
    gate_table,
    in_one_line,
    tier_table,
)
from linerisk.evaluation.subgroups import worst_group
from linerisk.model.risk_model import RiskModel

_FEW_FRAUD = 100
"""Fraud lines below which intervals are so wide that two models can hardly be told apart."""
OVERRIDES = "Overrides"
"""Heading of the section that a promotion may fill in."""
NOTHING_SERVED = "The service never answers from a model of this name, so nothing stops by itself."
_NO_OVERRIDE = "None: no gate was set aside."


@dataclass(frozen=True, slots=True)
class CardSection:
    """A part of the card: a heading, sentences, and a table whose first row is its head."""

    heading: str
    sentences: tuple[str, ...] = ()
    table: Table = ()


@dataclass(frozen=True, slots=True)
class Override:
    """A failed gate that somebody set aside, with the written reason."""

    gate: str
    by: str
    reason: str

    def said(self) -> str:
        """The override in one line."""
        return in_one_line(f"{self.gate} was set aside by {self.by}: {self.reason}")


def card_sections(
    model: RiskModel, evaluation: Evaluation, gates: Sequence[GateResult], reported: Reported
) -> tuple[CardSection, ...]:
    """Everything the card says.

    Args:
        model: The model.
        evaluation: What was measured.
        gates: What the gates answered.
        reported: Where it came from.
    """
    return (
        CardSection("Intended use", _USE if evaluation.of_catalogue else _USE_OF_A_TABLE),
        CardSection("Not for", _NOT_FOR if evaluation.of_catalogue else _NOT_FOR_OF_A_TABLE),
        CardSection("Where it came from", (), (("what", "value"), *reported.facts.items())),
        CardSection("Data", _on_the_data(model, evaluation)),
        CardSection("Figures", _on_figures(evaluation), figure_rows(evaluation)),
        CardSection("Tiers", _on_tiers(evaluation), tier_table(evaluation)),
        CardSection("Gates", (), gate_table(gates)),
        CardSection("Known weaknesses", weaknesses(evaluation, gates, reported.notices)),
        CardSection(OVERRIDES, (_NO_OVERRIDE,)),
        CardSection("Expiry", (_expiry(reported.valid_days, served=evaluation.served),)),
        CardSection("Make it again", (f"`{reported.again}`",)),
    )


_USE = (
    (
        "Ranks phone lines by the risk that they are used for fraud, from records of calls and texts (never their "
        "content) and from the account, and puts each line into one of four tiers."
    ),
    "A tier asks for no more than the steps of the policy in force, and every holder can object.",
)
_NOT_FOR = (
    "Judging a person: the risk is the line's, never the holder's.",
    "Another operator's lines, or another population, without a calibration slice and cut points of their own.",
    "Closing a line for good, or any measure without notice, reason and a way to object.",
)

_USE_OF_A_TABLE = (
    (
        "Ranks rows like those of the table that it was trained on by the risk that their label is fraud, from the "
        "columns of that table, and puts each row into one of four tiers."
    ),
    "What a row stands for, and what may follow from its tier, is for whoever brought the table to say.",
)
_NOT_FOR_OF_A_TABLE = (
    "Judging a person.",
    "Rows of another population, or collected in another way, without a calibration slice and cut points of their own.",
    "Any measure without notice, reason and a way to object.",
)


def weaknesses(evaluation: Evaluation, gates: Sequence[GateResult], notices: Sequence[str]) -> tuple[str, ...]:
    """What a reader must know before trusting it, from what was measured."""
    e = evaluation
    found = [f"Gate {g.code} ({g.title}) failed: {g.finding}." for g in gates if g.outcome is Outcome.FAILED]
    found += [
        f"The wish of {row.wished:g} for {row.tier} is not proven: {row.missing:,} legitimate lines are missing."
        for row in e.tiers
        if row.missing
    ]
    found += _on_groups(e)
    if e.assessment is not None and (unfinished := e.assessment.unfinished()) is not None:
        found.append(f"Of the impact assessment {unfinished}.")
    if e.fraud < _FEW_FRAUD:
        found.append(f"Only {e.fraud} fraud lines were tested: intervals are wide, and small gains cannot be seen.")
    blind = [band for band in e.ages if band.average_precision is None]
    if blind:
        bands = ", ".join(f"{age_name(band.from_days)} ({band.fraud} fraud of {band.lines:,})" for band in blind)
        found.append(f"Nothing can be said of ranking among lines by age: {bands}.")
    measured = [(band, band.average_precision) for band in e.ages if band.average_precision is not None]
    if len(measured) > 1:
        worst, precision = min(measured, key=lambda pair: pair[1].value)
        found.append(
            f"Average precision is lowest among lines of {age_name(worst.from_days)}: {precision}, on {worst.fraud} "
            f"fraud of {worst.lines:,} lines."
        )
    found += list(notices)
    found.append(
        "Labels come from where somebody looked: fraud that nobody reported counts as legitimate here, and figures "
        "inherit that."
    )
    found.append("Bounds hold for lines like those of the calibration slice. Behaviour drifts, and bounds with it.")
    return tuple(found)


def _on_groups(e: Evaluation) -> list[str]:
    """The group of lines that is wrongly raised most often beside all others, as far as that is proven."""
    if e.subgroups is None:
        return ["No group of lines is known, so it is not known whether one is wrongly raised more often than others."]
    worst = worst_group(e.subgroups)
    return [] if worst is None else [f"Wrongly raised most often beside all other lines: {worst.said()}."]


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
    """The card of a model that was promoted although gates had failed: who set which aside, and why.

    Args:
        card: What `markdown` made.
        overrides: At least one.
    """
    heading = f"\n## {OVERRIDES}\n"
    before, after = card.split(heading, maxsplit=1)
    rest = after[after.index("\n## ") :]
    return f"{before}{heading}\n" + "\n".join(f"- {override.said()}" for override in overrides) + f"\n{rest}"


def _on_the_data(model: RiskModel, e: Evaluation) -> tuple[str, ...]:
    families = ", ".join(
        f"{family} ({sum(column.family == family for column in model.columns)})" for family in model.families
    )
    return (
        f"{len(model.columns)} features by family: {families}.",
        f"{e.how[:1].upper()}{e.how[1:]}.",
        f"Tested on {e.lines:,} lines never seen before, {e.fraud:,} of them fraud ({e.prevalence:.2%}).",
        f"Cut points from {model.cuts[0].legitimate:,} legitimate lines of the calibration slice.",
    )


def _on_figures(e: Evaluation) -> tuple[str, ...]:
    if e.comparison is not None:
        versus, difference = e.comparison.champion, e.comparison.difference
        return (f"Against champion version {versus} on the same lines: average precision {difference:+.3f}.",)
    return (e.comparison_problem,) if e.comparison_problem else ("There was no champion to compare with.",)


def _on_tiers(e: Evaluation) -> tuple[str, ...]:
    return evidence_sentences(e)


def _expiry(valid_days: int | None, *, served: bool) -> str:
    if valid_days is None:
        return "No expiry was set."
    if not served:
        return f"{valid_days} days after promotion its evidence is used up: train it again. {NOTHING_SERVED}"
    return (
        f"{valid_days} days after promotion. From then on answers have the status degraded, and no measure starts by "
        "itself any more."
    )
