"""Molecules to numbers: the contract's golden values, names, and rows that can't be computed."""

from threading import Thread

import numpy as np
import pytest

pytest.importorskip("rdkit")

from trivet.models import featurizers
from trivet.models.featurizers import FeaturizerInvalid, compute, opened, places, read_molecules

PRESET = {"use_fragment": True, "ipc_avg": True}


def values(name, config, smiles, columns=None):
    featurizer = opened(name, config)
    chosen = places(featurizer, name, columns or featurizer.names)
    molecules, problems = read_molecules([smiles])
    assert not problems
    numbers, problems = compute([(featurizer, chosen)], molecules, lambda: None)
    assert not problems
    return numbers[0]


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [("CC", (30.07, 1.0262, 0)), ("CCO", (46.069, -0.0014, 20.23)), ("c1ccccc1O", (94.113, 1.3922, 20.23))],
)
def test_descriptors_of_the_contract_come_out(smiles, expected):
    assert values("RDKitDescriptors", PRESET, smiles, ["MolWt", "MolLogP", "TPSA"]) == pytest.approx(expected, abs=1e-6)


def test_ipc_is_averaged_unless_the_settings_say_otherwise():
    assert values("RDKitDescriptors", PRESET, "CCO", ["Ipc"]) == pytest.approx([0.918296], abs=1e-6)
    assert values("RDKitDescriptors", {}, "c1ccccc1O", ["Ipc"]) == pytest.approx([1.685616], abs=1e-6)
    assert values("RDKitDescriptors", {"ipc_avg": False}, "CCO", ["Ipc"]) == pytest.approx([2.754888], abs=1e-6)


def test_descriptors_have_rdkits_names_and_order():
    from rdkit.Chem import Descriptors

    assert opened("RDKitDescriptors", PRESET).names == tuple(name for name, _ in Descriptors.descList)
    without = opened("RDKitDescriptors", {"use_fragment": False}).names
    assert not any(name.startswith("fr_") for name in without)
    assert "MolWt" in without


def test_bits_of_the_contract_are_on():
    keys = opened("MACCSKeysFingerprint", {"col_names": None})
    assert keys.names == tuple(f"f{bit}" for bit in range(167))
    assert np.flatnonzero(values("MACCSKeysFingerprint", {}, "CCO")).tolist() == [
        82,
        109,
        114,
        139,
        153,
        155,
        157,
        160,
        164,
    ]
    config = {"radius": 2, "size": 64, "chiral": False, "bonds": True, "features": False, "col_names": None}
    assert opened("TopologicalFingerprint", config).names == tuple(f"Bit_{bit}" for bit in range(64))
    assert np.flatnonzero(values("TopologicalFingerprint", config, "CCO")).tolist() == [2, 16, 30, 33, 38, 39]
    assert len(opened("TopologicalFingerprint", {}).names) == 2048


def test_only_the_columns_that_are_asked_for_are_computed(monkeypatch):
    from rdkit.Chem import Descriptors

    def refuse(molecule):
        raise AssertionError("nobody asked for this one")

    monkeypatch.setattr(Descriptors, "descList", [("Other", refuse), *Descriptors.descList])
    assert values("RDKitDescriptors", PRESET, "CC", ["MolWt"]) == pytest.approx([30.07])


def test_columns_come_in_the_order_in_which_they_are_asked_for():
    forth = values("RDKitDescriptors", PRESET, "CCO", ["TPSA", "MolWt"])
    assert forth == pytest.approx([20.23, 46.069])
    assert values("MACCSKeysFingerprint", {}, "CCO", ["f164", "f1", "f82"]).tolist() == [1, 0, 1]


def test_a_column_that_this_release_does_not_have_is_named():
    with pytest.raises(
        FeaturizerInvalid, match=rf"RDKit {featurizers.version()} has no Lipinski2027; .* needs that one"
    ):
        places(opened("RDKitDescriptors", {}), "RDKitDescriptors", ["MolWt", "Lipinski2027"])


