"""The builder as a whole: real environments by the real installer, and the real worker runtime that loads the code."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import subprocess
import tarfile
import time
import zipfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders.folders import HELLO, bundle_of
from trivet.platform.builders.local import UNUSED_FOR, LocalBuilder
from trivet.platform.builders.members import Limits
from trivet.platform.core.endpoints import HandlerKind
from trivet.platform.core.errors import BuildFailed, DeploymentRefused, StorageFull
from trivet.platform.core.scaling import ScalingPolicy
from trivet.platform.ports.builder import Built

PATIENCE = 100.0


class Yard:
    """A data folder and a builder that works in it; every test of this module shares its environments."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.steps: list[str] = []
        self.output: list[str] = []
        self.uploads = 0

    def run(self, act: Callable[[LocalBuilder], Coroutine[Any, Any, Any]], **settings: Any) -> Any:
        async def whole() -> Any:
            return await asyncio.wait_for(act(LocalBuilder(self.data, **settings)), PATIENCE)

        self.steps, self.output = [], []
        return asyncio.run(whole())

    def upload(self, files: dict[str, str | bytes]) -> tuple[Path, str]:
        self.uploads += 1
        folder = bundle_of(self.data / "uploads" / str(self.uploads), files)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(folder, ".")
        archive = folder.with_suffix(".tar.gz")
        archive.write_bytes(packed.getvalue())
        return archive, hashlib.sha256(packed.getvalue()).hexdigest()

    async def deploy(self, builder: LocalBuilder, files: dict[str, str | bytes]) -> Built:
        archive, digest = self.upload(files)
        bundle = await builder.unpack(archive, "upload", digest)
        assert bundle == digest
        return await builder.build(bundle, self.steps.append, self.output.append)

    def build(self, files: dict[str, str | bytes], **settings: Any) -> Built:
        built = self.run(lambda builder: self.deploy(builder, files), **settings)
        assert isinstance(built, Built)
        return built

    def failure(self, files: dict[str, str | bytes], **settings: Any) -> BuildFailed:
        with pytest.raises(BuildFailed) as caught:
            self.build(files, **settings)
        return caught.value

    def python(self, environment: str) -> Path:
        return self.data / "envs" / environment / "bin" / "python"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    return Yard(tmp_path_factory.mktemp("data"))


def wheel(name: str, code: str) -> bytes:
    """A wheel of one module."""
    record = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": code,
        f"{record}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{record}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for path, text in files.items()
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{record}/RECORD", "\n".join([*rows, f"{record}/RECORD,,"]) + "\n")
    return packed.getvalue()


def test_the_first_function_of_the_readme_is_built(yard: Yard) -> None:
    built = yard.build({"main.py": HELLO})
    (endpoint,) = built.endpoints
    assert (endpoint.name, endpoint.kind, endpoint.host, endpoint.handler) == (
        *("hello", HandlerKind.SYNC),
        *("decorated", "main:hello"),
    )
    assert endpoint.scaling == ScalingPolicy(0, 3)
    assert endpoint.settings.timeout == 60
    assert endpoint.input_schema
    assert (yard.data / "bundles" / built.bundle / "main.py").is_file()
    assert yard.steps[-1] == "Loading the handlers"


def test_bundles_without_requirements_share_one_environment(yard: Yard) -> None:
    one, two = yard.build({"main.py": HELLO}), yard.build({"main.py": HELLO, "data.txt": "more"})
    assert one.bundle != two.bundle
    assert one.environment == two.environment
    assert "Using the environment that an earlier build made" in yard.steps


def test_equal_environments_asked_for_at_once_are_made_once(tmp_path: Path) -> None:
    yard = Yard(tmp_path)

    async def both(builder: LocalBuilder) -> list[Built]:
        return await asyncio.gather(*(yard.deploy(builder, {"main.py": HELLO, "n": str(n)}) for n in range(3)))

    assert len({built.environment for built in yard.run(both)}) == 1
    assert yard.steps.count("Making an environment") == 1


