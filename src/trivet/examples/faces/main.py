"""Finds the faces in a picture: binary input, with a detector that OpenCV ships."""

from __future__ import annotations

from dataclasses import dataclass

import trivet


@dataclass
class Face:
    """A square around a face, in pixels from the upper left corner of the picture."""

    x: int
    y: int
    width: int
    height: int


# OpenCV 5 has no cascade classifier any more.
@trivet.endpoint(name="faces", workers=(0, 2), timeout=60, requirements=["opencv-python-headless>=4.8,<5"])
class FaceFinder:
    """Finds the faces in a picture (JPEG, PNG, WebP, …)."""

    def setup(self) -> None:
        """Loads the detector, once in the life of a worker."""
        # Here and not above: what reads this file to find the endpoint needs no OpenCV.
        import cv2

        self.cv2 = cv2
        self.detector = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")

    def __call__(self, picture: bytes) -> list[Face]:
        """Returns a square for each face in ``picture``, the largest first."""
        import numpy as np

        pixels = self.cv2.imdecode(np.frombuffer(picture, np.uint8), self.cv2.IMREAD_GRAYSCALE) if picture else None
        if pixels is None:
            raise ValueError("these bytes are no picture that can be read; send a JPEG, PNG or WebP file")
        found = self.detector.detectMultiScale(pixels, scaleFactor=1.1, minNeighbors=5, minSize=(30, 30))
        faces = [Face(*(int(side) for side in square)) for square in found]
        return sorted(faces, key=lambda face: face.width, reverse=True)
