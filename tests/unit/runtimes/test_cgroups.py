"""Control groups of both versions, on folders made as the kernel lays them out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trivet.platform.runtimes.cgroups import Cgroup, CgroupTree, find_cgroups

NOBODY = 2**22 + 1  # above the highest number that a process can have


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def own(tmp_path: Path, *lines: str) -> Path:
    return write(tmp_path / "self-cgroup", "".join(f"{line}\n" for line in lines))


def test_version_1_uses_the_groups_of_this_process(root: Path, tmp_path: Path) -> None:
    write(root / "memory/user/cgroup.procs")
    write(root / "pids/cgroup.procs")
    tree = find_cgroups(root, own(tmp_path, "5:pids:/", "4:cpu,memory:/user"))
    assert tree is not None
    assert tree.version == 1
    group = tree.make("w1", memory=64 * 2**20, processes=50)
    name = f"trivet-{os.getpid()}-w1"
    assert group == Cgroup(root / "memory/user" / name, (root / "pids" / name,))
    assert (group.memory / "memory.limit_in_bytes").read_text() == str(64 * 2**20)
    assert (root / "pids" / name / "pids.max").read_text() == "50"


def test_a_path_of_the_host_means_the_top_in_a_container(root: Path, tmp_path: Path) -> None:
    write(root / "memory/cgroup.procs")
    tree = find_cgroups(root, own(tmp_path, "4:memory:/docker/0123"))
    assert tree is not None
    group = tree.make("w1", memory=None, processes=None)
    assert group is not None
    assert group.memory.parent == root / "memory"


def test_version_2_with_a_controller_handed_on_is_used(root: Path, tmp_path: Path) -> None:
    write(root / "svc/cgroup.procs")
    write(root / "svc/cgroup.subtree_control", "memory pids")
    tree = find_cgroups(root, own(tmp_path, "0::/svc"))
    assert tree is not None
    assert tree.version == 2
    group = tree.make("w1", memory=64 * 2**20, processes=50)
    assert group is not None
    assert {name: (group.memory / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")} == {
        "memory.max": str(64 * 2**20),
        "memory.swap.max": "0",
        "pids.max": "50",
    }


def test_version_2_is_prepared_where_the_server_is_alone_in_its_group(root: Path, tmp_path: Path) -> None:
    write(root / "svc/cgroup.procs", f"{os.getpid()}\n")
    write(root / "svc/cgroup.subtree_control")
    write(root / "svc/cgroup.controllers", "cpu memory pids")
    assert find_cgroups(root, own(tmp_path, "0::/svc")) is not None
    assert (root / "svc/trivet-server/cgroup.procs").read_text() == str(os.getpid())
    assert (root / "svc/cgroup.subtree_control").read_text() == "+memory +pids"


@pytest.mark.parametrize(
    ("controllers", "procs"),
    [("cpu memory", f"{os.getpid()}\n1\n"), ("cpu io", f"{os.getpid()}\n"), ("", "")],
    ids=["others are in it", "no controller for memory", "nothing in it"],  # the same in every process
)
def test_version_2_is_left_alone_where_it_is_not_ours(controllers: str, procs: str, root: Path, tmp_path: Path) -> None:
    write(root / "svc/cgroup.procs", procs)
    write(root / "svc/cgroup.subtree_control")
    write(root / "svc/cgroup.controllers", controllers)
    assert find_cgroups(root, own(tmp_path, "0::/svc")) is None
    assert not (root / "svc/trivet-server").exists()


def test_no_control_groups_are_no_error(root: Path, tmp_path: Path) -> None:
    assert find_cgroups(root, tmp_path / "absent") is None
    assert find_cgroups(root, own(tmp_path, "nonsense", "0::/")) is None


@pytest.mark.parametrize(
    ("file", "text", "ran_out"),
    [
        ("memory.events", "low 0\noom 1\noom_kill 1\n", True),
        ("memory.events", "low 0\noom 3\noom_kill 0\n", False),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", False),
        ("other", "", False),
    ],
)
def test_whether_the_kernel_killed_for_memory_is_read(file: str, text: str, ran_out: bool, root: Path) -> None:
    write(root / file, text)
    assert Cgroup(root).ran_out() is ran_out


def test_processes_that_can_not_be_seen_are_no_members(root: Path) -> None:
    write(root / "cgroup.procs", "0\n41\n0\n42\n")
    assert Cgroup(root).members() == {41, 42}


def test_only_groups_of_dead_servers_are_left_over(root: Path) -> None:
    for name in (f"trivet-{NOBODY}-w1", f"trivet-{os.getpid()}-w2", "trivet-server", "other"):
        (root / name).mkdir(parents=True)
    assert list(CgroupTree(root, None, 2).leftovers()) == [Cgroup(root / f"trivet-{NOBODY}-w1")]


def test_a_limit_that_can_not_be_set_means_no_group(root: Path) -> None:
    write(root, "a file where a folder should be")
    assert CgroupTree(root, None, 1).make("w1", memory=1, processes=1) is None


def test_a_process_enters_every_group_and_a_limit_can_come_later(root: Path, tmp_path: Path) -> None:
    write(root / "memory/cgroup.procs")
    write(root / "pids/cgroup.procs")
    tree = find_cgroups(root, own(tmp_path, "5:pids:/", "4:memory:/"))
    assert tree is not None
    group = tree.make("spare", memory=None, processes=None)
    assert group is not None
    group.enter(41)
    assert [entrance.read_text() for entrance in group.entrances] == ["41", "41"]
    tree.limit(group, 64 * 2**20)
    assert (group.memory / "memory.limit_in_bytes").read_text() == str(64 * 2**20)


def test_a_group_that_is_gone_can_not_be_entered(root: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        Cgroup(root / "gone").enter(41)