def test_an_environment_holds_the_runtime_and_the_client_and_nothing_of_the_platform(yard: Yard) -> None:
    environment = yard.build({"main.py": HELLO}).environment
    program = """
import importlib.util, sys, trivet, trivet.worker, trivet.authoring
trivet.Client
assert str(trivet.__file__).startswith(sys.argv[1]), trivet.__file__
for absent in ("trivet.platform", "trivet.cli", "starlette", "click"):
    assert importlib.util.find_spec(absent) is None, absent
"""
    command = [yard.python(environment), "-I", "-c", program, str(yard.data / "runtime")]
    subprocess.run(command, check=True, timeout=60)


def test_the_data_folder_may_be_moved(tmp_path: Path) -> None:
    yard = Yard(tmp_path / "here")
    environment = yard.build({"main.py": HELLO}).environment
    (tmp_path / "here").rename(tmp_path / "there")
    python = tmp_path / "there" / "envs" / environment / "bin" / "python"
    subprocess.run([python, "-I", "-c", "import trivet.worker"], check=True, timeout=60)


def test_a_requirement_is_installed_and_wins_over_the_runtime(yard: Yard) -> None:
    main = "import trivet, answer, pyreqwest\n@trivet.endpoint\ndef f() -> int:\n    return answer.VALUE\nprint(pyreqwest.MINE)"
    built = yard.build(
        {
            "main.py": main,
            "requirements.txt": "./wheels/answer-1.0-py3-none-any.whl\n./wheels/pyreqwest-1.0-py3-none-any.whl\n",
            "wheels/answer-1.0-py3-none-any.whl": wheel("answer", "VALUE = 42"),
            "wheels/pyreqwest-1.0-py3-none-any.whl": wheel("pyreqwest", "MINE = 'of the author'"),
        }
    )
    assert "Installing 2 requirements" in yard.steps
    assert any("answer==1.0" in line for line in yard.output)
    assert "of the author" in yard.output
    assert built.environment != yard.build({"main.py": HELLO}).environment


def test_a_requirement_that_is_unknown_is_said_in_the_installers_words(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    error = yard.failure({"main.py": HELLO, "requirements.txt": "no-such-thing>=1\n"})
    assert error.detail.startswith("The environment could not be made: ")
    assert "no-such-thing" in error.detail
    assert len(list((yard.data / "envs").iterdir())) == len(list((yard.data / "envs").glob("*/.complete")))


def test_a_requirement_that_can_not_be_read_is_said(yard: Yard) -> None:
    error = yard.failure({"main.py": HELLO, "requirements.txt": "numpy==\n"})
    assert "a requirement can't be read" in error.detail
    assert "numpy==" in error.detail


def test_an_environment_that_a_crash_left_half_made_is_made_again(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    environment = tmp_path / "envs" / yard.build({"main.py": HELLO}).environment
    (environment / ".complete").unlink()
    (environment / "bin" / "python").unlink()
    assert yard.build({"main.py": HELLO}).environment == environment.name
    assert (environment / "bin" / "python").exists()


def test_code_that_does_not_load_is_said_with_the_authors_traceback(yard: Yard) -> None:
    error = yard.failure({"main.py": HELLO + "\ndef deeper():\n    raise ValueError('no luck')\ndeeper()\n"})
    assert error.detail.startswith("The handlers can't be loaded: ValueError: no luck\n")
    assert "main.py" in error.detail
    assert "deeper" in error.detail
    assert str(yard.data) not in error.detail


def test_a_module_that_is_not_installed_comes_with_advice(yard: Yard) -> None:
    error = yard.failure({"main.py": "import numpy_of_mine\n" + HELLO})
    assert "No module named 'numpy_of_mine'" in error.detail
    assert "requirements.txt" in error.hint


def test_code_is_loaded_with_what_its_workers_will_find_and_where_that_lacks_a_variable_it_says_how_to_give_it(
    yard: Yard,
) -> None:
    files: dict[str, str | bytes] = {"main.py": f"import os\nassert os.environ['MODEL_ID'] == 'tiny'\n{HELLO}"}
    asked: list[Sequence[str]] = []

    async def env(names: Sequence[str]) -> Mapping[str, str]:
        asked.append(names)
        return {"MODEL_ID": "tiny"}

    async def with_it(builder: LocalBuilder) -> Built:
        archive, digest = yard.upload(files)
        bundle = await builder.unpack(archive, "upload", digest)
        return await builder.build(bundle, yard.steps.append, yard.output.append, env=env)

    error = yard.failure(files)
    assert "KeyError: 'MODEL_ID'" in error.detail
    assert "--env MODEL_ID=VALUE" in error.hint
    assert [each.name for each in yard.run(with_it).endpoints] == ["hello"]
    assert asked == [("hello",)]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os; os._exit(3)", "status 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("raise SystemExit('bye')", "bye"),
    ],
)
def test_code_that_ends_the_process_when_loaded_is_said(code: str, said: str, yard: Yard) -> None:
    assert said in yard.failure({"main.py": f"{HELLO}\nprint('last words')\n{code}\n"}).detail


