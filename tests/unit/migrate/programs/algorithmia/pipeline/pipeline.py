"""Chains of algorithms, put together from a file of settings, with what they cost and how long they take."""

import argparse
import importlib
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import Algorithmia
from Algorithmia.algo_response import AlgoResponse
from Algorithmia.algorithm import OutputType
from Algorithmia.errors import AlgorithmException


class Step:
    def __init__(self, client: Algorithmia.Client, settings: dict):
        self.name = settings["algo"]
        self.argument = settings.get("argument")
        self.algo = client.algo(self.name).set_options(timeout=settings.get("timeout", 300), stdout=False)

    def ask(self, value):
        """The answer, once more where the algorithm itself failed."""
        for attempt in (1, 2, 3):
            try:
                return self.algo.pipe({self.argument: value} if self.argument else value)
            except AlgorithmException as error:
                if attempt == 3 or error.error_type != "SystemError":
                    raise
        return None

    def run(self, value):
        answer: AlgoResponse = self.ask(value)
        print(f"{self.name}: {answer.metadata.duration:.2f} s, {answer.metadata.content_type}", file=sys.stderr)
        return answer.result


class Pipeline:
    def __init__(self, settings: dict):
        self.client = Algorithmia.client(settings["key"], settings.get("address"))
        self.steps = [Step(self.client, step) for step in settings["steps"]]
        self.output = settings.get("output")

    def run(self, value):
        for step in self.steps:
            value = step.run(value)
        if self.output:
            self.keep(value)
        return value

    def keep(self, value):
        file = self.client.file(self.output)
        if isinstance(value, bytes):
            file.put(value)
        else:
            file.putJson(value)

    def many(self, values, at_once=4):
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.run, values))

    def close(self):
        self.client.requestSession.close()


def plugin(name: str):
    """A pipeline that a module of somebody else's makes; the client it uses is ours."""
    module = importlib.import_module("Algorithmia")
    return importlib.import_module(name).build(module.client())


def raw(client: Algorithmia.Client, name: str, path: str) -> None:
    """Sends a file as it is, and writes what comes back as it is."""
    with open(path, "rb") as file:
        answer = client.algo(name).set_options(output=OutputType.raw).pipe(bytearray(file.read()))
    sys.stdout.buffer.write(answer if isinstance(answer, bytes) else answer.encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=argparse.FileType())
    parser.add_argument("values", nargs="+")
    options = parser.parse_args()
    pipeline = Pipeline(json.load(options.settings))
    try:
        for answer in pipeline.many(options.values):
            print(json.dumps(answer))
    except AlgorithmException as error:
        print(f"{error.error_type}: {error}\n{error.stack_trace}", file=sys.stderr)
        return 1
    finally:
        pipeline.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
