"""One model and one snapshot that fit each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from linerisk.errors import ArtefactError, NotLiveError
from linerisk.live.pointer import ModelMeta, read_pointer, watched
from linerisk.live.precomputed_scores import PrecomputedScores, open_scores, scores_folder
from linerisk.live.snapshot import Snapshot, open_snapshot
from linerisk.model.risk_model import RiskModel
from linerisk.tables.durable_files import Stamp

MODELS, SNAPSHOTS = "models", "snapshots"


@dataclass(frozen=True)
class Live:
    """One model and one snapshot that fit each other.

    Attributes:
        model: The champion.
        model_meta: Its name, version and clock.
        snapshot: What scoring by id answers from; None until one is published.
        precomputed: Scores of every snapshot row; None where requests compute them.
        stamp: Identity of the pointer file that it was read from.
    """

    model: RiskModel
    model_meta: ModelMeta
    snapshot: Snapshot | None
    precomputed: PrecomputedScores | None
    stamp: Stamp

    @classmethod
    def open(cls, folder: Path) -> Live:
        """Read what the pointer points at, checking every byte.

        Raises:
            NotLiveError: Nothing was promoted yet.
            ArtefactError: The model is damaged.
            StoreError: The snapshot or the pointer is damaged.
        """
        stamp = watched(folder).stamp()
        pointer = read_pointer(folder)
        if stamp is None or pointer.model is None:
            raise not_live("no model is live")
        model = model_of(folder, pointer.model.fingerprint, version=pointer.model.version)
        snapshot, precomputed = None, None
        if pointer.snapshot is not None:
            snapshot = snapshot_of(folder, pointer.snapshot, model)
            home = scores_folder(folder / SNAPSHOTS / pointer.snapshot, model.fingerprint)
            precomputed = open_scores(home, lines=snapshot.meta.lines)
        if precomputed is None:
            _ = model.tree_shap  # built now, not by the first request
        return cls(model, pointer.model, snapshot, precomputed, stamp)


def check_live(folder: Path) -> None:
    """Check that the pointer and the artefact are readable, before anything starts; `open` checks every byte.

    Raises:
        NotLiveError: Nothing was promoted yet.
        ArtefactError: The model is damaged.
        StoreError: The pointer is damaged.
    """
    pointer = read_pointer(folder)
    if pointer.model is None:
        raise not_live("no model is live")
    RiskModel.check(folder / MODELS / pointer.model.fingerprint)


def not_live(wrong: str) -> NotLiveError:
    """The refusal of a home that has nothing to answer from."""
    return NotLiveError(
        wrong,
        expected="a promoted model and a published snapshot",
        todo="run `linerisk train`, `linerisk promote VERSION --approver NAME` and `linerisk publish --store DIR "
        "--as-of T`, or `linerisk demo` for all of it",
    )


def model_of(folder: Path, fingerprint: str, *, version: str = "") -> RiskModel:
    """An artefact that is or was live.

    Raises:
        ArtefactError: It is unknown here or damaged.
    """
    model = RiskModel.load(folder / MODELS / fingerprint, version=version)
    if model.fingerprint != fingerprint:
        raise ArtefactError(
            "the model artefact is another one",
            expected=fingerprint,
            found=model.fingerprint,
            todo="restore models/ under the live folder from a backup",
        )
    return model


def snapshot_of(folder: Path, snapshot_id: str, model: RiskModel) -> Snapshot:
    """A published snapshot, for a model.

    Raises:
        StoreError: It is damaged.
        ArtefactError: It lacks columns of the model.
    """
    return open_snapshot(folder / SNAPSHOTS / snapshot_id, feature_names=model.feature_names)
