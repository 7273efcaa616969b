"""The pipeline with its algorithms played."""

from unittest.mock import patch

from pipeline import Pipeline


def play(value):
    with patch("Algorithmia.algorithm.Algorithm.pipe") as pipe:
        pipe.return_value.result = value
        pipe.return_value.metadata.duration = 0.5
        pipeline = Pipeline({"key": "none", "steps": [{"algo": "a/b"}, {"algo": "c/d", "argument": "text"}]})
        assert pipeline.run("in") == value
        return pipe.call_args_list
