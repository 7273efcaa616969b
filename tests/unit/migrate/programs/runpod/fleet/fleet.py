"""Sees to it that each of our endpoints is there, and that none has more workers than it may."""

import sys

import runpod as rp
from runpod.error import AuthenticationError, QueryError


def ensure(name: str, image: str) -> str:
    known = {endpoint["name"]: endpoint for endpoint in rp.get_endpoints()}
    if name in known:
        return known[name]["id"]
    template = rp.create_template(name=name, image_name=image, is_serverless=True)
    return rp.create_endpoint(name=name, template_id=template["id"], workers_min=0, workers_max=3)["id"]


def main() -> int:
    try:
        print(ensure("whisper", "registry.example/whisper:3"))
        print(rp.Endpoint("whisper").health())
    except AuthenticationError:
        return 3
    except QueryError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
