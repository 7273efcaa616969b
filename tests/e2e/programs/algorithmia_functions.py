"""Native functions that programs written for Algorithmia call."""

import os
import time

import trivet


@trivet.endpoint(name="AlgoHello", workers=(0, 1), idle_timeout=600)
def hello(name: str) -> str:
    print("greeting", name)
    return f"Hello {name}"


@trivet.endpoint(name="AlgoEcho", workers=(0, 1), idle_timeout=600)
def echo(value):
    return value


@trivet.endpoint(name="AlgoTrouble", workers=(0, 1), idle_timeout=600, max_attempts=1)
def trouble(how: str) -> str:
    if how == "sleep":
        time.sleep(60)
    if how == "exit":
        os._exit(3)
    if how == "large":
        return "x" * (16 * 1024 * 1024)
    raise ValueError(how)
