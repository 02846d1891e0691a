"""Charts as inline SVG: no script, colours from the page's variables, a title that a screen reader says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

Slice = tuple[str, int, str]
"""Label, number, and the name of the style's colour."""


def ring(slices: Sequence[Slice], *, title: str, middle: str) -> str:
    """A ring of shares with a word in the middle; a grey ring when there is nothing to share."""
    total, radius, width = sum(number for _, number, _ in slices), 42, 13
    around = 2 * math.pi * radius
    said = f"{title}: " + ", ".join(f"{number} {label}" for label, number, _ in slices)
    parts = [
        f'<svg class="ring" viewBox="0 0 120 120" role="img" aria-label="{escape(said)}">',
        f'<circle cx="60" cy="60" r="{radius}" fill="none" stroke="var(--line)" stroke-width="{width}"/>',
    ]
    begun = 0.0
    for _, number, colour in slices:
        if not number:
            continue
        length = around * number / total
        gap = 1.5 if number < total else 0
        parts.append(
            f'<circle cx="60" cy="60" r="{radius}" fill="none" stroke="var(--{colour})" stroke-width="{width}" '
            f'stroke-dasharray="{max(length - gap, 0.5):.2f} {around:.2f}" stroke-dashoffset="{-begun:.2f}" '
            'transform="rotate(-90 60 60)"/>'
        )
        begun += length
    parts.append(f'<text x="60" y="66" text-anchor="middle" class="middle">{escape(middle)}</text></svg>')
    return "".join(parts)


def bars(slices: Sequence[Slice], *, title: str) -> str:
    """Horizontal bars, longest full width, each with its number."""
    most = max((number for _, number, _ in slices), default=0) or 1
    said = f"{title}: " + ", ".join(f"{number} {label}" for label, number, _ in slices)
    height = 24 * len(slices)
    parts = [f'<svg class="bars" viewBox="0 0 300 {height}" role="img" aria-label="{escape(said)}">']
    for row, (label, number, colour) in enumerate(slices):
        top, length = row * 24, 170 * number / most
        parts.append(
            f'<text x="0" y="{top + 16}">{escape(label)}</text>'
            f'<rect x="80" y="{top + 4}" width="170" height="15" rx="3" fill="var(--line)" opacity=".5"/>'
            f'<rect x="80" y="{top + 4}" width="{length:.1f}" height="15" rx="3" fill="var(--{colour})"/>'
            f'<text x="260" y="{top + 16}" class="number">{number}</text>'
        )
    return "".join((*parts, "</svg>"))
