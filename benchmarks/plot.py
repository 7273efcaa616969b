"""The plot: how each contender's figures stand to ours and to the floor's, as bars in one SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.figures import Kind, Metric, Outcome, ratio

_WIDTH, _LABELS, _VALUES = 920, 310, 150
_BAR, _STEP = 16, 24
_COLOURS: Mapping[Kind, str] = {"floor": "#8a8f98", "ours": "#1f6feb", "peer": "#c9a36a", "other": "#c3c7cd"}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600;font-size:15px}.s{fill:#57606a;font-size:12px}"
    "rect.b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9aa4af}rect.b{fill:#0d1117}}"
)


@dataclass(frozen=True, slots=True)
class _Bar:
    title: str
    kind: Kind
    value: float
    said: str


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    hint: str
    bars: Sequence[_Bar]

    @property
    def height(self) -> int:
        return 52 + _STEP * len(self.bars) + 14


def draw(outcomes: Sequence[Outcome], machine: Mapping[str, object]) -> str:
    """One panel for each metric that a row wants shown. Bars grow with the logarithm: factors are what matters.

    Returns:
        The SVG document.
    """
    panels = [_panel(outcome, metric) for outcome in outcomes for metric in outcome.bars]
    panels = [panel for panel in panels if panel.bars]
    parts, top = [], 44
    for panel in panels:
        parts.append(_draw(panel, top))
        top += panel.height
    said = f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}, {str(machine['time'])[:10]}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" role="img" '
        f'aria-label="Trivet beside the floor and peers"><style>{_STYLE}</style>'
        f'<rect class="b" width="{_WIDTH}" height="{top}"/><text class="s" x="16" y="26">{escape(said)} · bars are '
        f"logarithmic</text>{''.join(parts)}</svg>\n"
    )


def _panel(outcome: Outcome, metric: Metric) -> _Panel:
    reference = outcome.floor or next((entry for entry in outcome.entries if entry.kind == "ours"), None)
    bars = []
    for entry in outcome.entries:
        if entry.kind == "other" or not entry.has(metric):
            continue
        said = metric.show(entry.median(metric))
        if reference is not None and entry is not reference and reference.has(metric):
            said += f"  ({ratio(entry, reference, metric):.2f} ×)"
        bars.append(_Bar(entry.title, entry.kind, entry.median(metric), said))
    hint = f"{metric.title}; {'longer' if metric.rising else 'shorter'} is better"
    return _Panel(outcome.title, hint, bars)


def _draw(panel: _Panel, top: int) -> str:
    values = [bar.value for bar in panel.bars if bar.value > 0]
    low, high = math.log(min(values) / 2), math.log(max(values))
    room = _WIDTH - _LABELS - _VALUES
    lines = [
        f'<text class="t" x="16" y="{top + 18}">{escape(panel.title)}</text>',
        f'<text class="s" x="16" y="{top + 36}">{escape(panel.hint)}</text>',
    ]
    y = top + 52
    for bar in panel.bars:
        share = (math.log(bar.value) - low) / (high - low) if bar.value > 0 else 0.0
        width = max(2, round(room * share))
        lines.append(
            f'<text x="{_LABELS - 10}" y="{y + 13}" text-anchor="end">{escape(bar.title)}</text>'
            f'<rect x="{_LABELS}" y="{y}" width="{width}" height="{_BAR}" rx="2" fill="{_COLOURS[bar.kind]}"/>'
            f'<text class="s" x="{_LABELS + width + 8}" y="{y + 13}">{escape(bar.said)}</text>'
        )
        y += _STEP
    return "".join(lines)
