"""Calls a model with Jaqpot's published SDK, again and again, and prints how long each call took, in seconds.

python jaqpot_caller.py URL KEY SECRET MODEL TIMES < ROWS
"""

import json
import sys
import time

from jaqpot_python_sdk.jaqpot_api_client import JaqpotApiClient


def main():
    url, key, secret, model, times = sys.argv[1:]
    rows = json.load(sys.stdin)
    client = JaqpotApiClient(api_url=url, api_key=key, api_secret=secret)
    took = []
    for _ in range(int(times)):
        began = time.perf_counter()
        result = client.predict_sync(model_id=int(model), dataset=rows)
        took.append(time.perf_counter() - began)
        if len(result) != len(rows):
            raise SystemExit(f"{len(result)} result rows for {len(rows)} rows")
    print(json.dumps(took))


if __name__ == "__main__":
    main()
