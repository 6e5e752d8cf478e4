"""Schema of policy files, and validated reading of TOML files."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linerisk.errors import PolicyError

TIERS_FILE: Final = "tiers.toml"
REASONS_FILE: Final = "reasons.toml"
RETENTION_FILE: Final = "retention.toml"

HeldBy = Literal["cool_down", "stale", "degraded"]
Hours = Annotated[int, Field(gt=0, strict=True)]
Days = Annotated[int, Field(gt=0, strict=True)]
Text = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A frozen table that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Table):
    """The same text in both languages."""

    zh: Text
    en: Text


class Material(Words):
    """What the holder brings, with at least one alternative. `short` is for text messages, if it has to be brought."""

    short: Words | None = None
    alternatives: Annotated[tuple[Words, ...], Field(min_length=1)]


class Step(Words):
    """One thing that the holder does. `short` is for text messages; without it, they name only the materials."""

    short: Words | None = None
    channel: Literal["online", "hall"]
    materials: Annotated[tuple[str, ...], Field(min_length=1)]


class TierRule(Words):
    """Name of a tier and what it asks for: nothing, or steps in order."""

    kind: Literal["none", "verify"]
    steps: tuple[str, ...] = ()


class TimeLimits(Table):
    """Time limits."""

    verify_within_hours: Hours
    cool_down_days: Days
    answer_target_hours: Hours
    answer_limit_days: Days
    snapshot_max_age_hours: Hours


class Halls(Words):
    """Halls that serve; a scope narrower than the country needs a ground. `short` is for text messages."""

    short: Words
    scope: Literal["country", "province", "city"]
    ground: Text | None = None


class Appeal(Table):
    """Where to object, the review by a person on request, and the regulator. `short` is for text messages."""

    short: Words
    channels: Annotated[tuple[Words, ...], Field(min_length=1)]
    human: Words
    regulator: Words


class Wording(Table):
    """Texts for the holder; `notice` and `sms` have placeholders in braces, the others have none."""

    notice: Words
    sms: Words
    anti_imposter: Words
    nothing_to_do: Words
    held: dict[HeldBy, Words]


_AnyTable = TypeVar("_AnyTable", bound=Table)


def read_table(file: Path, schema: type[_AnyTable]) -> _AnyTable:
    """Read a TOML file and validate it against a schema.

    Raises:
        PolicyError: It cannot be read or does not fit the schema; names the file and the first wrong key.
    """
    try:
        return schema.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise wrong_key(file, key, expected=first["msg"], found=repr(first["input"])[:80]) from error
    except (OSError, ValueError) as error:
        raise PolicyError(
            f"{file.name} cannot be read",
            expected="TOML in UTF-8",
            found=f"{type(error).__name__}: {error}",
            todo="mend the file, and see that this user may read it",
        ) from error


def wrong_key(file: Path, key: str, *, expected: str, found: str) -> PolicyError:
    """The error for one key of one file."""
    return PolicyError(
        f"{file.name} is wrong at {key}", expected=expected, found=found, todo="mend the file", field=key
    )
