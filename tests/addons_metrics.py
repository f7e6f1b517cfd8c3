"""Figures of TensorFlow Addons itself, which tests compare kit's with: made in the lane, saved as data.

`PYTHONPATH=. python tests/addons_metrics.py` in an environment of kit[addons] writes tests/metrics/addons_figures.json.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kit.metrics import find_metric

FIGURES = Path(__file__).parent / "metrics" / "addons_figures.json"

_AVERAGES = ("", ":average=micro", ":average=macro", ":average=weighted")
_F_SCORES = [f"addons/F1Score{average}{threshold}" for average in _AVERAGES for threshold in ("", ":threshold=0.5")]
_F_SCORES += ["addons/FBetaScore:beta=2:average=micro", "addons/FBetaScore:beta=0.5:average=macro:threshold=0.3"]
_F_SCORES += ["addons/HammingLoss:mode=multilabel", "addons/HammingLoss:mode=multilabel:threshold=0.3"]
_CLASSES = [
    *_F_SCORES,
    "addons/HammingLoss:mode=multiclass",
    "addons/HammingLoss:mode=multiclass:threshold=0.3",
    *(f"addons/CohenKappa{weightage}" for weightage in ("", ":weightage=linear", ":weightage=quadratic")),
    "addons/MatthewsCorrelationCoefficient",
]
_RANGES = "actual_min=-1:actual_max=1.5:preds_min=-0.5:preds_max=1.5"
_NUMBERS = [f"addons/RSquare:multioutput={how}" for how in ("uniform_average", "variance_weighted", "raw_values")]
_NUMBERS += ["addons/RSquare:num_regressors=3", "addons/RSquare:num_regressors=60", "addons/RSquare:num_regressors=99"]
for _name in ("KendallsTauB", "KendallsTauC", "PearsonsCorrelation", "SpearmansRank"):
    _NUMBERS += [f"addons/{_name}", f"addons/{_name}:{_RANGES}:actual_cutpoints=12:preds_cutpoints=40"]
_METRICS = {"classes": _CLASSES, "tags": [*_F_SCORES, "addons/hamming_distance"], "values": _NUMBERS}


def imported() -> ModuleType:
    """Import TensorFlow Addons, which warns of its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow_addons

    return tensorflow_addons


def drawn() -> dict[str, dict[str, Any]]:
    """Draw truths and predictions, with what is rare among them."""
    rng = np.random.default_rng(20)

    def of_classes(truth: NDArray[Any], classes: int) -> dict[str, Any]:
        scores = 2.0 * (truth[:, None] == np.arange(classes)) + rng.normal(size=(len(truth), classes))
        return {
            "target": "classes",
            "truth": truth,
            "prediction": np.exp(scores) / np.exp(scores).sum(1, keepdims=True),
        }

    def of_tags(truth: NDArray[Any]) -> dict[str, Any]:
        scores = 2.0 * truth - 1 + rng.normal(size=truth.shape)
        return {"target": "tags", "truth": truth.astype(int), "prediction": 1 / (1 + np.exp(-scores))}

    def of_values(truth: NDArray[Any], error: float) -> dict[str, Any]:
        return {"target": "values", "truth": truth, "prediction": truth + error * rng.normal(size=truth.shape)}

    cases = {
        "classes": of_classes(rng.integers(0, 3, 40), 3),
        "two classes": of_classes(rng.integers(0, 2, 30), 2),
        "classes that occur nowhere": of_classes(rng.choice([0, 3], 30), 6),
        "one class": of_classes(np.full(12, 1), 3),
        "one class, decided for": {"target": "classes", "truth": [1] * 5, "prediction": [[0.1, 0.8, 0.1]] * 5},
        "one class, never decided for": {"target": "classes", "truth": [2] * 5, "prediction": [[0.1, 0.8, 0.1]] * 5},
        "ties and nothing": {
            "target": "classes",
            "truth": [0, 1, 2, 0, 1, 2, 2],
            "prediction": [[0.5, 0.5, 0], [0.25, 0.5, 0.25], [0.3, 0.3, 0.4], [0, 0, 0], [0, 0, 0], *[[0.3] * 3] * 2],
        },
        "two classes at the threshold": {
            "target": "classes",
            "truth": [0, 1, 1, 0, 1],
            "prediction": [[0.5, 0.5], [0.5, 0.5], [0.3, 0.7], [0.7, 0.3], [0.9, 0.1]],
        },
        "tags": of_tags(rng.random((40, 4)) < 0.4),
        "tags that occur nowhere": of_tags((rng.random((20, 4)) < 0.5) * np.array([1, 0, 1, 0])),
        "no tags": {"target": "tags", "truth": [[0, 0, 0]] * 4, "prediction": [[0.2, 0.1, 0.0]] * 3 + [[0, 0, 0]]},
        "tags at the threshold": {"target": "tags", "truth": [[1, 0], [0, 1]], "prediction": [[0.5, 0.3], [0.3, 0.5]]},
        "values": of_values(rng.random((30, 2)), 0.2),
        "one value beyond the ranges": of_values(rng.normal(size=(40, 1)), 0.7),
        "values with ties": of_values(rng.integers(0, 4, (40, 1)) / 4, 0.0),
        "a constant value": of_values(np.stack([np.full(20, 0.5), rng.random(20)], axis=1), 0.1),
        "constant and right": {
            "target": "values",
            "truth": [[0.5, 0.1], [0.5, 0.7]] * 9,
            "prediction": [[0.5, 0.4]] * 18,
        },
        "ends of the range": {
            "target": "values",
            "truth": [[0], [1], [0.5], [1]],
            "prediction": [[0], [0.99], [1], [1]],
        },
    }
    for case in cases.values():
        case["prediction"] = np.round(np.asarray(case["prediction"], float), 3).tolist()
        case["truth"] = np.round(np.asarray(case["truth"]), 3).tolist()
    weights = {"classes": [1.0, 2.0, 0.5], "tags": [0.5, 3.0], "values": [1.0, 0.25, 2.0]}
    for name, repeated in weights.items():
        case = cases[name]
        cases[f"{name}, weighted"] = {**case, "weights": np.resize(repeated, len(case["truth"])).tolist()}
    return cases


