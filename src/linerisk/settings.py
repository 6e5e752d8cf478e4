"""One frozen settings object, read from the environment at the doors (command line, service) and handed inwards.

Nothing below the doors reads the environment. Secrets come from the environment or from files under the home,
never from code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# src/linerisk/settings.py -> the folder that holds src/ and policies/: the checkout, or the unpacked bento.
_PROJECT = Path(__file__).resolve().parents[2]


def _secret(description: str) -> Any:
    """A setting that may hold a password, and is not shown with the others."""
    return Field(default=None, repr=False, description=description)


class Settings(BaseSettings):
    """Where state lives and which systems to talk to; every field can be set as LINERISK_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="LINERISK_", frozen=True)

    home: Path = Field(default=Path("var"), description="state: MLflow store, live model, decision log, tokens")
    policies: Path = Field(default=_PROJECT / "policies", description="dated policies; tiers, reasons, retention")
    tracking_uri: str | None = _secret("MLflow tracking URI; default SQLite under home")
    decision_log: str | None = _secret("SQLAlchemy URL; default SQLite under home")
    id_key: str | None = _secret("secret that keys line ids; default a file under home")
    time_zone: str = Field(default="Asia/Shanghai", description="local time of day for rhythm features")

    @property
    def mlflow_uri(self) -> str:
        """The MLflow tracking URI in force."""
        return self.tracking_uri or f"sqlite:///{(self.home / 'mlflow.db').resolve()}"

    @property
    def decision_log_url(self) -> str:
        """The SQLAlchemy URL of the decision log in force."""
        return self.decision_log or f"sqlite:///{(self.home / 'decisions.db').resolve()}"

    @property
    def has_decision_log(self) -> bool:
        """Whether a decision log is named, or was made under the home."""
        return self.decision_log is not None or (self.home / "decisions.db").exists()

    @property
    def tokens(self) -> Path:
        """Where the hashes of tokens are kept."""
        return self.home / "tokens.json"

    @property
    def live(self) -> Path:
        """Where the service finds the champion and the published snapshot."""
        return self.home / "live"

    @property
    def reports(self) -> Path:
        """Where report pages go."""
        return self.home / "reports"

    @property
    def recipes(self) -> Path:
        """Where recipes that were not the default are kept, so that training can be done again."""
        return self.home / "recipes"
