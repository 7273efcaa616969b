"""Finds the faces in pictures, and draws boxes around them: reads and writes hosted data, with a detector that OpenCV ships."""

from typing import Any

import Algorithmia
import cv2
import numpy as np
from Algorithmia import ADK

GREEN = (0, 255, 0)


def apply(request: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Finds the faces in each of ``images``: objects with ``url``, the data URI of a picture, and ``output``, where a copy of it
    with the boxes drawn is to be stored. Returns them with ``detected_faces``, boxes in pixels from the upper left corner.
    """
    images = request.get("images") if isinstance(request, dict) else None
    if not isinstance(images, list) or not all(isinstance(each, dict) and "url" in each for each in images):
        raise ValueError(
            'send an object with "images": a list of objects with "url", and "output" if a picture is wanted'
        )
    return {"images": [detect(each["url"], each.get("output"), **state) for each in images]}


def detect(url: str, output: str | None, client: Any, detector: Any) -> dict[str, Any]:
    """Finds the faces in one picture, and stores a picture of them where ``output`` says so."""
    picture = cv2.imdecode(np.frombuffer(client.file(url).getBytes(), np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{url} is no picture that can be read; store a JPEG, PNG or WebP file there")
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    found = detector.detectMultiScale(gray, scaleFactor=1.1, minNeighbors=5, minSize=(30, 30))
    boxes = [tuple(int(side) for side in box) for box in found]
    faces = [{"left": x, "top": y, "right": x + width, "bottom": y + height} for x, y, width, height in boxes]
    answer: dict[str, Any] = {"url": url, "detected_faces": faces}
    if output:
        for x, y, width, height in boxes:
            cv2.rectangle(picture, (x, y), (x + width, y + height), GREEN, 2)
        client.file(output).put(cv2.imencode(".png", picture)[1].tobytes())
        answer["output"] = output
    return answer


def load() -> dict[str, Any]:
    """What every call needs: the way to hosted data, and the detector."""
    path = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"
    return {"client": Algorithmia.client(), "detector": cv2.CascadeClassifier(path)}


ADK(apply, load).init()
