"""The same for streams: an asynchronous generator, whose job ends with the list of its pieces."""

import asyncio

from ledger import Execution

from trivet import runpod


async def handler(job):
    """Streams."""
    given = job["input"]
    execution = Execution(given["n"], given["ledger"])
    for i in range(given["count"]):
        await asyncio.sleep(given["seconds"])
        yield {"n": given["n"], "run": execution.run, "i": i}
    execution.write("end")


runpod.serverless.start({"handler": handler, "return_aggregate_stream": True})
