"""The human pages at ``/docs``: one page, made from the OpenAPI document, with nothing fetched from anywhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from trivet.platform.dialects.native import errors, openapi
from trivet.platform.dialects.native.context import NativeSettings
from trivet.platform.wire.answers import HTML_TYPE, NO_SNIFFING, Header, answer, without_body

_POLICY: Header = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#2563eb}
@media(prefers-color-scheme:dark){:root{--accent:#7aa2ff}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1.5rem}
h1{margin:0}h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}h4{margin:1rem 0 .25rem}
code,pre{font:14px/1.45 ui-monospace,monospace}code{background:var(--soft);padding:.1em .3em;border-radius:3px}
pre{background:var(--soft);padding:.75rem;overflow-x:auto;border-radius:6px}pre code{background:none;padding:0}
details{border:1px solid var(--line);border-radius:6px;margin:.4rem 0;padding:.4rem .75rem}
summary{cursor:pointer}summary small{opacity:.75}
.verb{display:inline-block;min-width:4.2em;font-weight:600;color:var(--accent)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0}
a{color:var(--accent)}nav a{margin-right:1em}
"""


def create_docs_app(settings: NativeSettings) -> ASGIApp:
    """The pages as an ASGI application that answers ``/docs``."""
    page = render(openapi.document(settings.version)).encode()
    version: Header = (b"trivet-version", settings.version.encode())

    async def docs(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 — ASGI's own signature
        method = scope["method"]
        if method == "HEAD":
            send = without_body(send)
        if scope["path"].rstrip("/") != "/docs":
            await errors.send_problem(send, errors.no_such_path(scope["path"]), [version])
        elif method not in ("GET", "HEAD"):
            problem = errors.method_not_allowed(method, ["GET", "HEAD"])
            await errors.send_problem(send, problem, [(b"allow", b"GET, HEAD"), version])
        else:
            await answer(send, 200, [HTML_TYPE, _POLICY, NO_SNIFFING, version], page)

    return docs


def render(document: dict[str, Any]) -> str:
    """The page for an OpenAPI document. Whatever the document holds is text here, never markup."""
    info = document["info"]
    chapters = [tag["name"] for tag in document["tags"]]
    contents = "".join(f'<a href="#{_anchor(name)}">{escape(name)}</a>' for name in [*chapters, "Documents"])
    return (
        "<!doctype html>"
        f'<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>"
        f"<h1>{escape(info['title'])} API</h1><p>Version {escape(info['version'])}. {_prose(info['description'])} "
        'The same for programs: <a href="/api/v1/openapi.json">openapi.json</a>.</p>'
        f"<nav>{contents}</nav>"
        f"{''.join(_chapter(document, name) for name in chapters)}"
        f'<h2 id="documents">Documents</h2>{_documents(document)}</html>'
    )


def _chapter(document: dict[str, Any], tag: str) -> str:
    operations = [
        _operation(document, method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"] and not operation["operationId"].endswith("_by_id")
    ]
    return f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>{"".join(operations)}'


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{_prose(operation['description'])}</p>"]
    if "{owner}/{name}" in path:
        parts.append("<p><small>An endpoint's id may stand in place of <code>{owner}/{name}</code>.</small></p>")
    if "parameters" in operation:
        rows = "".join(
            f"<tr><td><code>{escape(p['name'])}</code><td>{escape(p['in'])}<td>{_prose(p['description'])}"
            for p in operation["parameters"]
        )
        parts.append(f"<h4>Parameters</h4><table>{rows}</table>")
    parts.append(f"<h4>With curl</h4>{_code(_curl(method, path, operation))}")
    answers = []
    for status, response in operation["responses"].items():
        if "$ref" in response:
            shared = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
            answers.append(f"<tr><td>{escape(status)}<td>{_prose(shared['description'])}")
        else:
            parts.append(
                f"<h4>Answer {escape(status)}</h4><p>{_prose(response['description'])}</p>{_example(response)}"
            )
    parts.append(f"<h4>Errors</h4><table>{''.join(answers)}</table>")
    return (
        f'<details id="{_anchor(operation["operationId"])}"><summary><span class="verb">{escape(method.upper())}</span>'
        f"<code>{escape(path)}</code><br><small>{escape(operation['summary'])}</small></summary>{''.join(parts)}</details>"
    )


def _documents(document: dict[str, Any]) -> str:
    return "".join(
        f'<details id="{_anchor(name)}"><summary><code>{escape(name)}</code> '
        f"<small>{_prose(schema.get('description', ''))}</small></summary>"
        f"{_code(json.dumps(schema, indent=2, ensure_ascii=False))}</details>"
        for name, schema in document["components"]["schemas"].items()
    )


def _example(response: dict[str, Any]) -> str:
    for media in response.get("content", {}).values():
        if "example" not in media:  # the bytes of a file
            continue
        example = media["example"]
        text = (
            example
            if isinstance(example, str) and "\n" in example
            else json.dumps(example, indent=2, ensure_ascii=False)
        )
        return _code(text)
    return ""


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    words = ["curl"] if method == "get" else ["curl", "-X", method.upper()]
    if operation.get("security") != []:
        words += ["-H", '"Authorization: Bearer $TRIVET_API_KEY"']
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        words += ["--json", f"'{json.dumps(content['application/json']['example'], ensure_ascii=False)}'"]
    elif "application/gzip" in content:
        words += ["-H", "'Content-Type: application/gzip'", "--data-binary", "@hello.tar.gz"]
        path += "?filename=hello.tar.gz"
    elif "*/*" in content and len(content) == 1:
        words += ["-T", "photo.jpg"]
    return " ".join([*words, f'"$TRIVET_URL{path}"'])


def _code(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _prose(text: str) -> str:
    """Text with its `code` marked; everything in it is escaped first."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def _anchor(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in text.lower())
