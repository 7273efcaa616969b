import sys

import trivet


@trivet.endpoint(workers=(0, 1))
class Broken:
    def setup(self) -> None:
        print("looking for the model file", file=sys.stderr)
        raise FileNotFoundError("model.bin is not where it should be")

    def __call__(self, x: int) -> int:
        return x