def figures(tfa: ModuleType) -> list[dict[str, Any]]:
    """Compute Addons' figures of every case by every metric that is for its target."""
    return [
        {"case": name, "metric": metric, "figure": _listed(_figure(tfa, metric, case))}
        for name, case in drawn().items()
        for metric in _METRICS[case["target"]]
        if "weights" not in case or not _ignores_weights(metric)
    ]


def _ignores_weights(metric: str) -> bool:
    return any(name in metric for name in ("Kendall", "Pearson", "Spearman", "hamming_distance", "num_regressors"))


def _listed(figure: Any) -> Any:
    """Write a figure for JSON: NaN is null."""
    values = np.asarray(figure, float)
    listed = [None if math.isnan(one) else round(float(one), 9) for one in values.ravel()]
    return listed if values.ndim else listed[0]


def _figure(tfa: ModuleType, metric: str, case: dict[str, Any]) -> Any:
    truth, prediction = np.array(case["truth"]), np.array(case["prediction"], np.float32)
    weights = np.array(case["weights"], np.float32) if "weights" in case else None
    name = metric.removeprefix("addons/").partition(":")[0]
    if name == "hamming_distance":
        return tfa.metrics.hamming_distance(truth.astype(np.int64), (prediction >= 0.5).astype(np.int64))
    own = _arguments(metric)
    if case["target"] == "classes":
        truth = np.eye(prediction.shape[1], dtype=np.float32)[truth]
    truth = truth.astype(np.float32)
    if name in {"F1Score", "FBetaScore", "CohenKappa", "MatthewsCorrelationCoefficient"}:
        own["num_classes"] = prediction.shape[1]
    if name == "CohenKappa" and prediction.shape[1] == 2:  # which takes one unit
        truth, prediction = truth[:, 1], prediction[:, 1]
    if name == "RSquare" and weights is not None:
        weights = weights[:, None]
    made = getattr(tfa.metrics, name)(**own)
    if weights is None:
        made.update_state(truth, prediction)
    else:
        made.update_state(truth, prediction, sample_weight=weights)
    return made.result().numpy()


def _arguments(metric: str) -> dict[str, Any]:
    """Read the arguments of a name as Addons takes them; it has None for none."""
    found = find_metric(metric).function
    given = found.keywords["given"] if hasattr(found, "keywords") else None
    texts = [part.partition("=")[0] for part in metric.split(":")[1:]]
    return {name: getattr(given, name) for name in texts}


def main() -> None:
    """Write the figures."""
    lines = [json.dumps(one) for one in figures(imported())]
    FIGURES.write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