def test_code_that_never_finishes_loading_is_ended(yard: Yard) -> None:
    error = yard.failure({"main.py": HELLO + "\nimport signal; signal.pause()\n"}, load_timeout=1.0)
    assert "were not loaded within 1 s" in error.detail
    assert "setup" in error.hint
    assert "TRIVET_LOAD_TIMEOUT" in error.hint


def test_code_sees_nothing_of_the_server_while_it_is_loaded(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    yard.build({"main.py": HELLO + "\nimport os\nprint('sees', sorted(os.environ), 'in', os.getcwd())\n"})
    (line,) = [line for line in yard.output if line.startswith("sees")]
    assert "SECRET_OF_THE_SERVER" not in line
    assert "trivet-load-" in line


def test_what_code_prints_is_told_but_not_without_end(yard: Yard) -> None:
    yard.build({"main.py": HELLO + "\nfor _ in range(3000): print('x' * 1000)\n"})
    assert sum(map(len, yard.output)) <= 1024**2 + 100
    assert yard.output[-1] == "… what follows is not kept"


def test_a_setting_that_can_not_be_fails_the_build_in_the_authors_words(yard: Yard) -> None:
    error = yard.failure({"main.py": "import trivet\n@trivet.endpoint(workers=(3, 1))\ndef f(): ..."})
    assert "workers" in error.detail


def test_the_same_digest_is_unpacked_once(yard: Yard) -> None:
    archive, digest = yard.upload({"main.py": HELLO, "once": ""})

    async def thrice(builder: LocalBuilder) -> list[str]:
        return await asyncio.gather(*(builder.unpack(archive, "upload", digest) for _ in range(3)))

    assert set(yard.run(thrice)) == {digest}
    archive.write_bytes(b"gone")
    assert yard.run(lambda builder: builder.unpack(archive, "upload", digest)) == digest


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"main.py": "print('no endpoint')"}, "Looked for"),
        ({"main.py": "def f(:"}, "main.py, line 1"),
        ({"main.py": HELLO, "requirements.txt": "-e ."}, "requirements.txt"),
    ],
)
def test_a_refused_upload_leaves_nothing(files: dict[str, str | bytes], said: str, yard: Yard) -> None:
    archive, digest = yard.upload(files)
    before = set((yard.data / "bundles").iterdir())
    with pytest.raises(DeploymentRefused, match=said):
        yard.run(lambda builder: builder.unpack(archive, "upload", digest))
    assert set((yard.data / "bundles").iterdir()) == before


