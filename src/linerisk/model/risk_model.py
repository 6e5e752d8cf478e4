"""The artefact: LightGBM text and JSON, checksummed. No pickle is written or loaded.

A folder with `trees.txt` (LightGBM's own text), `model.json` (features, calibration, cut points, score bands, card) and
`checksums.json` (SHA-256 of both). Loading checks the checksums and that the trees know the same columns.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from linerisk.errors import ArtefactError
from linerisk.model.calibration import Calibration, as_plain, from_plain
from linerisk.model.tiers import CutPoint, Tier, tier_index
from linerisk.model.tree_shap import TreeShap

if TYPE_CHECKING:
    import lightgbm as lgb

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.float32]

FORMAT = 1
_TREES, _MODEL, _CHECKSUMS = "trees.txt", "model.json", "checksums.json"
_NAMES = "feature_names="
ARTEFACT_FILES = (_TREES, _MODEL, _CHECKSUMS)
"""All that an artefact is; what a registry puts beside is none of it."""


@dataclass(frozen=True, slots=True)
class ScoreBand:
    """Observed fraud among calibration lines in one band of margins, with its exact 95 % interval."""

    from_margin: float
    rows: int
    fraud: int
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FeatureColumn:
    """One column of the model's matrix: its name, its family, and a typical legitimate value."""

    name: str
    family: str
    typical: float | None = None


