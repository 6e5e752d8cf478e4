"""A worker holds nothing that only training needs, and nothing is taken from whoever wants it later."""

from __future__ import annotations

import subprocess
import sys

_WORKER = """
import sys
from linerisk.service.lean import import_lightgbm_alone
import_lightgbm_alone()
import linerisk.service.api, linerisk.web.state
held = [name for name in ("pandas", "sklearn", "scipy.stats", "mlflow", "optuna", "altair") if name in sys.modules]
assert not held, held
import numpy as np, lightgbm as lgb
booster = lgb.train({"verbosity": -1, "objective": "binary"}, lgb.Dataset(np.eye(40), np.arange(40) % 2), 2)
assert len(booster.predict(np.eye(40))) == 40
import pandas, sklearn
"""


def test_a_worker_holds_nothing_that_only_training_needs() -> None:
    ran = subprocess.run([sys.executable, "-c", _WORKER], check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
