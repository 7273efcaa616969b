"""A worker for RunPod, as it is: a prompt or a conversation in, one document out."""

from __future__ import annotations

from typing import Any

import runpod


def handler(job: dict[str, Any]) -> dict[str, Any]:
    """Answers a ``prompt``, or a conversation in ``messages``, in the shape that goes with it."""
    job_input = job["input"]
    messages = job_input.get("messages")
    if messages:
        question = str(messages[-1]["content"])
    elif "prompt" in job_input:
        question = str(job_input["prompt"])
    else:
        return {"error": "The input has neither `prompt` nor `messages`."}
    answer = f"You said: {question}"
    tokens = {"input_tokens": len(question.split()), "output_tokens": len(answer.split())}
    if messages:
        return {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}], "usage": tokens}
    return {**tokens, "text": [answer]}


runpod.serverless.start({"handler": handler})
