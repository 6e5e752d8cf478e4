"""The lines of models/README.md that load a version with MLflow's own tools, run as they are written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl

from linerisk.settings import Settings
from linerisk.training.fit import Recipe
from linerisk.workflows.train import train_table

README = Path(__file__).parents[3] / "models" / "README.md"
HOME_OF_THE_PAGE = "HOME/mlflow.db"


def test_the_code_of_the_readme_loads_a_version_and_leaves_no_files(tmp_path: Path, small_table: Path) -> None:
    home, stand = tmp_path / "home", tmp_path / "stand"
    trained = train_table(
        Settings(home=home),
        small_table,
        label="y",
        id_column="line_id",
        trained_by="li",
        name="linerisk",
        recipe=Recipe(trees=20),
    )
    (lines,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert HOME_OF_THE_PAGE in lines
    stand.mkdir()
    table = pl.read_parquet(small_table).head(50)
    # As tables are: a gap, and a whole number.
    table = table.with_columns(
        calls=pl.when(pl.int_range(pl.len()) > 2).then("calls"), noise=pl.col("noise").round().cast(pl.Int64)
    )
    table.write_parquet(stand / "features.parquet")
    ended = subprocess.run(
        [
            *(sys.executable, "-c"),
            lines.replace(HOME_OF_THE_PAGE, f"{home}/mlflow.db")
            + "\nprint(__import__('json').dumps(probability.tolist()))",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=stand,
    )
    assert ended.returncode == 0, ended.stderr
    rows = (
        table.select(pl.col(trained.model.feature_names).cast(pl.Float32)).fill_null(float("nan")).to_numpy(order="c")
    )
    expected = trained.model.probability(trained.model.margin(rows))
    assert json.loads(ended.stdout.splitlines()[-1]) == expected.tolist()
    assert np.isnan(rows).any()
    assert [file.name for file in stand.iterdir()] == ["features.parquet"]
