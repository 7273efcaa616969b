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
        ("import runpod.serverless.modules.rp_http as u\nu.send_result()",
         ["1 runpod.serverless.modules.rp_http not", "2 runpod.serverless.modules.rp_http.send_result not"]),
        ("import runpod\nrunpod.stop_pod('a')", ["1 runpod", "2 runpod.stop_pod not"]),
        ("import sys\nsys.modules['runpod'] = None", ["2 runpod look"]),
        ("monkeypatch.setitem(sys.modules, 'runpod', fake)", ["1 runpod look"]),
        ("patch.dict('sys.modules', {'runpod': None})", ["1 runpod look"]),
        ("patch('runpod.stop_pod')", ["1 runpod.stop_pod not"]),
        ("import runpod\ngetattr(runpod, 'Endpoint')('a').run({})", ["1 runpod", "2 Endpoint.run", "2 runpod.Endpoint"]),
        ("import runpod\nmonkeypatch.setattr(runpod, 'get_gpus', None)", ["1 runpod", "2 runpod.get_gpus"]),
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
    (_, use) = reading.read("import runpod\nrunpod.serverless.log()", "a.py", supports())
    assert (use.package, use.line, use.column) == ("runpod", 2, 1)
    assert use.why
    assert use.instead


def test_a_text_is_told_what_to_write_there_and_a_star_what_to_import() -> None:
    (text,) = reading.read("patch('Algorithmia.algorithm.Algorithm.pipe')", "a.py", supports())
    assert text.instead == 'write "trivet.algorithmia.algorithm.Algorithm.pipe" there'
    star, *used = reading.read("from runpod import *\nEndpoint('a').run({})\nget_gpus()", "a.py", supports())
    assert (star.verdict, star.instead) == (Verdict.UNCLEAR, "from trivet.runpod import Endpoint, get_gpus")
    assert [use.name for use in used] == ["Endpoint.run", "runpod.Endpoint", "runpod.get_gpus"]


def test_what_functions_of_the_program_return_is_followed() -> None:
    assert uses(
        """
        import runpod
        def make():
            endpoint = runpod.Endpoint("a")
            return endpoint
        def named() -> "runpod.Endpoint": ...
        @contextmanager
        def held():
            yield make()
        def endless():
            return endless()
        make().purge_queue()
        named().health()
        with held() as endpoint:
            endpoint.run_sync({})
        endless().health()
        """
    ) == [
        "2 runpod",
        "4 runpod.Endpoint",
        "6 runpod.Endpoint",
        "12 Endpoint.purge_queue",
        "13 Endpoint.health",
        "15 Endpoint.run_sync",
    ]


def test_what_objects_of_the_program_hold_is_followed() -> None:
    assert uses(
        """
        import runpod
        class Above:
            shared: runpod.Endpoint
            def use(self):
                self.endpoint.run({})
                self.lazy.health()
                self.made().purge_queue()
            def __init__(self):
                self.endpoint = runpod.Endpoint("a")
            @property
            def lazy(self):
                return self.endpoint
            def made(self):
                return self.shared
        class Below(Above):
            def more(self):
                self.endpoint.fly()
        Below().endpoint.sink()
        """
    ) == [
        "2 runpod",
        "4 runpod.Endpoint",
        "6 Endpoint.run",
        "7 Endpoint.health",
        "8 Endpoint.purge_queue",
        "10 runpod.Endpoint",
        "18 Endpoint.fly look",
        "19 Endpoint.sink look",
    ]


def test_what_collections_hold_is_followed() -> None:
    assert uses(
        """
        import runpod
        endpoint = runpod.Endpoint("a")
        jobs = [endpoint.run(each) for each in range(3)]
        for number, job in enumerate(jobs):
            job.status()
        jobs[0].cancel()
        by_name = {name: endpoint.run({}) for name in "ab"}
        for name, job in by_name.items():
            job.output()
        by_name["a"].stream()
        def later(many: list[runpod.Endpoint], perhaps: dict[str, runpod.Endpoint]):
            many[0].health()
            for one in perhaps.values():
                one.purge_queue()
        """
    ) == [
        "2 runpod",
        "3 runpod.Endpoint",
        "4 Endpoint.run",
        "6 Job.status",
        "7 Job.cancel",
        "8 Endpoint.run",
        "10 Job.output",
        "11 Job.stream",
        "12 runpod.Endpoint",
        "12 runpod.Endpoint",
        "13 Endpoint.health",
        "15 Endpoint.purge_queue",
    ]


def test_annotations_of_all_shapes_are_read() -> None:
    assert uses(
        """
        from runpod import Endpoint, Job
        def f(a: tuple[()], b: "not python", c: Annotated[Endpoint, 1], d: "Endpoint | None", *e: Job, g: Unknown[Job], h: 5 = 1):
            a.run(), b.run(), c.run({}), d.health(), g.status(), h.run()
        """
    ) == [
        "2 runpod.Endpoint", "2 runpod.Job",
        "3 runpod.Endpoint", "3 runpod.Endpoint", "3 runpod.Job",
        "4 Endpoint.run", "4 Endpoint.health",
    ]  # fmt: skip


def test_a_name_that_may_be_another_is_still_followed() -> None:
    assert uses(
        """
        from typing import TYPE_CHECKING
        if TYPE_CHECKING:
            import runpod
        try:
            import runpod as rp
        except ImportError:
            from vendor import rp
        endpoint = rp.Endpoint("a") if rp else None
        match endpoint:
            case None:
                endpoint = print
        def set_up():
            global shared
            shared = endpoint
        def use(rp, *endpoint, **more):
            shared.health()
            rp.get_gpus()
            endpoint.fly()
        """
    ) == ["4 runpod", "6 runpod", "9 runpod.Endpoint", "17 Endpoint.health"]


def test_what_is_set_on_a_package_is_marked() -> None:
    found = reading.read("import runpod\nrunpod.api_key = 'a'\nprint(runpod.api_key)", "a.py", supports())
    assert [use.is_set for use in found] == [False, True, False]


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
    assert [(use.cell, use.line, use.name) for use in found] == [
        (2, 1, "runpod"), (2, 3, "runpod"), (3, 3, "runpod.get_gpus"),
    ]  # fmt: skip
    assert [use.is_requirement for use in found] == [True, False, False]
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
