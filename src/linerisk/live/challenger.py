"""The challenger: the candidate for promotion, kept for people to compare. Scoring never reads it.

`challenger.json` names it and `challengers/<fingerprint>/` is its artefact. The pointer does not refer to it, so a
damaged candidate never affects the live bundle.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from linerisk import as_of as clock
from linerisk.errors import ArtefactError, LineriskError, StoreError
from linerisk.live.pointer import Instant, changing, place, scratch_beside, write_whole
from linerisk.model.risk_model import ARTEFACT_FILES, RiskModel
from linerisk.tables.durable_files import Stamp, WatchedFile

CHALLENGERS = "challengers"
_NAMED = "challenger.json"


class ChallengerMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Name, version and state of the challenger.

    Attributes:
        fingerprint: Of its artefact; empty if it could not be copied here.
        name: Name in the registry.
        version: Version in the registry.
        gates: `passed` or `failed`, as its training answered them.
        brought_at: When it was copied here.
        problem: Why it could not be copied here; empty if it was.
    """

    fingerprint: str
    name: str
    version: str
    gates: str
    brought_at: Instant
    problem: str = ""


@dataclass(frozen=True)
class Challenger:
    """The challenger, loaded.

    Attributes:
        model: Its artefact.
        meta: Its name and version.
    """

    model: RiskModel
    meta: ChallengerMeta


def put_challenger(folder: Path, artefact: Path, *, name: str, version: str, gates: str) -> None:
    """Make a version the challenger, in place of the previous one.

    Args:
        folder: The live folder; see `Settings.live`.
        artefact: Folder of the artefact.
        name: Name in the registry.
        version: Version in the registry.
        gates: `passed` or `failed`.

    Raises:
        ArtefactError: The artefact is damaged. Nothing was changed.
        StoreError: Another command holds the lock of the folder.
    """
    fingerprint = RiskModel.load(artefact, version=version).fingerprint
    meta = ChallengerMeta(fingerprint=fingerprint, name=name, version=version, gates=gates, brought_at=clock.now())
    with changing(folder):
        with scratch_beside(folder / CHALLENGERS) as made:
            for file in ARTEFACT_FILES:
                shutil.copyfile(artefact / file, made / file)
            place(made, folder / CHALLENGERS / fingerprint)
        write_whole(folder, _NAMED, meta)
        _prune(folder, keep=fingerprint)


def put_no_challenger(folder: Path, *, name: str = "", version: str = "", problem: str = "") -> None:
    """Remove the challenger; with a problem, keep which version could not be copied here and why.

    Raises:
        StoreError: Another command holds the lock of the folder.
    """
    with changing(folder):
        if problem:
            meta = ChallengerMeta(
                fingerprint="", name=name, version=version, gates="", brought_at=clock.now(), problem=problem
            )
            write_whole(folder, _NAMED, meta)
        else:
            (folder / _NAMED).unlink(missing_ok=True)
        _prune(folder, keep="")


class ChallengerHolder:
    """Loads the challenger on demand and caches it until its files change.

    Args:
        folder: The live folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._named = WatchedFile(folder / _NAMED)
        self._kept: tuple[Stamp, Challenger] | None = None

    def current(self) -> Challenger | None:
        """The challenger, or None.

        Raises:
            ArtefactError: It could not be copied here, or is damaged.
            StoreError: What names it is damaged.
        """
        stamp = self._named.stamp()
        if stamp is None:
            self._kept = None
            return None
        kept = self._kept
        if kept is not None and kept[0] == stamp:
            return kept[1]
        challenger = self._read()
        self._kept = (stamp, challenger)
        return challenger

    def _read(self) -> Challenger:
        try:
            meta = msgspec.json.decode((self._folder / _NAMED).read_bytes(), type=ChallengerMeta)
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(
                f"{_NAMED} in the live folder is damaged", found=type(error).__name__, todo="train or promote again"
            ) from error
        if meta.problem:
            raise ArtefactError(
                f"version {meta.version} could not be brought here",
                found=meta.problem,
                todo="mend what was found, then train or promote again",
            )
        try:
            model = RiskModel.load(self._folder / CHALLENGERS / meta.fingerprint, version=meta.version)
        except LineriskError:
            raise
        except Exception as error:  # a broken candidate is reported and breaks nothing else
            raise ArtefactError(
                "the model artefact cannot be read", found=type(error).__name__, todo="train or promote again"
            ) from error
        if model.fingerprint != meta.fingerprint:
            raise ArtefactError(
                "the model artefact is another one",
                expected=meta.fingerprint,
                found=model.fingerprint,
                todo="train or promote again",
            )
        return Challenger(replace(model, looked_up=False), meta)


def _prune(folder: Path, *, keep: str) -> None:
    challengers = folder / CHALLENGERS
    for old in challengers.iterdir() if challengers.is_dir() else ():
        if old.name != keep and not old.name.startswith("."):
            shutil.rmtree(old)
