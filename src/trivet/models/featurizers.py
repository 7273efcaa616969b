"""What is computed from molecules: RDKit's descriptors and two fingerprints, under the names that Jaqpot gives them.

A molecule is read from its SMILES, its atoms are renumbered as Jaqpot does, and then only those columns are computed that a
model reads. Which columns a featurizer has is fixed when a model is checked: RDKit adds descriptors from release to release,
so a model asks for columns by name, and is refused where a name is not known.

A molecule that can't be read, or one of whose columns has no finite value, costs its own row and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import rdkit
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdMolDescriptors
from rdkit.DataStructs import ConvertToNumpyArray

if TYPE_CHECKING:
    from rdkit.Chem import Mol

__all__ = ["FEATURIZERS", "Featurizer", "FeaturizerInvalid", "compute", "opened", "places", "read_molecules", "version"]

Matrix = npt.NDArray[np.float64]

_LONGEST = 5_000
"""Characters of a SMILES. Reading takes a second at this length and half a minute at four times that, and RDKit lets no other
thread of Python go on meanwhile: neither the neighbours' predictions nor the heartbeat of the process.
"""

_MOST_ATOMS = 500
"""Atoms of a molecule whose descriptors are computed. A single descriptor takes a second or two here, and grows with the cube."""

_LARGEST = 65_536
"""Bits of a fingerprint."""


class FeaturizerInvalid(ValueError):
    """A featurizer or a column of one that this release of RDKit doesn't have, or a configuration it can't use."""


class Featurizer(Protocol):
    """Computes columns from molecules."""

    @property
    def names(self) -> tuple[str, ...]:
        """All its columns with this release of RDKit, in order."""
        ...

    def compute(self, molecule: Mol, places: Sequence[int], values: Matrix) -> None:
        """Computes columns of one molecule.

        Args:
            molecule: What `read_molecules` gave.
            places: Which columns, by their position in `names`.
            values: Where they go, in the order of `places`.

        Raises:
            ValueError: A column has no finite value for this molecule; the message names it.
        """
        ...


def version() -> str:
    """The release of RDKit that computes here."""
    try:
        return metadata.version("rdkit")
    except metadata.PackageNotFoundError:  # not every distribution of it leaves a record
        return str(rdkit.__version__)


def opened(name: str, config: Mapping[str, Any]) -> Featurizer:
    """Opens a featurizer.

    Args:
        name: `RDKitDescriptors`, `MACCSKeysFingerprint` or `TopologicalFingerprint`.
        config: Its settings, as a description stores them; what is absent is as Jaqpot presets it.

    Raises:
        FeaturizerInvalid: There is none of this name, or its settings can't be used.
    """
    kind = FEATURIZERS.get(name)
    if kind is None:
        raise FeaturizerInvalid(f"there is no featurizer {name}; there are {', '.join(FEATURIZERS)}")
    return kind(config)


def places(featurizer: Featurizer, name: str, columns: Sequence[str]) -> tuple[int, ...]:
    """Where named columns stand in a featurizer.

    Args:
        featurizer: The opened featurizer.
        name: What it is called, for the message.
        columns: The columns that a model was checked with.

    Raises:
        FeaturizerInvalid: This release of RDKit doesn't compute one of them.
    """
    index = {column: place for place, column in enumerate(featurizer.names)}
    missing = [column for column in columns if column not in index]
    if missing:
        raise FeaturizerInvalid(
            f"{name} of RDKit {version()} has no {', '.join(missing[:5])}{' …' if len(missing) > 5 else ''}; "
            "the model was checked with another release, and needs that one"
        )
    return tuple(index[column] for column in columns)


def read_molecules(smiles: Sequence[str | None]) -> tuple[list[Mol | None], dict[int, str]]:
    """Reads molecules.

    Args:
        smiles: One SMILES per row.

    Returns:
        The molecules, None where there is none, and for those rows the reason.
    """
    molecules: list[Mol | None] = []
    problems: dict[int, str] = {}
    read: dict[str, Mol | str] = {}
    with _quiet:
        for row, text in enumerate(smiles):
            key = text or ""
            found = read.get(key)
            if found is None:
                found = read[key] = _molecule(key)
            if isinstance(found, str):
                molecules.append(None)
                problems[row] = found
            else:
                molecules.append(found)
    return molecules, problems


def compute(
    wanted: Sequence[tuple[Featurizer, Sequence[int]]], molecules: Sequence[Mol | None], go_on: Callable[[], None]
) -> tuple[Matrix, dict[int, str]]:
    """Computes columns of many molecules.

    Args:
        wanted: Featurizers, each with the places of the columns that are computed.
        molecules: What `read_molecules` gave; a row without a molecule is left out.
        go_on: Called now and then; may raise to end the computation.

    Returns:
        One row per molecule with all columns of the first featurizer, then of the next; and for rows that couldn't be
        computed the reason.
    """
    width = sum(len(places) for _, places in wanted)
    values = np.zeros((len(molecules), width))
    problems: dict[int, str] = {}
    with _quiet:
        for row, molecule in enumerate(molecules):
            if not row % 32:
                go_on()
            if molecule is None:
                continue
            start = 0
            try:
                for featurizer, chosen in wanted:
                    featurizer.compute(molecule, chosen, values[row, start : start + len(chosen)])
                    start += len(chosen)
            except ValueError as error:
                problems[row] = str(error)
    return values, problems


def _molecule(text: str) -> Mol | str:
    """A molecule, or why there is none."""
    if not text.strip():
        return "SMILES is empty"
    if len(text) > _LONGEST:
        return f"SMILES has {len(text):,} characters; at most {_LONGEST:,} are read"
    if not text.isascii():  # RDKit leaves out what is no ASCII, and reads another molecule
        return f"SMILES cannot be parsed: {_shortened(text)} holds a character that no SMILES has"
    molecule: Mol | None = Chem.MolFromSmiles(text)
    if molecule is None:
        return f"SMILES cannot be parsed: {_shortened(text)}: {_reason(text)}"
    if not molecule.GetNumAtoms():
        return f"SMILES has no atoms: {_shortened(text)}"
    return Chem.RenumberAtoms(molecule, list(Chem.CanonicalRankAtoms(molecule)))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _reason(text: str) -> str:
    """RDKit's own words for what is wrong with a SMILES, without times and repetitions. They stand in its log alone."""
    if not hasattr(rdBase, "CaptureErrorLog"):  # releases before it keep their reasons to themselves
        return "RDKit can't read it"
    with _capturing, rdBase.CaptureErrorLog() as log:
        Chem.MolFromSmiles(text)
    for line in log.messages.splitlines():
        words: str = line.split("] ", 1)[-1].removeprefix("SMILES Parse Error: ").strip()
        if words:
            return (
                words.split(" while parsing: ", maxsplit=1)[0].split(" for input: ", maxsplit=1)[0].replace("  ", " ")
            )
    return "not a molecule"


