"""What a process that workers share may take."""

import subprocess
import sys

_TRIES = """
import mmap, os
from trivet.worker.shared import bound_memory
bound_memory()
total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
def take(share):
    try:
        mmap.mmap(-1, total * share // 10, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return "refused"
    return "given"
print(take(3), take(6))
"""


def test_no_more_than_half_of_the_machines_memory_is_given_to_it():
    said = subprocess.run([sys.executable, "-c", _TRIES], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split() == ["given", "refused" if sys.platform == "linux" else "given"]
