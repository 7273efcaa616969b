from . import Classify


def test_a_text_is_the_address_of_a_picture():
    assert Classify.check("data://a/b/c.png") == {"image": "data://a/b/c.png", "top": 3, "save": False}
