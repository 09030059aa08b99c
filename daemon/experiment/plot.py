"""The metric over iterations: an SVG without scripts or fonts, and a line for a terminal.

Points are runs of edits: filled where the edit was kept, hollow where it was reverted or refused,
a cross where it crashed. The line is the best so far; the dashed line the unmodified code.
"""

from collections.abc import Sequence
from html import escape

from daemon.experiment.session import Session, Try

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 40, 40
BARS = "▁▂▃▄▅▆▇█"
COLOURS = {"kept": "#1a7f37", "reverted": "#9a6700", "refused": "#cf222e", "crashed": "#cf222e"}


def best_so_far(session: Session) -> list[float]:
    """The best value after each iteration, the baseline first; empty before the setup."""
    level = session.baseline.get(session.plan.metric.name)
    if level is None:
        return []
    values = [level.middle]
    for each in session.tries:
        kept = each.outcome == "kept" and each.value is not None
        values.append(each.value if kept and each.value is not None else values[-1])
    return values


def sparkline(values: Sequence[float]) -> str:
    """One character a value, the lowest the lowest bar."""
    if not values:
        return ""
    low, span = min(values), max(values) - min(values)
    if not span:
        return BARS[0] * len(values)
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in values)


def svg(session: Session) -> str:
    """The plot as a whole SVG document."""
    best = best_so_far(session)
    measured = [each.value for each in session.tries if each.value is not None]
    scale = _Scale([*best, *measured] or [0.0], max(len(session.tries), 1))
    metric = session.plan.metric
    title = f"{metric.name} over {len(session.tries)} iterations ({metric.direction} is better)"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
        *scale.axes(),
    ]
    if best:
        line = " ".join(f"{scale.x(at):.1f},{scale.y(value):.1f}" for at, value in enumerate(best))
        parts += [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{scale.y(best[0]):.1f}" '
            f'y2="{scale.y(best[0]):.1f}" stroke="#8c959f" stroke-dasharray="4 4"/>',
            f'<polyline points="{line}" fill="none" stroke="#1a7f37" stroke-width="2"/>',
        ]
    parts += [_mark(each, scale) for each in session.tries]
    return "\n".join([*parts, "</svg>", ""])


class _Scale:
    """Values and iterations to places in the picture."""

    def __init__(self, values: Sequence[float], iterations: int) -> None:
        low, high = min(values), max(values)
        room = (high - low or abs(high) or 1.0) * 0.08
        self.low, self.high, self.iterations = low - room, high + room, iterations

    def x(self, iteration: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * iteration / self.iterations

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def axes(self) -> list[str]:
        """Four values at the left, some iterations below."""
        lines = []
        for step in range(4):
            value = self.low + (self.high - self.low) * step / 3
            y = self.y(value)
            lines.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                'stroke="#eaeef2"/>'
            )
            lines.append(
                f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>'
            )
        every = max(1, self.iterations // 10)
        for iteration in range(0, self.iterations + 1, every):
            x = self.x(iteration)
            lines.append(
                f'<text x="{x:.1f}" y="{HEIGHT - 16}" text-anchor="middle">{iteration}</text>'
            )
        return lines


def _mark(each: Try, scale: _Scale) -> str:
    x, colour = scale.x(each.edit.iteration), COLOURS[each.outcome]
    words = escape(f"{each.edit.iteration} {each.outcome}: {each.edit.hypothesis[:200]}")
    title = f"<title>{''.join(sign if sign.isprintable() else ' ' for sign in words)}</title>"
    if each.value is None:
        y = HEIGHT - BOTTOM
        cross = f"M{x - 4:.1f} {y - 4} l8 8 m0 -8 l-8 8"
        return f'<path d="{cross}" stroke="{colour}" fill="none">{title}</path>'
    fill = colour if each.outcome == "kept" else "#ffffff"
    return (
        f'<circle cx="{x:.1f}" cy="{scale.y(each.value):.1f}" r="4" stroke="{colour}" '
        f'fill="{fill}">{title}</circle>'
    )
