"""Settings from environment variables: one frozen object, read by the command line and the service only.

Other modules get it as an argument. Secrets come from the environment or from files under the home, never from code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

# src/linerisk/settings.py -> the folder that holds src/ and policies/: the checkout, or the unpacked bento.
_PROJECT = Path(__file__).resolve().parents[2]


def _secret(description: str) -> Any:
    """A setting that may hold a password, so `repr` leaves it out."""
    return Field(default=None, repr=False, description=description)


class Settings(BaseSettings):
    """Where state is stored and which systems to connect to; every field can be set as LINERISK_<NAME>."""

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
        """Whether a decision log is configured, or exists under the home."""
        return self.decision_log is not None or (self.home / "decisions.db").exists()

    @property
    def tokens(self) -> Path:
        """The file of token hashes."""
        return self.home / "tokens.json"

    @property
    def live(self) -> Path:
        """The folder of the live model and the published snapshot."""
        return self.home / "live"

    @property
    def reports(self) -> Path:
        """The folder of report pages."""
        return self.home / "reports"

    @property
    def recipes(self) -> Path:
        """The folder of non-default training recipes, kept so that a training run can be repeated."""
        return self.home / "recipes"
