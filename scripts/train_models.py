"""Train the predictive models among the examples anew, and write their folders.

    python scripts/train_models.py            # writes src/trivet/examples/{guide_model,lipophilicity,wine}

All data is made here, by a seed, or is part of scikit-learn. Needs ``pip install "trivet[sklearn,chem]" pandas``.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import Descriptors
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from trivet.models.publishing import design_table, write_model

EXAMPLES = Path(__file__).resolve().parent.parent / "src/trivet/examples"
SEED = 7
CHAINS = (
    "C",
    "CC",
    "CCC",
    "CCCC",
    "CCCCCC",
    "CC(C)C",
    "CC(C)CC",
    "C1CCCCC1C",
    "c1ccccc1C",
    "c1ccc2ccccc2c1C",
    "c1ccncc1C",
    "c1ccoc1C",
)
GROUPS = (
    "",
    "O",
    "N",
    "F",
    "Cl",
    "Br",
    "C#N",
    "C(=O)O",
    "C(=O)N",
    "C(=O)OC",
    "C=O",
    "OC",
    "NC",
    "S",
    "C(C)=O",
    "C(F)(F)F",
    "C=C",
    "N(C)C",
    "S(=O)(=O)N",
    "[N+](=O)[O-]",
)
"""Molecules of the lipophilicity example: each chain with each group, and with two of them where that gives a new one."""


def guide_model(folder: Path) -> None:
    """The model that Jaqpot's own guide calls: made data, so its numbers mean nothing."""
    chance = np.random.default_rng(SEED)
    molecules = _molecules()
    size = 240
    rows = pd.DataFrame(
        {
            "SMILES": [molecules[place] for place in chance.integers(0, len(molecules), size)],
            "X1": chance.integers(0, 10, size),
            "X2": chance.integers(0, 10, size),
            "Cat_col": chance.choice(["CAT_1", "CAT_2", "CAT_3"], size),
        }
    )
    select = ("X1", "X2", "Cat_col", "MolWt", "MolLogP", "TPSA")
    seen = design_table(rows, smiles="SMILES", select=select)
    offset = seen["Cat_col"].map({"CAT_1": 0.0, "CAT_2": 1.5, "CAT_3": -2.0})
    target = 0.8 * seen["X1"] - 0.3 * seen["X2"] + offset + seen["MolWt"] / 50 + 0.5 * seen["MolLogP"]
    target = (target + chance.normal(0, 0.1, size)).rename("activity")
    numbers = [name for name in select if name != "Cat_col"]
    estimator = make_pipeline(
        ColumnTransformer(
            [("numbers", StandardScaler(), numbers), ("categories", OneHotEncoder(sparse_output=False), ["Cat_col"])]
        ),
        Ridge(alpha=1.0),
    )
    estimator.fit(seen, target)
    write_model(
        folder,
        estimator,
        rows,
        target,
        name="The model of the guide",
        description="A regression on a molecule, two numbers and a category, with the columns of Jaqpot's own guide. "
        "Trained on made data: its numbers mean nothing.",
        smiles="SMILES",
        select=select,
        domain=("LEVERAGE", "BOUNDING_BOX"),
        visibility="PUBLIC",
        tags="example guide smiles",
    )


def lipophilicity(folder: Path) -> None:
    """A QSAR regression on SMILES: Crippen's logP, as RDKit computes it, from other descriptors."""
    molecules = pd.DataFrame({"SMILES": _molecules()})
    logp = pd.Series([Descriptors.MolLogP(Chem.MolFromSmiles(text)) for text in molecules["SMILES"]], name="logP")  # type: ignore[attr-defined]  # filled at import
    select = (
        "MolWt", "HeavyAtomCount", "TPSA", "NumHDonors", "NumHAcceptors", "NumRotatableBonds", "NumAromaticRings",
        "FractionCSP3", "MolMR", "NumHeteroatoms", "LabuteASA", "fr_halogen", "fr_COO", "fr_NH2", "fr_nitrile",
    )  # fmt: skip
    here, there, known, held_out = train_test_split(molecules, logp, test_size=0.2, random_state=SEED)
    estimator = make_pipeline(StandardScaler(), Ridge(alpha=0.1))
    estimator.fit(design_table(here, smiles="SMILES", select=select), known)
    write_model(
        folder,
        estimator,
        here,
        known,
        name="Lipophilicity of small molecules",
        description="logP of small organic molecules from RDKit's descriptors. What it learned is Crippen's logP as RDKit "
        "computes it, not a measurement; the molecules were put together from chains and groups.",
        smiles="SMILES",
        select=select,
        domain=("LEVERAGE", "MAHALANOBIS", "CITY_BLOCK"),
        visibility="PUBLIC",
        tags="example qsar smiles logp",
        test=(there, held_out),
    )


def wine(folder: Path) -> None:
    """A classifier of a table, with probabilities and a domain of applicability; the data is a part of scikit-learn."""
    table, cultivars = load_wine(return_X_y=True, as_frame=True)
    target = cultivars.map({0: "cultivar_1", 1: "cultivar_2", 2: "cultivar_3"}).rename("cultivar")
    here, there, known, held_out = train_test_split(table, target, test_size=0.25, random_state=SEED, stratify=target)
    estimator = RandomForestClassifier(n_estimators=40, max_depth=5, random_state=SEED).fit(here, known)
    write_model(
        folder,
        estimator,
        here,
        known,
        name="Cultivar of a wine",
        description="Which of three cultivars a wine was made of, from thirteen measurements. Data: Wine recognition (UCI), as "
        "it comes with scikit-learn.",
        domain=("LEVERAGE", "BOUNDING_BOX", "MEAN_VAR", "MAHALANOBIS", "KERNEL_BASED", "CITY_BLOCK"),
        visibility="PUBLIC",
        tags="example classification table",
        test=(there, held_out),
    )


def _molecules() -> list[str]:
    """Canonical SMILES of small molecules, each once."""
    found: dict[str, None] = {}
    for chain, first, second in itertools.product(CHAINS, GROUPS, GROUPS[:8]):
        molecule = Chem.MolFromSmiles(
            f"{second}{chain}{first}" if second in {"", "O", "N", "F", "Cl", "Br"} else f"{chain}{first}"
        )
        if molecule.GetNumAtoms() > 1:
            found[Chem.MolToSmiles(molecule)] = None
    return sorted(found)


MODELS = {"guide_model": guide_model, "lipophilicity": lipophilicity, "wine": wine}


def main() -> None:
    """Trains those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *MODELS], help="which; all if left out")
    for name in parser.parse_args().names or MODELS:
        MODELS[name](EXAMPLES / name)
        print(f"{name}: {', '.join(sorted(path.name for path in (EXAMPLES / name).iterdir()))}")


if __name__ == "__main__":
    main()
