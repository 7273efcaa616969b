"""What receivers verify with: nothing but the platform's own messages gets through."""

from __future__ import annotations

import subprocess
import sys

import pytest

from trivet.platform.core.webhooks import new_secret, sign
from trivet.webhooks import VerificationError, verify

SECRET = new_secret(bytes(range(32)))
BODY = b'{"type":"job.succeeded","data":{"output":"\xc3\xa4"}}'
NOW = 1_790_000_000


def headers(body: bytes = BODY, secret: str = SECRET, at: int = NOW, **changes: str) -> dict[str, str]:
    found = {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": sign(secret, "msg_1", at, body)}
    return {**found, **{name.replace("_", "-"): value for name, value in changes.items()}}


def test_a_message_of_the_platform_is_believed() -> None:
    assert verify(BODY, headers(), SECRET, now=NOW)["data"] == {"output": "ä"}
    assert verify(BODY.decode(), list(headers().items()), SECRET, now=NOW)


def test_the_example_of_the_standard_s_own_libraries_is_believed() -> None:
    found = verify(
        '{"test": 2432232314}',
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        now=1614265330,
    )
    assert found == {"test": 2432232314}


@pytest.mark.parametrize("age", [-300, 300])
def test_a_message_may_be_somewhat_old_or_ahead(age: int) -> None:
    assert verify(BODY, headers(at=NOW + age), SECRET, now=NOW)


@pytest.mark.parametrize("age", [-301, 301])
def test_an_old_message_is_not_believed_again(age: int) -> None:
    with pytest.raises(VerificationError, match="300 s"):
        verify(BODY, headers(at=NOW + age), SECRET, now=NOW)
    assert verify(BODY, headers(at=NOW + age), SECRET, 400, now=NOW)


def test_one_fitting_signature_of_several_is_enough() -> None:
    other = sign(new_secret(b"x" * 32), "msg_1", NOW, BODY)
    both = headers()["Webhook-Signature"]
    assert verify(BODY, headers(Webhook_Signature=f"v1a,x {other} v1,!! {both}"), SECRET, now=NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        headers(body=b"{}"),
        headers(secret=new_secret(b"x" * 32)),
        headers(Webhook_Id="msg_2"),
        headers(Webhook_Timestamp=str(NOW + 1)),
        headers(Webhook_Signature="v1,"),
        headers(Webhook_Signature="v1,not base64 ☹"),
        headers(Webhook_Signature=headers()["Webhook-Signature"].replace("v1,", "v2,")),
        headers(Webhook_Timestamp="soon"),
        headers(Webhook_Timestamp="-5"),
        headers(Webhook_Id=""),
        {},
    ],
)
def test_nothing_else_is_believed(wrong: dict[str, str]) -> None:
    with pytest.raises(VerificationError):
        verify(BODY, wrong, SECRET, now=NOW)


@pytest.mark.parametrize("body", [b"[]", b"nothing", b"\xff"])
def test_a_message_is_an_object(body: bytes) -> None:
    with pytest.raises(VerificationError, match="object"):
        verify(body, headers(body), SECRET, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64", "☹"])
def test_what_is_no_secret_is_said_to_be_none(secret: str) -> None:
    with pytest.raises(ValueError, match="signing secret") as caught:
        verify(BODY, headers(), secret, now=NOW)
    assert not isinstance(caught.value, VerificationError)


def test_a_receiver_needs_the_standard_library_and_nothing_else() -> None:
    program = (
        "import sys, trivet.webhooks;"
        "print([name for name in sys.modules if name.startswith('trivet.') and name != 'trivet.webhooks'],"
        " 'pyreqwest' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert found.stdout.strip() == "[] False"
