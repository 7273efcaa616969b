"""Programs read by their syntax."""

from __future__ import annotations

import textwrap

import pytest

from trivet.migrate import notebooks, reading
from trivet.migrate.support import Verdict, supports


def uses(program: str) -> list[str]:
    """Each use as ``line name``, with a mark behind what is not supported."""
    marks = {Verdict.UNSUPPORTED: " not", Verdict.UNCLEAR: " look", Verdict.LATER: " later"}
    found = reading.read(textwrap.dedent(program), "main.py", supports())
    return [f"{use.line} {use.name}{marks.get(use.verdict, '')}" for use in found]


def test_a_module_is_followed_through_its_aliases() -> None:
    assert uses(
        """
        import os, runpod as rp
        rp.api_key = os.environ["KEY"]
        endpoint = rp.Endpoint("a")
        print(endpoint.run_sync({}), endpoint.health())
        """
    ) == [
        "2 runpod",
        "3 runpod.api_key",
        "4 runpod.Endpoint",
        "5 Endpoint.run_sync",
        "5 Endpoint.health",
    ]


def test_names_are_followed_from_where_they_are_imported() -> None:
    assert uses(
        """
        from Algorithmia.acl import ReadAcl as Read
        from Algorithmia import client
        folder = client("key").dir("data://.my/a")
        folder.create(Read.private)
        """
    ) == [
        "2 Algorithmia.acl.ReadAcl",
        "3 Algorithmia.client",
        "4 Algorithmia.client",
        "4 Client.dir",
        "5 DataDirectory.create",
    ]


def test_what_a_call_returns_is_followed() -> None:
    assert uses(
        """
        import Algorithmia
        print(Algorithmia.client("key").algo("a/b").set_options(timeout=3).pipe("x").result)
        for file in Algorithmia.dir("data://.my/a").files():
            file.getJson()
        names = [file.getName() for file in Algorithmia.dir("data://.my/a").files()]
        """
    ) == [
        "2 Algorithmia",
        "3 Algorithm.pipe",
        "3 Algorithm.set_options",
        "3 Algorithmia.client",
        "3 Client.algo",
        "4 Algorithmia.dir",
        "4 DataDirectory.files",
        "5 DataFile.getJson",
        "6 DataFile.getName",
        "6 Algorithmia.dir",
        "6 DataDirectory.files",
    ]


def test_objects_are_followed_through_functions_classes_and_statements() -> None:
    assert uses(
        """
        from __future__ import annotations
        import runpod
        from jaqpot_python_sdk import JaqpotApiClient

        class Caller:
            def __init__(self) -> None:
                self.endpoint: runpod.Endpoint = runpod.Endpoint("a")

            def call(self):
                return self.endpoint.run({}).output()

        def predict(client: JaqpotApiClient | None, other: "JaqpotApiClient", *, third: Optional[JaqpotApiClient] = None):
            client.predict_sync(1, [])
            other.predict_async(1, [])
            third.get_dataset_by_id(1).result
            (lambda: client.search_models("x"))()

        def late():
            return shared.health()

        async def stream():
            job = await runpod.AsyncioEndpoint("a").run({})
            async for piece in job.stream():
                print(piece)

        if (shared := runpod.Endpoint("b")):
            with JaqpotApiClient() as entered:
                entered.get_shared_models()
        """
    ) == [
        "3 runpod",
        "4 jaqpot_python_sdk.JaqpotApiClient",
        "8 runpod.Endpoint",
        "8 runpod.Endpoint",
        "11 Endpoint.run",
        "11 Job.output",
        "13 jaqpot_python_sdk.JaqpotApiClient",
        "13 jaqpot_python_sdk.JaqpotApiClient",
        "14 JaqpotApiClient.predict_sync",
        "15 JaqpotApiClient.predict_async",
        "16 JaqpotApiClient.get_dataset_by_id",
        "17 JaqpotApiClient.search_models",
        "20 Endpoint.health",
        "23 AsyncioEndpoint.run",
        "23 runpod.AsyncioEndpoint",
        "24 AsyncioJob.stream",
        "27 runpod.Endpoint",
        "28 jaqpot_python_sdk.JaqpotApiClient",
        "29 JaqpotApiClient.get_shared_models",
    ]


def test_a_name_that_is_bound_anew_is_no_use_any_more() -> None:
    assert uses(
        """
        import runpod
        endpoint = runpod.Endpoint("a")
        endpoint = print
        endpoint.run()
        def runpod(): ...
        runpod.start()
        a, b = 1, 2
        """
    ) == ["2 runpod", "3 runpod.Endpoint"]


