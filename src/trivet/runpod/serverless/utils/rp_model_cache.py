"""Where the original's platform keeps models of Hugging Face on its machines."""

from __future__ import annotations

from trivet.runpod.logger import RunPodLogger

__all__ = ["resolve_model_cache_path_from_hugginface_repository"]


def resolve_model_cache_path_from_hugginface_repository(
    huggingface_repository: str, /, path_template: str = "/runpod/cache/{model}/{revision}"
) -> str | None:
    """The folder of a model. Only its path is made; whether it is there, nobody looks.

    Args:
        huggingface_repository: ``owner/model``, perhaps with ``:revision`` behind it; the revision is ``main`` otherwise.
        path_template: the path, with ``{model}`` and ``{revision}`` in it.

    Returns:
        The path, or None where no model is named.
    """
    model, colon, revision = huggingface_repository.rpartition(":")
    if not colon:
        model, revision = huggingface_repository, "main"
    if not model:
        RunPodLogger().warn(f'No model is named by "{huggingface_repository}": there is no path for it.')
        return None
    return path_template.format(model=model, revision=revision)
