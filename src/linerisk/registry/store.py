"""The registry on MLflow: runs, artefacts, versions, aliases.

A version is a folder of text and JSON (`model.risk_model`), logged as run artefacts. The aliases `challenger` and
`champion` say what is a candidate and what is live; what was live when is kept on the registered model as moves.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from linerisk.as_of import iso, now
from linerisk.errors import ArtefactError, RegistryError
from linerisk.model.risk_model import RiskModel
from linerisk.registry.entries import (
    PROMOTED,
    ROLLED_BACK,
    Move,
    Version,
    check_name,
    is_another_person,
    shortened,
    standing_versions,
)

# Before the import: MLflow asks once, at import, whether it may report on its use.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.exceptions import MlflowException

for _noisy in ("mlflow", "alembic"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

CHAMPION, CHALLENGER = "champion", "challenger"
_ARTEFACT = "model"
_GATES, _TRAINED_BY = "gates", "trained_by"
_MOVE = "move-"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""How MLflow says that there is no such model, version or alias."""


class Registry:
    """One model's versions in one MLflow store.

    Args:
        tracking_uri: MLflow tracking URI.
        artefacts: Where run artefacts go when the store is a local database; None leaves it to the server.
        name: Name of the registered model.

    Raises:
        RegistryError: A model cannot have this name.
    """

    def __init__(self, tracking_uri: str, *, artefacts: Path | None, name: str = "linerisk") -> None:
        self.name = name
        self._uri = tracking_uri
        self._artefacts = artefacts
        check_name(name)
        with _quiet():
            self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

    def register(
        self,
        artefact: Path,
        *,
        attachments: Path,
        params: Mapping[str, Any],
        figures: Mapping[str, float],
        tags: Mapping[str, str],
        trained_by: str,
        gates: str,
    ) -> Version:
        """Log a run and register its artefact as a new version, which becomes the challenger.

        Args:
            artefact: Folder of the model.
            attachments: Folder with report, figures and gates.
            params: How it was made.
            figures: What was measured.
            tags: Where it came from: data fingerprint, commit, lock hash.
            trained_by: Who trained it; somebody else must promote it.
            gates: `passed` or `failed`.
        """
        with _quiet():
            run = self._client.create_run(self._experiment(), tags=dict(tags))
            run_id = run.info.run_id
            try:
                for key, param in params.items():
                    self._client.log_param(run_id, key, param)
                for key, figure in figures.items():
                    self._client.log_metric(run_id, key, figure)
                self._client.log_artifacts(run_id, str(artefact), _ARTEFACT)
                self._client.log_artifacts(run_id, str(attachments))
                self._registered_model()
                made = self._client.create_model_version(
                    self.name,
                    source=f"{run.info.artifact_uri}/{_ARTEFACT}",
                    run_id=run_id,
                    tags={**tags, _TRAINED_BY: trained_by, _GATES: gates},
                )
                self._client.set_registered_model_alias(self.name, CHALLENGER, made.version)
                self._client.set_terminated(run_id, "FINISHED")
            except BaseException:
                self._client.set_terminated(run_id, "FAILED")
                raise
        return self.version(str(made.version))

    def versions(self) -> tuple[Version, ...]:
        """All versions, newest first; none if nothing was registered yet."""
        with _quiet():
            found = self._client.search_model_versions(f"name = '{self.name}'")
        return tuple(sorted((self._version(v) for v in found), key=lambda v: int(v.version), reverse=True))

    def version(self, version: str) -> Version:
        """One version.

        Raises:
            RegistryError: There is none of that number.
        """
        return self._version(self._get(version))

    def alias(self, alias: str) -> Version | None:
        """The version that an alias points to, or None."""
        try:
            with _quiet():
                found = self._client.get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in _ABSENT:
                return None
            raise
        return self._version(found)

    def champion(self) -> Version:
        """The version that is live.

        Raises:
            RegistryError: Nothing was promoted yet.
        """
        version = self.alias(CHAMPION)
        if version is None:
            raise RegistryError(
                "there is no champion yet",
                expected="a promoted version",
                todo="name a version, or have one promoted: linerisk promote VERSION --approver NAME",
            )
        return version

    def load(self, version: str) -> RiskModel:
        """The model of a version, its checksums verified."""
        return RiskModel.load(self.folder(version), version=version)

    def folder(self, version: str) -> Path:
        """A local folder with the artefact of a version.

        Raises:
            ArtefactError: It is registered, but its artefact cannot be fetched.
        """
        source = self._get(version).source
        try:
            with _quiet():
                return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, tracking_uri=self._uri))
        except (MlflowException, OSError) as error:
            raise ArtefactError(
                f"the artefact of version {version} of {self.name} cannot be fetched",
                expected="the files that were registered",
                found=type(error).__name__,
                todo="restore the artefact store from its copy, or train again",
            ) from error

    def attachment(self, version: str, name: str) -> str:
        """The text of a file that was logged beside a version's artefact, such as `gates.json`."""
        with _quiet():
            path = mlflow.artifacts.download_artifacts(
                run_id=self._get(version).run_id, artifact_path=name, tracking_uri=self._uri
            )
        return Path(path).read_text(encoding="utf-8")

    def history(self) -> tuple[Move, ...]:
        """What was live when, oldest first."""
        try:
            with _quiet():
                tags = self._client.get_registered_model(self.name).tags
        except MlflowException as error:
            if error.error_code in _ABSENT:
                return ()
            raise
        return tuple(Move(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(_MOVE))

    def promote(self, version: str, *, by: str, approver: str, reason: str = "") -> Move:
        """Make a version champion, on the word of two people.

        Raises:
            RegistryError: Unknown version, gates not passed, already champion, or the approver trained or asked for it.
        """
        chosen = self.version(version)
        if chosen.gates != "passed":
            raise RegistryError(
                f"version {version} may not be promoted",
                expected="every gate passed",
                found=f"gates {chosen.gates}",
                todo="read its report, mend what failed, and train again",
            )
        if not is_another_person(approver, (chosen.trained_by, by)):
            raise RegistryError(
                "a second person must approve",
                expected=f"somebody other than {chosen.trained_by}" + (f" and {by}" if by != chosen.trained_by else ""),
                found=approver or "nobody",
                todo="ask a colleague to approve",
            )
        return self._move(PROMOTED, chosen, by=by, approver=approver, reason=reason)

    def rollback(self, *, by: str, reason: str) -> Move:
        """Make the version that was live before champion again; needs no second person, because it must not wait.

        A version that was rolled back is not gone back to: the next rollback goes further back.

        Raises:
            RegistryError: Nothing was live before.
        """
        current = self.champion()
        standing = standing_versions(self.history())
        if len(standing) < 2:  # noqa: PLR2004 - the champion and one before
            raise RegistryError("there is no version to go back to", found=f"only version {current.version} is left")
        return self._move(ROLLED_BACK, self.version(standing[-2]), by=by, approver="", reason=reason)

    def _move(self, what: str, version: Version, *, by: str, approver: str, reason: str) -> Move:
        current = self.alias(CHAMPION)
        if current is not None and current.version == version.version:
            raise RegistryError(f"version {version.version} is champion already")
        before = current.version if current else None
        move = Move(iso(now()), what, version.version, before, *map(shortened, (by, approver, reason)))
        key = f"{_MOVE}{len(self.history()) + 1:06}"
        with _quiet():
            self._client.set_registered_model_tag(self.name, key, json.dumps(asdict(move), ensure_ascii=False))
            self._client.set_registered_model_alias(self.name, CHAMPION, version.version)
        return move

    def _get(self, version: str) -> ModelVersion:
        try:
            with _quiet():
                return self._client.get_model_version(self.name, version)
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
            known = ", ".join(v.version for v in self.versions()) or "none"
            raise RegistryError(
                f"there is no version {version} of {self.name}", expected=known, found=version, todo="linerisk models"
            ) from error

    def _version(self, found: ModelVersion) -> Version:
        with _quiet():
            whole = self._client.get_model_version(self.name, found.version)
            run = self._client.get_run(whole.run_id)
        return Version(
            name=self.name,
            version=str(whole.version),
            trained_by=whole.tags.get(_TRAINED_BY, "unknown"),
            gates=whole.tags.get(_GATES, "unknown"),
            created_at=_instant(whole.creation_timestamp),
            run_id=whole.run_id,
            aliases=tuple(sorted(whole.aliases)),
            figures=dict(run.data.metrics),
        )

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self.name)
        if found is not None:
            return str(found.experiment_id)
        location = None if self._artefacts is None else self._artefacts.resolve().as_uri()
        return str(self._client.create_experiment(self.name, artifact_location=location))

    def _registered_model(self) -> None:
        try:
            self._client.get_registered_model(self.name)
        except MlflowException:
            self._client.create_registered_model(self.name)


def _instant(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds // 1000, UTC))


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow's own use of other libraries warns; that is not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
