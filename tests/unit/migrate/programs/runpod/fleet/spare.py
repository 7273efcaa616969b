"""Pods that somebody started by hand and forgot."""

import runpod


def clear(kept):
    for pod in runpod.get_pods():
        if pod["name"] not in kept:
            runpod.stop_pod(pod["id"])
            runpod.terminate_pod(pod["id"])


def cheapest(memory):
    """The kind of card with enough memory that costs least."""
    found = [gpu for gpu in runpod.get_gpus() if gpu["memoryInGb"] >= memory]
    prices = {gpu["id"]: runpod.get_gpu(gpu["id"])["lowestPrice"]["minimumBidPrice"] for gpu in found}
    return min(prices, key=prices.get)