class _Quiet:
    """Keeps RDKit from writing its log to the standard error while anybody computes: the log is one for all threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._block: object = None

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._block = rdBase.BlockLogs()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._block = None


_quiet = _Quiet()
_capturing = Lock()  # captures must end in the order in which they began, so there is one at a time


# -- the three featurizers ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RDKitDescriptors:
    """The descriptors of `rdkit.Chem.Descriptors`, in its order; `Ipc` averaged unless `ipc_avg` is false."""

    names: tuple[str, ...]
    functions: tuple[Callable[[Mol], float], ...]

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> RDKitDescriptors:
        """Reads `use_fragment` (the `fr_*` columns) and `ipc_avg`."""
        fragments, averaged = _flag(config, "use_fragment", True), _flag(config, "ipc_avg", True)
        chosen = [
            (name, function) for name, function in Descriptors.descList if fragments or not name.startswith("fr_")
        ]
        return cls(
            tuple(name for name, _ in chosen),
            tuple(_averaged(function) if averaged and name == "Ipc" else function for name, function in chosen),
        )

    def compute(self, molecule: Mol, places: Sequence[int], values: Matrix) -> None:
        """Computes descriptors of one molecule."""
        if places and molecule.GetNumAtoms() > _MOST_ATOMS:
            raise ValueError(
                f"SMILES has {molecule.GetNumAtoms():,} atoms; descriptors are computed of at most {_MOST_ATOMS}"
            )
        for at, place in enumerate(places):
            try:
                value = float(self.functions[place](molecule))
            except Exception as error:  # noqa: BLE001  a descriptor may fail in any way, and costs this row alone
                raise ValueError(
                    f"{self.names[place]} cannot be computed: {str(error) or type(error).__name__}"
                ) from None
            if not np.isfinite(value):
                raise ValueError(f"{self.names[place]} has no finite value for this molecule")
            values[at] = value


@dataclass(frozen=True, slots=True)
class MACCSKeysFingerprint:
    """The 167 public MACCS keys, `f0` to `f166`."""

    names: tuple[str, ...]

    @classmethod
    def configured(cls, _: Mapping[str, Any]) -> MACCSKeysFingerprint:
        """Has no settings."""
        return cls(tuple(f"f{bit}" for bit in range(167)))

    def compute(self, molecule: Mol, places: Sequence[int], values: Matrix) -> None:
        """Computes keys of one molecule."""
        bits = np.zeros(167)
        ConvertToNumpyArray(rdMolDescriptors.GetMACCSKeysFingerprint(molecule), bits)
        values[:] = bits[list(places)]


@dataclass(frozen=True, slots=True)
class TopologicalFingerprint:
    """Morgan bits: circular neighbourhoods of each atom, folded to `size` bits, `Bit_0` and so on."""

    names: tuple[str, ...]
    generator: Any

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> TopologicalFingerprint:
        """Reads `radius`, `size`, `chiral`, `bonds` and `features`."""
        radius, size = _whole(config, "radius", 2, 0, 16), _whole(config, "size", 2048, 1, _LARGEST)
        by_features = _flag(config, "features", False)
        generator = rdFingerprintGenerator.GetMorganGenerator(
            radius=radius,
            fpSize=size,
            includeChirality=_flag(config, "chiral", False),
            useBondTypes=_flag(config, "bonds", True),
            **({"atomInvariantsGenerator": rdFingerprintGenerator.GetMorganFeatureAtomInvGen()} if by_features else {}),
        )
        return cls(tuple(f"Bit_{bit}" for bit in range(size)), generator)

    def compute(self, molecule: Mol, places: Sequence[int], values: Matrix) -> None:
        """Computes bits of one molecule."""
        values[:] = self.generator.GetFingerprintAsNumPy(molecule)[list(places)]


FEATURIZERS: Mapping[str, Callable[[Mapping[str, Any]], Featurizer]] = {
    "RDKitDescriptors": RDKitDescriptors.configured,
    "MACCSKeysFingerprint": MACCSKeysFingerprint.configured,
    "TopologicalFingerprint": TopologicalFingerprint.configured,
}
"""The featurizers, by the name that a description gives them."""


def _averaged(function: Callable[..., float]) -> Callable[[Mol], float]:
    return lambda molecule: function(molecule, avg=True)


def _flag(config: Mapping[str, Any], key: str, preset: bool) -> bool:
    value = config.get(key)
    if value is None:
        return preset
    if not isinstance(value, bool):
        raise FeaturizerInvalid(f"{key} must be true or false, and is {value!r}")
    return value


def _whole(config: Mapping[str, Any], key: str, preset: int, least: int, most: int) -> int:
    value = config.get(key)
    if value is None:
        return preset
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise FeaturizerInvalid(f"{key} must be a whole number from {least} to {most}, and is {value!r}")
    return value
