"""Keeps the algorithm that calls us up to date."""

import Algorithmia


def ensure(client: Algorithmia.Client, name: str) -> None:
    algo = client.algo(name)
    if not algo.exists():
        algo.create({"label": "Nightly"}, {"source_visibility": "closed", "package_set": "python38"})
    build = algo.compile()
    print(algo.get_build_logs(build["build_id"]) if "build_id" in build else build)
    algo.publish(version_info={"version_type": "minor", "release_notes": "as every night"})
    print([version["version_info"]["semantic_version"] for version in algo.versions(limit=3)["results"]])
