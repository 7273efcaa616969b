"""RunPod workers as bundles: found by reading, named after the upload, run once before anything is published."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.unit.builders.folders import HELLO, bundle_of
from tests.unit.builders.test_local import wheel
from trivet.platform.builders.descriptions import Program, endpoints_in, name_of
from trivet.platform.builders.loading import load
from trivet.platform.builders.local import LocalBuilder
from trivet.platform.builders.recognise import recognise
from trivet.platform.builders.requirements import read_requirements
from trivet.platform.builders.runpod import RunPodWorker
from trivet.platform.builders.sources import SourceTree
from trivet.platform.core.endpoints import HandlerKind
from trivet.platform.core.errors import BuildFailed, DeploymentRefused
from trivet.platform.ports.builder import Built, TrialEnv

STARTS = "import runpod\nrunpod.serverless.start({'handler': print})\n"


def kind_of(folder: Path) -> str:
    return recognise(SourceTree.read(folder)).host


def program_in(folder: Path, **files: str) -> str:
    """The program of a bundle; ``a__b`` is the file ``a/b.py``, and a Dockerfile is one."""
    named = {name if name == "Dockerfile" else f"{name.replace('__', '/')}.py": text for name, text in files.items()}
    return RunPodWorker().program(SourceTree.read(bundle_of(folder, named)))


@pytest.mark.parametrize(
    "source",
    [
        STARTS,
        "import runpod as rp\nrp.serverless.start({})",
        "import runpod.serverless\nrunpod.serverless.start({})",
        "import runpod.serverless as s\ns.start({})",
        "from runpod import serverless\nserverless.start({})",
        "from runpod import serverless as s\nif __name__ == '__main__':\n    s.start({})",
        "from runpod.serverless import start\nstart({})",
        "from runpod.serverless import start as go\ngo({})",
        "from runpod import *\nserverless.start({})",
        "import runpod\nbegin = runpod.serverless.start\nbegin({})",
    ],
)
def test_a_worker_is_found_however_its_start_was_imported(source: str, tmp_path: Path) -> None:
    assert kind_of(bundle_of(tmp_path, {"src/work.py": source})) == "runpod"


@pytest.mark.parametrize(
    "source",
    [
        "import runpod\nrunpod.Endpoint('x').run_sync({})",
        "import other\nother.serverless.start({})",
        "from mine import serverless\nserverless.start({})",
        "from .runpod import serverless\nserverless.start({})",
        "'''import runpod\nrunpod.serverless.start({})'''",
        "import runpod.cli as runpodcli\nruntime = runpodcli.serverless",
    ],
)
def test_what_only_looks_like_a_worker_is_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"calls runpod\.serverless\.start"):
        kind_of(bundle_of(tmp_path, {"work.py": source}))


def test_a_decorated_handler_beside_a_worker_wins(tmp_path: Path) -> None:
    assert kind_of(bundle_of(tmp_path, {"main.py": HELLO, "old.py": STARTS})) == "decorated"


def test_the_program_is_the_one_file_that_starts_a_worker(tmp_path: Path) -> None:
    assert program_in(tmp_path, main="import src.work", src__work=STARTS) == "src/work.py"


def test_of_several_the_dockerfile_chooses(tmp_path: Path) -> None:
    dockerfile = 'FROM python\n# CMD python a.py\nADD src .\nCMD [ "python", \\\n  "-u", "/app/deep/b.py" ]\n'
    assert (
        program_in(tmp_path, handler=STARTS, a=STARTS, b=STARTS, deep__b=STARTS, Dockerfile=dockerfile) == "deep/b.py"
    )


def test_of_several_the_usual_names_come_first_and_then_the_nearest(tmp_path: Path) -> None:
    assert program_in(tmp_path / "1", a=STARTS, src__handler=STARTS, main=STARTS) == "src/handler.py"
    assert program_in(tmp_path / "2", a=STARTS, rp_handler=STARTS, x__rp_handler=STARTS) == "rp_handler.py"
    assert program_in(tmp_path / "3", a=STARTS, tests__b=STARTS) == "a.py"


def test_where_it_is_not_plain_the_refusal_says_how_to_choose(tmp_path: Path) -> None:
    with pytest.raises(DeploymentRefused, match=r"a\.py, b\.py") as caught:
        program_in(tmp_path, a=STARTS, b=STARTS)
    assert "handler.py" in caught.value.hint
    assert "CMD" in caught.value.hint


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({}, ["runpod"]),
        ({"requirements.txt": "numpy"}, ["numpy", "runpod"]),
        ({"requirements.txt": "RunPod == 1.7.9"}, ["RunPod == 1.7.9"]),
        ({"src/requirements.txt": "runpod>=1\ntorch"}, ["runpod>=1", "torch"]),
        (
            {"Dockerfile": "COPY ./builder/requirements.txt /r.txt", "builder/requirements.txt": "runpod~=1.9"},
            ["runpod~=1.9"],
        ),
        ({"Dockerfile": "COPY .build/requirements.txt /", ".build/requirements.txt": "runpod~=1.8"}, ["runpod~=1.8"]),
        (
            {"Dockerfile": "ADD ./builder/requirements.txt /r.txt", "builder/requirements.txt": "runpod~=1.9"},
            ["runpod~=1.9"],
        ),
        ({"Dockerfile": "COPY ../requirements.txt /etc/requirements.txt", "builder/requirements.txt": "x"}, ["runpod"]),
    ],
)
def test_requirements_are_read_where_such_folders_have_them(
    files: dict[str, str], lines: list[str], tmp_path: Path
) -> None:
    source = SourceTree.read(bundle_of(tmp_path, {"src/work.py": STARTS, **files}))
    kind = recognise(source)
    found = read_requirements(
        tmp_path, kind.requirements(source), lines=kind.requirement_lines(source), usual=kind.usual
    )
    assert list(found.lines) == lines


def test_a_script_block_of_the_program_counts(tmp_path: Path) -> None:
    block = '# /// script\n# dependencies = ["runpod==1.9.1", "pillow"]\n# ///\n'
    source = SourceTree.read(bundle_of(tmp_path, {"work.py": block + STARTS}))
    assert RunPodWorker().requirements(source) == ("runpod==1.9.1", "pillow")


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("my-worker", "my-worker"),
        ("My Worker (2).tar.gz", "My-Worker-2"),
        ("handler.py", "handler"),
        ("worker.v2.zip", "worker-v2"),
        ("", "worker"),
        ("…", "worker"),
        ("x" * 100, "x" * 63),
    ],
)
def test_the_endpoint_is_named_after_the_upload(filename: str, name: str) -> None:
    assert name_of(filename) == name


def test_nothing_but_kind_and_text_is_believed_of_the_program() -> None:
    told = {
        "endpoints": [{"name": "other/name", "module": "x", "qualname": "y", "kind": "generator", "description": "d"}]
    }
    (found,) = endpoints_in(told, "runpod", Program("src/work.py", "mine"))
    assert (found.name, found.handler, found.kind, found.host) == (
        "mine",
        "src/work.py",
        HandlerKind.GENERATOR,
        "runpod",
    )


# -- the rehearsal, with a stand-in for the package, as only `start` matters here ----------------------------------------

PACKAGE = {
    "runpod/__init__.py": "from . import serverless\n",
    "runpod/serverless.py": "def start(config):\n    raise AssertionError('the real one must not run')\n",
}


def rehearse(folder: Path, program: str, **files: str) -> dict[str, object]:
    bundle_of(folder, {**PACKAGE, "handler.py": program, **{f"{name}.py": text for name, text in files.items()}})
    told: list[str] = []
    answer = asyncio.run(load(Path(sys.executable), folder, "handler.py", timeout=30, on_output=told.append))
    (endpoint,) = answer["endpoints"]
    return {**endpoint, "printed": told}


def refusal(folder: Path, program: str) -> BuildFailed:
    with pytest.raises(BuildFailed) as caught:
        rehearse(folder, program)
    return caught.value


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("def handler(job): return 1", "sync"),
        ("async def handler(job): return 1", "async"),
        ("def handler(job): yield 1", "generator"),
        ("async def handler(job): yield 1", "async_generator"),
        ("class Handler:\n    async def __call__(self, job): ...\nhandler = Handler()", "async"),
        ("import functools\nasync def f(a, job): ...\nhandler = functools.partial(f, 1)", "async"),
    ],
)
def test_the_kind_of_a_handler_is_learnt_by_running_up_to_its_start(handler: str, kind: str, tmp_path: Path) -> None:
    program = (
        f"import runpod\n{handler}\nif __name__ == '__main__':\n    runpod.serverless.start({{'handler': handler}})\n"
    )
    assert rehearse(tmp_path, program)["kind"] == kind


def test_a_start_that_is_bound_early_is_replaced_too_and_what_follows_it_is_not_run(tmp_path: Path) -> None:
    program = """
        import os, sys, threading, time
        from runpod.serverless import start
        import helper
        print("noise", sys.argv == [__file__], helper.WORD, os.path.exists("handler.py"))
        threading.Thread(target=time.sleep, args=(60,)).start()
        try:
            start({"handler": lambda job: job})
        finally:
            raise SystemExit("too far")
    """
    told = rehearse(tmp_path, program, helper="WORD = 'found'")
    assert told["kind"] == "sync"
    assert told["printed"] == ["noise True found True"]


def test_it_runs_in_a_copy_so_that_nothing_it_writes_is_left(tmp_path: Path) -> None:
    program = "import runpod\nopen('written', 'w').close()\nrunpod.serverless.start({'handler': print})\n"
    rehearse(tmp_path, program)
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import runpod\nrunpod.serverless.start({})", "without a handler"),
        ("import runpod\nrunpod.serverless.start()", "without a configuration"),
        ("import runpod\nrunpod.serverless.start({'handler': 'main'})", "can't be called: it is str"),
        (
            "import runpod\nif False:\n    runpod.serverless.start({})",
            "has ended without calling runpod.serverless.start",
        ),
        ("import runpod, nothing_like_this", "No module named 'nothing_like_this'"),
        ("import sys, runpod\nsys.exit('not here')", "SystemExit: not here"),
    ],
)
def test_a_program_that_would_be_no_worker_is_refused_with_the_reason(program: str, said: str, tmp_path: Path) -> None:
    assert said in refusal(tmp_path, program).detail


def test_who_installs_by_a_dockerfile_is_told_that_this_is_not_done_here(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("RUN pip install websocket-client\n")
    assert "RUN of a Dockerfile" in refusal(tmp_path, "import runpod, nothing_like_this").hint


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        ("", []),
        ("FROM x\nCMD python -u /handler.py", []),
        ('ENTRYPOINT ["/opt/entrypoint.sh"]\nCMD ["python3", "/src/handler.py"]', []),
        ('CMD ["/start.sh"]', ["starts `/start.sh`, which is not run here: src/handler.py is started"]),
        ("CMD one\nENTRYPOINT bash -c 'server & run'", ["starts `bash -c server run`"]),
        ("# CMD /start.sh\n# ENV A=1", []),
        ("ENV PYTHONUNBUFFERED=1 DEBIAN_FRONTEND=noninteractive\nENV PATH=/opt/bin:$PATH", []),
        (
            'ENV MODEL_NAME="a b=c" \\\n    HF_HOME=/cache\nenv LIMIT 5 a=b\nENV HF_HOME=/other',
            [": MODEL_NAME, HF_HOME, LIMIT."],
        ),
        ("ENV LIMIT 5", [": LIMIT."]),
        ("ENV  \nENV\nCMD", []),
        ('ENV A=\'it\' B="x\\"y" C=d\\ E=f', [": A, B, C."]),
        ("ENV " + " ".join(f"V{number}=1" for number in range(9)), [": V0, V1, V2, V3, V4, V5, V6, V7, …."]),
        ('ENV A=1\nCMD ["/start.sh"]', ["starts `/start.sh`", ": A."]),
        ("ADD src .\nADD --chown=1:1 requirements.txt /r.txt\nCOPY https://not.fetched/by-copy .", []),
        (
            "add --checksum=sha256:1 https://me:hush@hub.example/tiny.bin?token=hush /models/",
            ["https://hub.example/tiny.bin, "],
        ),
        ('ADD ["git@hub.example:a/b.git", "/b"]', ["git@hub.example:a/b.git, "]),
    ],
)
def test_what_a_dockerfile_does_besides_is_said_to_be_left_out(
    dockerfile: str, said: list[str], tmp_path: Path
) -> None:
    bundle_of(tmp_path, {"src/handler.py": STARTS, "Dockerfile": dockerfile})
    told = RunPodWorker().warnings(SourceTree.read(tmp_path))
    assert len(told) == len(said)
    assert all(part in text for part, text in zip(said, told, strict=True)), told
    assert "hush" not in str(told)


def test_what_a_dockerfile_sets_and_was_given_is_not_missed(tmp_path: Path) -> None:
    bundle_of(tmp_path, {"handler.py": STARTS, "Dockerfile": "ENV MODEL=a LIMIT=5\n"})
    source = SourceTree.read(tmp_path)
    (told,) = RunPodWorker().warnings(source, {"MODEL"})
    assert told.endswith(": LIMIT.")
    assert "--env NAME=VALUE" in told
    assert RunPodWorker().warnings(source, {"MODEL", "LIMIT"}) == ()


def test_a_fault_is_told_with_the_authors_own_lines(tmp_path: Path) -> None:
    error = refusal(tmp_path, "import runpod\n\ndef model():\n    return 1 / 0\n\nmodel()\n")
    assert 'File "handler.py", line 6, in <module>' in error.detail
    assert "rehearsal" not in error.detail
    assert str(tmp_path) not in error.detail


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, "import os, runpod\nos.environ['MODEL_ID']\n")
    assert "environment variable MODEL_ID" in error.hint
    assert "--env MODEL_ID=VALUE" in error.hint


def test_a_key_that_is_missing_elsewhere_is_no_variable(tmp_path: Path) -> None:
    error = refusal(tmp_path, "import os, runpod\n{**os.environ}['MODEL_ID']\n")
    assert ("KeyError" in error.detail, "environment variable" in error.hint) == (True, False)


def test_a_program_that_does_not_come_to_its_start_is_ended(tmp_path: Path) -> None:
    bundle_of(tmp_path, {**PACKAGE, "handler.py": "import runpod, time\ntime.sleep(600)\nrunpod.serverless.start({})"})
    with pytest.raises(BuildFailed, match=r"handler\.py did not start its worker within 0\.5 s"):
        asyncio.run(load(Path(sys.executable), tmp_path, "handler.py", timeout=0.5, on_output=print))


# -- the builder as a whole, with a wheel in the bundle in the package's place ---------------------------------------------

WHEEL = "runpod-1.0-py3-none-any.whl"
MODULE = """
import sys, types
__path__ = []
serverless = sys.modules["runpod.serverless"] = types.ModuleType("runpod.serverless")
"""


def build(data: Path, program: str, *, is_image: bool = False, env: TrialEnv | None = None) -> Built:
    archive = data / "upload.zip"
    data.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("src/handler.py", program)
        packed.writestr("requirements.txt", f"./{WHEEL}\n")
        packed.writestr(WHEEL, wheel("runpod", MODULE))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()

    async def whole() -> Built:
        builder = LocalBuilder(data)
        bundle = await builder.unpack(archive, "my worker.zip", digest)
        return await builder.build(bundle, print, print, filename="my worker.zip", is_image=is_image, env=env)

    return asyncio.run(asyncio.wait_for(whole(), 100))


def test_the_builder_makes_one_endpoint_of_a_folder(tmp_path: Path) -> None:
    built = build(
        tmp_path / "data", "import runpod\ndef f(job):\n    yield job\nrunpod.serverless.start({'handler': f})\n"
    )
    (endpoint,) = built.endpoints
    assert (endpoint.name, endpoint.host, endpoint.handler) == ("my-worker", "runpod", "src/handler.py")
    assert (endpoint.kind, built.warnings) == (HandlerKind.GENERATOR, ())


def test_a_program_is_tried_with_what_its_workers_will_find(tmp_path: Path) -> None:
    program = """
        import os, runpod
        assert os.environ["MODEL_ID"] == "tiny" and os.environ["HOME"] != "/elsewhere", dict(os.environ)
        runpod.serverless.start({"handler": print})
    """
    asked: list[tuple[str, ...]] = []

    async def env(names: Sequence[str]) -> Mapping[str, str]:
        asked.append(tuple(names))
        return {"MODEL_ID": "tiny", "HOME": "/elsewhere"}

    built = build(tmp_path / "data", textwrap.dedent(program), env=env)
    assert (asked, len(built.endpoints)) == ([("my-worker",)], 1)


def test_only_an_image_may_miss_a_variable_that_a_template_sets(tmp_path: Path) -> None:
    program = "import os, runpod\nos.environ['MODEL_ID']\nrunpod.serverless.start({'handler': print})\n"
    built = build(tmp_path / "data", program, is_image=True)
    assert [(each.name, each.kind) for each in built.endpoints] == [("my-worker", HandlerKind.SYNC)]
    (warning,) = built.warnings
    assert "environment variable MODEL_ID" in warning
    with pytest.raises(BuildFailed, match="KeyError: 'MODEL_ID'"):
        build(tmp_path / "data", program)