def test_limits_are_the_operators(yard: Yard) -> None:
    archive, digest = yard.upload({"main.py": HELLO, "a": "", "b": ""})
    with pytest.raises(DeploymentRefused, match="more than 2 members"):
        yard.run(lambda builder: builder.unpack(archive, "upload", digest), limits=Limits(members=2))


@pytest.mark.parametrize("digest", ["", "../../etc", "A" * 64, "0" * 63])
def test_a_digest_that_is_none_never_becomes_a_path(digest: str, yard: Yard) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        yard.run(lambda builder: builder.unpack(Path("x"), "x.py", digest))


def test_what_a_crash_left_half_unpacked_is_removed(tmp_path: Path) -> None:
    bundle_of(tmp_path / "bundles" / f"{'0' * 64}.new", {"main.py": HELLO})
    LocalBuilder(tmp_path)
    assert list((tmp_path / "bundles").iterdir()) == []


def test_what_nothing_refers_to_is_removed_once_it_was_left_alone_for_an_hour(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    kept = yard.build({"main.py": HELLO})
    yard.build({"main.py": HELLO, "n": "2"})
    (runtime,) = (tmp_path / "runtime").iterdir()
    # what only looks alike: another environment with a runtime of its own, and a runtime that no environment has
    for name in ("another", "orphan"):
        bundle_of(tmp_path / "runtime" / name, {"trivet.py": ""})
    other = bundle_of(
        tmp_path / "envs" / "other", {"lib/python3/site-packages/_trivet_runtime.pth": "../runtime/another"}
    )

    def clean(seconds: float, *environments: str) -> int:
        keep = frozenset({kept.bundle}), frozenset(environments)
        removed: int = yard.run(lambda builder: builder.forget_unused(*keep), clock=lambda: time.time() + seconds)
        return removed

    def left(kind: str) -> set[str]:
        return {folder.name for folder in (tmp_path / kind).iterdir()}

    assert clean(UNUSED_FOR - 60.0) == 0
    assert clean(UNUSED_FOR + 60.0, kept.environment, "other") == 2
    assert left("bundles") == {kept.bundle}
    assert left("envs") == {kept.environment, other.name}
    assert left("runtime") == {runtime.name, "another"}
    assert clean(UNUSED_FOR + 60.0, kept.environment) == 2
    assert left("envs") == {kept.environment}
    assert left("runtime") == {runtime.name}
    subprocess.run([yard.python(kept.environment), "-I", "-c", "import trivet.worker"], check=True, timeout=60)
    assert clean(UNUSED_FOR + 60.0) == 2
    again = yard.build({"main.py": HELLO, "n": "2"})
    subprocess.run([yard.python(again.environment), "-I", "-c", "import trivet.worker"], check=True, timeout=60)


def test_what_is_asked_for_again_is_not_removed_at_that_moment(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    archive, digest = yard.upload({"main.py": HELLO})

    async def deploy(builder: LocalBuilder) -> Built:
        bundle = await builder.unpack(archive, "upload", digest)
        return await builder.build(bundle, yard.steps.append, yard.output.append)

    built = yard.run(deploy)
    folders = [tmp_path / "bundles" / built.bundle, tmp_path / "envs" / built.environment]
    folders += (tmp_path / "runtime").iterdir()
    for folder in folders:
        os.utime(folder, (1.0, 1.0))
    assert yard.run(deploy) == built
    assert min(folder.stat().st_mtime for folder in folders) > time.time() - 60.0


def test_a_full_disk_is_said_as_such(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    from trivet.platform.builders import tool

    async def full(*args: object, **kwargs: object) -> tool.Finished:
        return tool.Finished(2, ("error: failed to write", "  Caused by: No space left on device (os error 28)"), b"")

    monkeypatch.setattr(tool, "run", full)
    with pytest.raises(StorageFull):
        yard.build({"main.py": HELLO, "requirements.txt": "anything-new"})
