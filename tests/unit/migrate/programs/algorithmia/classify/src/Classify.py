"""An algorithm that says what is on a picture: by its address, or for a whole collection of them."""

import json
import zlib

import Algorithmia
from Algorithmia import ADK
from Algorithmia.acl import ReadAcl
from Algorithmia.errors import AlgorithmException, DataApiError

client = Algorithmia.client()

SIZE = 224
COLLECTION = "data://.algo/classify/results"


def load(modelData=None):
    """Called once, before the first request."""
    with client.file("data://vision/models/labels.json").getFile() as file:
        labels = json.load(file)
    weights = client.file("data://vision/models/weights.bin")
    if not weights.exists():
        raise AlgorithmException("the weights are not in the collection", "ModelError")
    return {"labels": labels, "weights": weights.getBytes(), "resize": client.algo("images/Resize/0.3.1")}


def check(input):
    if isinstance(input, str):
        return check({"image": input})
    if not isinstance(input, dict) or ("image" not in input and "collection" not in input):
        raise AlgorithmException("give `image` or `collection`", "InputError")
    input.setdefault("top", 3)
    input.setdefault("save", False)
    return input


def picture(address, state):
    """The bytes of a picture, small enough for the network."""
    file = client.file(address)
    if not file.exists():
        raise AlgorithmException(f"there is no {address}", "InputError")
    data = file.getBytes()
    if len(data) > 4 * SIZE * SIZE:
        small = state["resize"].pipe({"image": address, "size": SIZE}).result
        data = client.file(small["output"]).getBytes()
    return data


def predict(data, state, top):
    """Stands for the network: what it says depends on the picture and on the weights alone."""
    start = zlib.crc32(data + state["weights"])
    count = len(state["labels"])
    return [
        {"label": state["labels"][(start + rank) % count], "score": round(1 / (rank + 2), 3)}
        for rank in range(min(top, count))
    ]


def save(name, found):
    folder = client.dir(COLLECTION)
    if not folder.exists():
        folder.create(ReadAcl.private)
    try:
        return folder.file(name + ".json").putJson(found).path
    except DataApiError as error:
        return f"not saved: {error}"


def apply(input, state):
    """Called for each request."""
    wanted = check(input)
    if "image" in wanted:
        return {"found": predict(picture(wanted["image"], state), state, wanted["top"])}
    answers = {}
    for file in client.dir(wanted["collection"]).files():
        name = file.getName()
        if name.lower().endswith((".jpg", ".png")):
            answers[name] = predict(picture(file.path, state), state, wanted["top"])
    if wanted["save"]:
        return {"found": answers, "saved": save("all", answers)}
    return {"found": answers}


algorithm = ADK(apply, load)
algorithm.init({"image": "data://vision/samples/cat.jpg"})
