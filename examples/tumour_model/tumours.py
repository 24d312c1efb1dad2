"""Tell benign from malignant tumours: from measurements to a registered model."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from assetkit import (
    AssetContext,
    AssetOut,
    Config,
    Definitions,
    Output,
    StaticPartitions,
    asset,
    asset_check,
    checks,
    multi_asset,
)
from assetkit.metadata import Number, Table

TARGET = "malignant"

algorithms = StaticPartitions(["forest", "logistic"], dimension="algorithm")


class Sampling(Config):
    """How tumours are dealt out between training and holdout."""

    holdout: float = 0.25
    seed: int = 7


class Training(Config):
    """How hard to try."""

    trees: int = 200
    regularization: float = 1.0
    seed: int = 7


@asset(group="data", checks=[checks.row_count(min=500, blocking=True)], on_schema_change="fail")
def measurements() -> pd.DataFrame:
    """Measurements of 569 cell nuclei, and whether the tumour was malignant."""
    found = load_breast_cancer(as_frame=True)
    data = found.data.rename(columns=lambda name: name.replace(" ", "_"))
    return data.assign(**{TARGET: found.target == 0})


@asset(group="data", checks=[checks.not_null("worst_irregularity", blocking=True)])
def features(measurements: pd.DataFrame) -> pd.DataFrame:
    """Measurements, and what can be made of two of them."""
    return measurements.assign(
        worst_irregularity=measurements.worst_perimeter**2 / measurements.worst_area,
        spread=measurements.area_error / measurements.mean_area,
    )


@multi_asset(
    outs={
        "training": AssetOut(description="What models learn from."),
        "holdout": AssetOut(description="What models have not seen."),
    },
    group="data",
)
def dealt_out(features: pd.DataFrame, sampling: Sampling) -> Any:
    """Deal tumours out, with the same share of malignant ones on both sides."""
    parts = train_test_split(
        features,
        test_size=sampling.holdout,
        random_state=sampling.seed,
        stratify=features[TARGET],
    )
    for name, part in zip(("training", "holdout"), parts, strict=True):
        share = Number(round(part[TARGET].mean(), 3), unit="malignant")
        yield Output(part.reset_index(drop=True), name=name, metadata={"share": share})


@asset(partitions=algorithms, io_manager="pickle", group="models")
def model(context: AssetContext, training: pd.DataFrame, how: Training) -> ClassifierMixin:
    """A fitted classifier for each algorithm."""
    kinds = {
        "forest": RandomForestClassifier(n_estimators=how.trees, random_state=how.seed),
        "logistic": make_pipeline(
            StandardScaler(), LogisticRegression(C=how.regularization, random_state=how.seed)
        ),
    }
    return kinds[str(context.partition_key)].fit(training.drop(columns=TARGET), training[TARGET])


@asset(partitions=algorithms, group="models")
def scores(model: ClassifierMixin, holdout: pd.DataFrame) -> pd.DataFrame:
    """How good a model is on what it has not seen; the figures are metadata, too."""
    truth, data = holdout[TARGET], holdout.drop(columns=TARGET)
    found, likely = model.predict(data), model.predict_proba(data)[:, 1]
    figures = {
        "accuracy": accuracy_score(truth, found),
        "recall": recall_score(truth, found),
        "roc_auc": roc_auc_score(truth, likely),
    }
    counted = pd.DataFrame(
        confusion_matrix(truth, found), columns=["called_benign", "called_malignant"]
    ).assign(truth=["benign", "malignant"])
    shown = {name: Number(round(value, 4)) for name, value in figures.items()}
    return Output(pd.DataFrame([figures]), metadata={**shown, "confusion": Table(counted)})


@asset(io_manager="json", group="registry")
def registered(scores: pd.DataFrame) -> dict[str, Any]:
    """Which model is in use, and how good it was: the one that misses fewest tumours."""
    best = scores.sort_values(["recall", "roc_auc"], ascending=False).to_dict("records")[0]
    return Output(best, metadata=best)


@asset_check(asset=registered, blocking=True)
def good_enough(registered: dict[str, Any]) -> bool:
    """Keep the model that is registered, unless the new one finds nine tumours of ten."""
    return registered["recall"] >= 0.9


@asset(io_manager="pickle", group="registry")
def classifier(registered: dict[str, Any], model: dict[str, ClassifierMixin]) -> ClassifierMixin:
    """The model to use: `Workspace().load("classifier")`."""
    return model[registered["algorithm"]]


definitions = Definitions(
    assets=[
        measurements,
        features,
        dealt_out,
        model,
        scores,
        registered,
        classifier,
    ],
    checks=[good_enough],
)