def test_a_molecule_that_cannot_be_read_says_why_and_shifts_nobody(capfd):
    smiles = ["CCO", "C(C", "c1cccc1", "", None, "Cé", "CN(C)(C)(C)C", ".", "C1CC", "OCC"]
    molecules, problems = read_molecules(smiles)
    assert [molecule is not None for molecule in molecules] == [True, *[False] * 8, True]
    assert problems == {
        1: "SMILES cannot be parsed: C(C: extra open parentheses",
        2: "SMILES cannot be parsed: c1cccc1: Can't kekulize mol. Unkekulized atoms: 0 1 2 3 4",
        3: "SMILES is empty",
        4: "SMILES is empty",
        5: "SMILES cannot be parsed: Cé holds a character that no SMILES has",
        6: "SMILES cannot be parsed: CN(C)(C)(C)C: Explicit valence for atom # 1 N, 5, is greater than permitted",
        7: "SMILES cannot be parsed: .: syntax error",
        8: "SMILES cannot be parsed: C1CC: unclosed ring",
    }
    assert capfd.readouterr() == ("", "")  # RDKit tells its log as well, if it is let


def test_molecules_may_be_read_by_many_threads_at_once(capfd):
    found = []
    threads = [Thread(target=lambda: found.append(read_molecules(["C(C", "CC", "C1CC"] * 50)[1])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 8
    assert set(found[0].values()) == {
        "SMILES cannot be parsed: C(C: extra open parentheses",
        "SMILES cannot be parsed: C1CC: unclosed ring",
    }
    assert capfd.readouterr() == ("", "")


def test_a_text_that_is_far_too_long_is_not_read():
    _, problems = read_molecules(["C" * 100_000])
    assert "100,000 characters" in problems[0]


def test_descriptors_of_a_molecule_that_would_block_the_process_cost_its_row_alone():
    featurizer = opened("RDKitDescriptors", {})
    molecules, unread = read_molecules(["C" * 501, "CCO"])
    values, problems = compute([(featurizer, places(featurizer, "", ["MolWt"]))], molecules, lambda: None)
    assert not unread
    assert problems == {0: "SMILES has 501 atoms; descriptors are computed of at most 500"}
    assert values[1] == pytest.approx(46.069)
    keys = opened("MACCSKeysFingerprint", {})
    assert not compute([(keys, (1,))], molecules, lambda: None)[1]


def test_a_descriptor_that_fails_or_is_not_finite_costs_its_row_alone(monkeypatch):
    from rdkit.Chem import Descriptors

    def fails(molecule):
        if molecule.GetNumAtoms() == 3:
            raise RuntimeError("Pre-condition Violation")
        return float("nan") if molecule.GetNumAtoms() == 1 else 1.0

    monkeypatch.setattr(Descriptors, "descList", [("Odd", fails)])
    featurizer = opened("RDKitDescriptors", {})
    molecules, _ = read_molecules(["CC", "CCO", "C", "CCCC"])
    numbers, problems = compute([(featurizer, (0,))], molecules, lambda: None)
    assert problems == {
        1: "Odd cannot be computed: Pre-condition Violation",
        2: "Odd has no finite value for this molecule",
    }
    assert numbers[[0, 3], 0].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("MordredDescriptors", {}, "no featurizer MordredDescriptors; there are RDKitDescriptors"),
        ("TopologicalFingerprint", {"size": 10**9}, "size must be a whole number from 1"),
        ("TopologicalFingerprint", {"radius": "2"}, "radius must be a whole number"),
        ("RDKitDescriptors", {"use_fragment": "yes"}, "use_fragment must be true or false"),
    ],
)
def test_settings_that_cannot_be_used_say_why(name, config, words):
    with pytest.raises(FeaturizerInvalid, match=words):
        opened(name, config)
