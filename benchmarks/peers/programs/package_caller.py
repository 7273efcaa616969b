"""Calls a platform by a client package, or by the module that takes its place, again and again.

python package_caller.py VERB MODULE WARM TIMES < INPUT

The input of every call is JSON. Where the platform is, and with which key, stands in the environment as each package reads it;
WHAT is the endpoint, algorithm or model that is called. Printed is JSON, in seconds: how long each call took behind the WARM
first ones (`took`), the processor time that one of them takes the client (`cpu`), and the processor time from the start of the
interpreter to the end of the first call of all (`first`), with what it has started: one of the packages does so at its import.
"""

import importlib
import json
import os
import resource
import sys
import time

PATIENCE = 60


def output(package, given):
    """RunPod's `run` and then its output."""
    endpoint = runpod_endpoint(package)
    return lambda: endpoint.run(given).output(timeout=PATIENCE)


def stream(package, given):
    """RunPod's `run` and then the first piece of its stream."""
    endpoint = runpod_endpoint(package)
    return lambda: next(iter(endpoint.run(given).stream()))


def run_sync(package, given):
    """RunPod's `run_sync`."""
    endpoint = runpod_endpoint(package)
    return lambda: endpoint.run_sync(given, timeout=PATIENCE)


def runpod_endpoint(package):
    package.api_key = os.environ["RUNPOD_API_KEY"]
    return package.Endpoint(os.environ["WHAT"])


def pipe(package, given):
    """Algorithmia's `pipe`."""
    algorithm = package.client().algo(os.environ["WHAT"])
    return lambda: algorithm.pipe(given).result


def predict_sync(package, given):
    """Jaqpot's `predict_sync`."""
    client = package.JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"])
    return lambda: client.predict_sync(model_id=int(os.environ["WHAT"]), dataset=given)


def used():
    """The processor time of this process and of what it has started."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


VERBS = {verb.__name__: verb for verb in (output, stream, run_sync, pipe, predict_sync)}


def main():
    verb, module, warm, times = sys.argv[1:]
    given = json.load(sys.stdin)
    call = VERBS[verb](importlib.import_module(module), given)
    if call() is None:
        raise SystemExit(f"{verb} gave nothing")
    first = used()
    for _ in range(int(warm) - 1):
        call()
    before, took = used(), []
    for _ in range(int(times)):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    print(json.dumps({"took": took, "cpu": (used() - before) / len(took), "first": first}))


if __name__ == "__main__":
    main()
