"""Sees to it that each of our endpoints is there, and that none has more workers than it may."""

import argparse
import json
import os
import sys

import runpod as rp
import spare
from runpod.api.graphql import run_graphql_query
from runpod.error import AuthenticationError, QueryError

SCALE = """
mutation {{ saveEndpoint(input: {{ id: "{id}", name: "{name}", templateId: "{template}", gpuIds: "AMPERE_16",
  workersMin: {least}, workersMax: {most} }}) {{ id workersMin workersMax }} }}
"""


def endpoints() -> dict:
    return {endpoint["name"]: endpoint for endpoint in rp.get_endpoints()}


def ensure(name: str, wanted: dict) -> str:
    known = endpoints()
    if name in known:
        return known[name]["id"]
    template = rp.create_template(
        name=f"{name}-{wanted['image'].rpartition(':')[2]}",
        image_name=wanted["image"],
        container_disk_in_gb=wanted.get("disk", 20),
        env=wanted.get("env", {}),
        is_serverless=True,
    )
    made = rp.create_endpoint(
        name=name,
        template_id=template["id"],
        gpu_ids=wanted.get("gpus", "AMPERE_16"),
        idle_timeout=wanted.get("idle", 5),
        scaler_type="QUEUE_DELAY",
        scaler_value=4,
        workers_min=0,
        workers_max=wanted.get("most", 3),
    )
    print(f"{name}: made as {made['id']}")
    return made["id"]


def roll_out(name: str, image: str) -> None:
    template = rp.create_template(name=f"{name}-{image.rpartition(':')[2]}", image_name=image, is_serverless=True)
    rp.update_endpoint_template(endpoints()[name]["id"], template["id"])


def scale(name: str, least: int, most: int) -> None:
    endpoint = endpoints()[name]
    query = SCALE.format(id=endpoint["id"], name=name, template=endpoint["templateId"], least=least, most=most)
    print(run_graphql_query(query)["data"]["saveEndpoint"])


def show() -> None:
    for name, endpoint in sorted(endpoints().items()):
        health = rp.Endpoint(endpoint["id"]).health()
        print(f"{name:20} {endpoint['workersMax']:3} workers at most, {health['jobs']['inQueue']:5} jobs waiting")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--clear-pods", action="store_true")
    options = parser.parse_args()
    rp.api_key = os.environ["FLEET_KEY"]
    with open(options.settings) as file:
        wanted = json.load(file)
    try:
        for name, each in wanted.items():
            ensure(name, each)
        if options.clear_pods:
            spare.clear(set(wanted))
        if options.show:
            show()
    except AuthenticationError:
        print("the key is not accepted", file=sys.stderr)
        return 3
    except QueryError as error:
        print(f"{error}\n{error.query}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
