"""Opens the model registry of the settings; only a training creates one."""

from __future__ import annotations

from linerisk.errors import RegistryError
from linerisk.registry import SERVED, Registry
from linerisk.settings import Settings


def registry_for(settings: Settings, name: str = SERVED, *, create: bool = False) -> Registry:
    """The registry of a model.

    Args:
        settings: Where state lives.
        name: Name of the model.
        create: Whether to create a missing home and MLflow store, as a training does.

    Raises:
        RegistryError: There is none and `create` is false; a mistyped home is not created.
    """
    if settings.tracking_uri is not None:
        return Registry(settings.mlflow_uri, artefacts=None, name=name)
    if create:
        settings.home.mkdir(parents=True, exist_ok=True)
    elif not (settings.home / "mlflow.db").is_file():
        raise RegistryError(
            "no model was ever trained under this home",
            expected=f"a home with mlflow.db in it, as `linerisk train --home {settings.home}` makes one",
            found=f"{settings.home} without mlflow.db" if settings.home.is_dir() else f"no folder {settings.home}",
            todo="check --home or LINERISK_HOME, or train a model first",
            field="--home",
        )
    return Registry(settings.mlflow_uri, artefacts=settings.home / "mlflow-artefacts", name=name)