@dataclass(frozen=True)
class RiskModel:
    """Rows of Float32 in; margin, probability, interval, tier and contributions out.

    Attributes:
        name: Name in the registry.
        version: Version in the registry; empty before registration.
        columns: Features in the order of the matrix.
        trees: LightGBM's text of the trees.
        calibration: Margin to probability.
        cuts: Where the raised tiers begin, lowest first.
        bands: Score bands, by rising margin.
        facts: What the card says besides: data fingerprint, times, metrics; JSON only.
        fingerprint: Of the artefact that it was read from; empty before.
        looked_up: Whether contributions may be looked up in tables, which are made once. LightGBM's own walk gives the
            same but for the last digits, and is ready at once: for a model that is asked about a line now and then.
    """

    name: str
    version: str
    columns: tuple[FeatureColumn, ...]
    trees: str
    calibration: Calibration
    cuts: tuple[CutPoint, ...]
    bands: tuple[ScoreBand, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    looked_up: bool = True

    @cached_property
    def booster(self) -> lgb.Booster:
        """The trees, loaded on first use: importing LightGBM takes a second, and precomputed scores need no trees."""
        import lightgbm as lgb  # noqa: PLC0415  # see above

        return lgb.Booster(model_str=self.trees)

    @cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the matrix columns, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each column by its name."""
        return {name: i for i, name in enumerate(self.feature_names)}

    @cached_property
    def typical(self) -> tuple[float | None, ...]:
        """A typical legitimate value of each column; None where there is none."""
        return tuple(column.typical for column in self.columns)

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Families in order of first appearance."""
        return tuple(dict.fromkeys(column.family for column in self.columns))

    @cached_property
    def columns_by_family(self) -> npt.NDArray[np.intp]:
        """Shape (families, most columns of one); short rows are filled with the number of columns."""
        families = np.array([column.family for column in self.columns])
        own = [np.nonzero(families == family)[0] for family in self.families]
        out = np.full((len(own), max(map(len, own))), len(self.columns), dtype=np.intp)
        for row, columns in zip(out, own, strict=True):
            row[: len(columns)] = columns
        return out

    @cached_property
    def tree_shap(self) -> TreeShap | None:
        """Look-up tables of contributions, if enabled and the trees are shallow; built in a tenth of a second."""
        return TreeShap.of(self.booster) if self.looked_up else None

    @cached_property
    def _band_arrays(self) -> tuple[Floats, Floats, Floats]:
        """Lower bounds of the bands after the first, and the interval of every band."""
        bands = self.bands
        edges, low, high = [b.from_margin for b in bands[1:]], [b.low for b in bands], [b.high for b in bands]
        return np.array(edges), np.array(low), np.array(high)

    def margin(self, rows: Rows) -> Floats:
        """Raw log-odds, shape (n,). One thread: batches and single rows give the same bits."""
        out: Floats = self.booster.predict(rows, raw_score=True, num_threads=1)
        return out

    def probability(self, margin: Floats) -> Floats:
        """Calibrated P(fraud), shape (n,)."""
        return self.calibration.probability(margin)

    def interval(self, margin: Floats, probability: Floats) -> tuple[Floats, Floats]:
        """Exact 95 % interval of the fraud observed in the line's score band, widened to hold its probability."""
        edges, low, high = self._band_arrays
        band = edges.searchsorted(margin, side="right")
        return np.minimum(low[band], probability), np.maximum(high[band], probability)

    def tier(self, margin: Floats) -> npt.NDArray[np.int8]:
        """Index into `TIERS`, shape (n,)."""
        return tier_index(margin, self.cuts)

    def shap_values(self, rows: Rows) -> Floats:
        """Exact tree SHAP on the margin, shape (n, features + 1); the last column is the base.

        A row gives the same bits alone and among others.
        """
        if self.tree_shap is not None:
            return self.tree_shap.values(rows)
        out: Floats = np.asarray(self.booster.predict(rows, pred_contrib=True, num_threads=1))
        return out

    def card(self) -> dict[str, Any]:
        """The public facts of the model: requested and proven bounds, bands, provenance."""
        return {
            "name": self.name,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "features": len(self.columns),
            "tiers": [asdict(cut) for cut in self.cuts],
            "bands": [asdict(band) for band in self.bands],
            "calibration": as_plain(self.calibration),
            **self.facts,
        }

    def save(self, folder: Path) -> str:
        """Write the artefact; the same model gives the same bytes. Returns its fingerprint."""
        folder.mkdir(parents=True, exist_ok=True)
        document = {
            "format": FORMAT,
            "name": self.name,
            "columns": [asdict(column) for column in self.columns],
            "calibration": as_plain(self.calibration),
            "cuts": [asdict(cut) for cut in self.cuts],
            "bands": [asdict(band) for band in self.bands],
            "facts": self.facts,
        }
        texts = {
            _TREES: self.trees,
            _MODEL: json.dumps(document, indent=1, sort_keys=True),
        }
        sums = {}
        for name, text in texts.items():
            data = text.encode()
            (folder / name).write_bytes(data)
            sums[name] = hashlib.sha256(data).hexdigest()
        (folder / _CHECKSUMS).write_text(json.dumps(sums, indent=1, sort_keys=True))
        return _fingerprint(sums)

    @staticmethod
    def check(folder: Path) -> None:
        """Whether an artefact is complete and undamaged, by its checksums.

        Raises:
            ArtefactError: A file is missing or damaged.
        """
        _checked_texts(folder)

    @classmethod
    def load(cls, folder: Path, *, version: str = "") -> RiskModel:
        """Read an artefact and verify its checksums.

        Raises:
            ArtefactError: A file is missing or damaged, the format is another, or trees and columns disagree.
        """
        texts, sums = _checked_texts(folder)
        document = json.loads(texts[_MODEL])
        if document.get("format") != FORMAT:
            raise ArtefactError(
                "the artefact has another format", expected=str(FORMAT), found=str(document.get("format"))
            )
        columns = tuple(FeatureColumn(**column) for column in document["columns"])
        named = _names_in(texts[_TREES])
        if named != [column.name for column in columns]:
            raise ArtefactError(
                "trees and columns disagree",
                expected=f"{len(columns)} columns as in {_MODEL}",
                found=f"{len(named)} in {_TREES}",
                todo="register the model again",
            )
        return cls(
            name=document["name"],
            version=version,
            columns=columns,
            trees=texts[_TREES],
            calibration=from_plain(document["calibration"]),
            cuts=tuple(CutPoint(**{**cut, "tier": Tier(cut["tier"])}) for cut in document["cuts"]),
            bands=tuple(ScoreBand(**band) for band in document["bands"]),
            facts=document["facts"],
            fingerprint=_fingerprint(sums),
        )


def _names_in(trees: str) -> list[str]:
    """The feature names in the head of LightGBM's text; they hold no spaces."""
    head = trees.partition("\n\n")[0]
    line = next((line for line in head.splitlines() if line.startswith(_NAMES)), _NAMES)
    return line.removeprefix(_NAMES).split(" ")


def _fingerprint(sums: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()


def _checked_texts(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    try:
        sums: dict[str, str] = json.loads((folder / _CHECKSUMS).read_text())
        data = {name: (folder / name).read_bytes() for name in (_TREES, _MODEL)}
    except (OSError, ValueError) as error:
        raise ArtefactError(
            "the model artefact cannot be read",
            expected=f"{_TREES}, {_MODEL} and {_CHECKSUMS}",
            found=type(error).__name__,
            todo="promote or export the version again",
        ) from error
    for name, content in data.items():
        if hashlib.sha256(content).hexdigest() != sums.get(name):
            raise ArtefactError(
                f"{name} is damaged",
                expected=f"SHA-256 {sums.get(name)}",
                found="another",
                todo="export it again",
            )
    return {name: content.decode() for name, content in data.items()}, sums