def test_a_package_that_may_be_missing_is_still_followed() -> None:
    assert uses(
        """
        try:
            import runpod
        except ImportError:
            runpod = None
        if runpod:
            runpod.get_gpus()
        """
    ) == ["3 runpod", "7 runpod.get_gpus"]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("from runpod import *", ["1 runpod.* look"]),
        ("import importlib\nm = importlib.import_module('runpod')\nm.get_gpus()", ["2 runpod look", "3 runpod.get_gpus"]),
        ("m = __import__('Algorithmia')", ["1 Algorithmia look"]),
        ("patch('runpod.Endpoint.run')", ["1 runpod.Endpoint.run look"]),
        ("logging.getLogger('runpod').setLevel(10)", ["1 runpod look"]),
        ("print('runpod', 'runpod is good.', 'runpod.api_key')", []),
        ("import runpod\nrunpod.fly()", ["1 runpod", "2 runpod.fly look"]),
        ("import runpod.serverless\nrunpod.serverless.start({})", ["1 runpod.serverless", "2 runpod.serverless.start"]),
        ("from runpod.serverless.modules import rp_http", ["1 runpod.serverless.modules.rp_http not"]),
        ("import runpod.serverless.utils.rp_upload as u\nu.upload_image()",
         ["1 runpod.serverless.utils.rp_upload not", "2 runpod.serverless.utils.rp_upload.upload_image not"]),
        ("import jaqpotpy\njaqpotpy.Jaqpot().login()", ["1 jaqpotpy not", "2 jaqpotpy.Jaqpot not"]),
        ("from jaqpot_python_sdk import jaqpot_api_client", ["1 jaqpot_python_sdk.jaqpot_api_client look"]),
        ("import jaqpot_python_sdk.jaqpot_api_client\njaqpot_python_sdk.jaqpot_api_client.JaqpotApiClient()",
         ["1 jaqpot_python_sdk.jaqpot_api_client", "2 jaqpot_python_sdk.jaqpot_api_client.JaqpotApiClient look"]),
        ("import jaqpot_python_sdk.jaqpot_api_client as j\nj.JaqpotApiClient()",
         ["1 jaqpot_python_sdk.jaqpot_api_client", "2 jaqpot_python_sdk.jaqpot_api_client.JaqpotApiClient"]),
        ("from . import runpod\nrunpod.get_gpus()", []),
        ("from .runpod import Endpoint\nEndpoint('a')", []),
        ("import trivet.runpod as runpod\nrunpod.Endpoint('a')", []),
    ],
)  # fmt: skip
def test_what_can_not_be_told_and_what_is_not_there(program: str, told: list[str]) -> None:
    assert uses(program) == told


def test_a_verdict_has_its_reason_and_what_to_use_instead() -> None:
    (_, use) = reading.read("import runpod\nrunpod.serverless.VolumeCache()", "a.py", supports())
    assert (use.package, use.line, use.column) == ("runpod", 2, 1)
    assert use.why
    assert use.instead


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        reading.read("print 'runpod'", "a.py", supports())


def test_notebooks_are_read_cell_by_cell() -> None:
    document = """{"cells": [
        {"cell_type": "markdown", "source": "import runpod"},
        {"cell_type": "code", "source": ["!pip install runpod\\n", "%time\\n", "import runpod"]},
        {"cell_type": "code", "source": "if True:\\n    !ls\\nrunpod.get_gpus()\\nrunpod?"}
    ]}"""
    found = notebooks.read(document, "a.ipynb", supports())
    assert [(use.cell, use.line, use.name) for use in found] == [(2, 3, "runpod"), (3, 3, "runpod.get_gpus")]
    assert found[0].to_dict()["cell"] == 2


def test_cells_of_other_languages_and_commands_in_notebooks_do_not_stand_in_the_way() -> None:
    document = """{"cells": [
        {"cell_type": "code", "source": "%%bash\\nfor x in runpod; do echo $x; done"},
        {"cell_type": "code", "source": "%%time\\nimport runpod\\nfiles = !ls\\nspent = %time runpod.get_gpus()"},
        {"cell_type": "code", "source": "left = 7 %len(files)\\nrunpod.get_user()"}
    ]}"""
    found = notebooks.read(document, "a.ipynb", supports())
    assert [(use.cell, use.line, use.name) for use in found] == [(2, 2, "runpod"), (3, 2, "runpod.get_user")]


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": 5}'])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises((TypeError, ValueError)):
        notebooks.read(text, "a.ipynb", supports())
