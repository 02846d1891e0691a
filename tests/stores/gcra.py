"""The generic cell rate algorithm of ITU-T I.371 as a virtual schedule, in exact fractions: what stores must equal."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor


@dataclass
class Model:
    """`limit` hits at once, then one every `interval` seconds."""

    limit: int
    interval: Fraction
    arrivals: dict[str, Fraction] = field(default_factory=dict)

    def hit(self, key: str, now: Fraction) -> tuple[bool, int, Fraction, Fraction]:
        arrival = max(self.arrivals.get(key, now), now)
        earliest = arrival - (self.limit - 1) * self.interval
        if now < earliest:
            return False, 0, earliest - now, arrival - now
        self.arrivals[key] = arrival = arrival + self.interval
        return True, floor(self.limit - (arrival - now) / self.interval), Fraction(0), arrival - now
