"""Published scores, in percent (edit distances 0 to 1), to stand beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.evaluation.metrics import Shape


@dataclass(frozen=True)
class Row:
    name: str
    source: str
    scores: Mapping[str, float]


def _rows(source: str, columns: str, rows: Mapping[str, str]) -> tuple[Row, ...]:
    names = columns.split()
    return tuple(
        Row(name, source, dict(zip(names, map(float, values.split()), strict=True)))
        for name, values in rows.items()
    )


# The leaderboard of TaskBench (arXiv 2311.18760), Hugging Face tools.
TASKBENCH = _rows(
    "TaskBench",
    "n-F1 e-F1 t-F1 v-F1",
    {"gpt-4": "81.54 54.70 77.31 60.86", "gpt-3.5-turbo": "69.49 33.36 55.88 36.32"},
)

# HuggingGPT (arXiv 2303.17580): tables 3 to 5 with GPT-4's plans as gold, table 6 with people's.
PAPER: Mapping[Shape, tuple[Row, ...]] = {
    "single": _rows(
        "Table 3",
        "Acc P R F1",
        {
            "GPT-3.5": "52.62 62.12 52.62 54.45",
            "Vicuna-7b": "23.86 45.51 26.51 29.44",
            "Alpaca-7b": "6.48 35.60 6.64 4.88",
        },
    ),
    "sequential": (
        *_rows(
            "Table 4",
            "ED P R F1",
            {
                "GPT-3.5": "0.54 61.09 45.15 51.92",
                "Vicuna-7b": "0.80 19.15 28.45 22.89",
                "Alpaca-7b": "0.83 22.27 23.35 22.80",
            },
        ),
        *_rows(
            "Table 6",
            "Acc ED",
            {"GPT-4": "41.36 0.61", "GPT-3.5": "18.18 0.76", "Vicuna-7b": "7.45 0.89"},
        ),
        *_rows("Table 6", "ED", {"Alpaca-7b": "0.96"}),
    ),
    "graph": (
        *_rows(
            "Table 5",
            "judge P R F1",
            {
                "GPT-3.5": "50.48 54.90 49.23 51.91",
                "Vicuna-7b": "19.17 13.97 28.08 18.66",
                "Alpaca-7b": "13.14 16.18 28.33 20.59",
            },
        ),
        *_rows(
            "Table 6",
            "Acc F1",
            {
                "GPT-4": "58.33 49.28",
                "GPT-3.5": "20.83 16.45",
                "Vicuna-7b": "10.12 7.84",
                "Alpaca-7b": "4.17 4.17",
            },
        ),
    ),
}
