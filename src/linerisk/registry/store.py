"""The store of versions in MLflow: runs, artefacts, aliases.

A version is a folder of text and JSON (`model.risk_model`), logged as run artefacts. The aliases `challenger` and
`champion` say what is a candidate and what is live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from linerisk.as_of import iso
from linerisk.errors import ArtefactError, RegistryError
from linerisk.model.risk_model import RiskModel
from linerisk.registry.runs import Described, as_page, log_run
from linerisk.registry.tracking import MlflowClient, MlflowException, ModelVersion, mlflow, quiet
from linerisk.registry.versions import NO_CHAMPION, Version, check_name

CHAMPION, CHALLENGER = "champion", "challenger"
_GATES, _FAILED, _AGAINST, _TRAINED_BY = "gates", "failed_gates", "gates_against", "trained_by"
_TESTED_ON = "tested_on"
UNKNOWN = "unknown"
"""What a version says of a fact that was not kept when it was made."""
_ABOUT = (
    "`challenger` asks to be live, `champion` is. Each version says on its page what was promised and proven, which "
    "gates it passed, who promoted it and until when it holds; each move is a tag here."
)
WHOLE_MODEL = ("test", "ranking", "calibration", "cross_validation")
"""Groups of figures that speak of the model as a whole."""
ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""How MLflow says that there is no such model, version or alias."""


class Versions:
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
        with quiet():
            self.client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)

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
        failed: Sequence[str] = (),
        against: str | None = None,
        described: Described | None = None,
    ) -> Version:
        """Log a run and register its artefact as a new version, which becomes the challenger.

        Args:
            artefact: Folder of the model.
            attachments: Folder with report, figures and gates.
            params: Parameters of the training.
            figures: Metrics; the part before a slash groups them.
            tags: Provenance: data fingerprint, commit, lock hash; fingerprint of the test lines (`tested_on`).
            trained_by: Who trained it; somebody else must promote it.
            gates: `passed` or `failed`.
            failed: Codes of the gates that failed.
            against: The version that was champion when the gates were answered; None where there was none.
            described: Name and description of the run.
        """
        content = described or Described(self.name, "")
        judged = {_TRAINED_BY: trained_by, _GATES: gates, _FAILED: ", ".join(failed)}
        judged[_AGAINST] = against or NO_CHAMPION
        with quiet():
            run_id, source = log_run(
                self.client,
                self._experiment(),
                artefact=artefact,
                attachments=attachments,
                params=params,
                figures=figures,
                tags={**tags, **judged},
                described=content,
            )
            self._registered_model()
            made = self.client.create_model_version(
                self.name, source=source, run_id=run_id, tags={**tags, **judged}, description=as_page(content.text)
            )
            self.client.set_registered_model_alias(self.name, CHALLENGER, made.version)
        return self.version(str(made.version))

    def versions(self) -> tuple[Version, ...]:
        """All versions, newest first; none if nothing was registered yet."""
        with quiet():
            found = self.client.search_model_versions(f"name = '{self.name}'")
        return tuple(sorted((self._read(v) for v in found), key=lambda v: int(v.version), reverse=True))

    def version(self, version: str) -> Version:
        """One version.

        Raises:
            RegistryError: There is none of that number.
        """
        return self._read(self.get(version))

    def alias(self, alias: str) -> Version | None:
        """The version that an alias points to, or None."""
        try:
            with quiet():
                found = self.client.get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise
        return self._read(found)

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
        source = self.get(version).source
        try:
            with quiet():
                return Path(mlflow.artifacts.download_artifacts(artifact_uri=source, tracking_uri=self._uri))
        except (MlflowException, OSError) as error:
            raise ArtefactError(
                f"the artefact of version {version} of {self.name} cannot be fetched",
                expected="the files that were registered",
                found=type(error).__name__,
                todo="restore the artefact store from its copy, or train again",
            ) from error

    def attachment(self, version: str, name: str) -> str:
        """The text of a file that was logged with a version, such as `gates.json`."""
        with quiet():
            path = mlflow.artifacts.download_artifacts(
                run_id=self.get(version).run_id, artifact_path=name, tracking_uri=self._uri
            )
        return Path(path).read_text(encoding="utf-8")

    def rewrite(self, version: str, name: str, change: Callable[[str], str]) -> bool:
        """Overwrite a text file that was logged with a version.

        Args:
            version: The version.
            name: Of the file, such as `card.md`.
            change: Takes what it says, gives what it shall say.

        Returns:
            Whether there was such a file; where there is none any more, none is made.
        """
        try:
            text = self.attachment(version, name)
        except (MlflowException, OSError):
            return False
        with quiet():
            self.client.log_text(self.get(version).run_id, change(text), name)
        return True

    def get(self, version: str) -> ModelVersion:
        """A version as MLflow has it.

        Raises:
            RegistryError: There is none of that number.
        """
        try:
            with quiet():
                return self.client.get_model_version(self.name, version)
        except MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            known = ", ".join(v.version for v in self.versions())
            raise RegistryError(
                f"there is no version {version!r} of {self.name}",
                expected=f"one of {known}" if known else f"a version of {self.name}, of which there is none yet",
                found=version,
                todo="name one of these" if known else "train one first, or name another model with --name",
            ) from error

    def _read(self, found: ModelVersion) -> Version:
        with quiet():
            whole = self.client.get_model_version(self.name, found.version)
            run = self.client.get_run(whole.run_id)
        return Version(
            name=self.name,
            version=str(whole.version),
            trained_by=whole.tags.get(_TRAINED_BY, "unknown"),
            gates=whole.tags.get(_GATES, "unknown"),
            failed=tuple(filter(None, whole.tags.get(_FAILED, "").split(", "))),
            against=whole.tags.get(_AGAINST, UNKNOWN),
            tested_on=whole.tags.get(_TESTED_ON, UNKNOWN),
            created_at=_instant(whole.creation_timestamp),
            run_id=whole.run_id,
            aliases=tuple(sorted(whole.aliases)),
            figures={_plain(key): figure for key, figure in run.data.metrics.items()},
        )

    def _experiment(self) -> str:
        found = self.client.get_experiment_by_name(self.name)
        if found is not None:
            return str(found.experiment_id)
        location = None if self._artefacts is None else self._artefacts.resolve().as_uri()
        return str(self.client.create_experiment(self.name, artifact_location=location))

    def _registered_model(self) -> None:
        try:
            self.client.get_registered_model(self.name)
        except MlflowException:
            self.client.create_registered_model(self.name, description=_ABOUT)


def _instant(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds // 1000, UTC))


def _plain(key: str) -> str:
    """Metrics of the whole model lose their group; those of a part keep it."""
    group, _, name = key.rpartition("/")
    return name if group in WHOLE_MODEL else key
