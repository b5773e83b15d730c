from __future__ import annotations

import copy, pickle
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    A = 1


class Point(NamedTuple):
    x: int
    y: int


@dataclass(order=True)
class Pair:
    point: Point
    kind: Kind = Kind.A
    more: list[int] = field(default_factory=list)


pair = pickle.loads(pickle.dumps(copy.deepcopy(Pair(Point(*map(int, input().split()))))))
print(pair.point.x + pair.point.y)
