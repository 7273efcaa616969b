"""A classifier: tells which kind of iris a flower is, trained when the worker starts on data that scikit-learn ships."""

from __future__ import annotations

from dataclasses import dataclass

import trivet


@dataclass
class Flower:
    """One flower's measures, in centimetres."""

    sepal_length: float
    sepal_width: float
    petal_length: float
    petal_width: float


@dataclass
class Guess:
    """The kind that is most likely, and how likely it is."""

    species: str
    probability: float


@trivet.endpoint(name="classifier", workers=(0, 2), timeout=60, requirements=["scikit-learn>=1.4"])
class IrisClassifier:
    """Tells which kind of iris each flower is."""

    def setup(self) -> None:
        """Trains the model, once in the life of a worker."""
        # Here and not above: what reads this file to find the endpoint needs no scikit-learn.
        from sklearn.datasets import load_iris
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        data = load_iris()
        self.species = [str(name) for name in data.target_names]
        self.model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
        self.model.fit(data.data, data.target)

    def __call__(self, flowers: list[Flower]) -> list[Guess]:
        """Guesses the species of each of ``flowers``, in their order."""
        if not flowers:
            return []
        rows = [[f.sepal_length, f.sepal_width, f.petal_length, f.petal_width] for f in flowers]
        return [
            Guess(self.species[shares.argmax()], round(float(shares.max()), 4))
            for shares in self.model.predict_proba(rows)
        ]
