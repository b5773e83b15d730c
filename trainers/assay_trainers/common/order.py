"""Which items of the data a step gets.

Each epoch is a permutation of all items, drawn from the seed and the epoch's number alone, so a position in it (the
*cursor*: items taken so far) is all that a checkpoint has to keep.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def take(items: Sequence[Item], count: int, cursor: int, seed: int) -> list[Item]:
    """The `count` items from position `cursor` on; epochs follow each other, each in an order of its own.

    A step that takes more items than there are gets some of them twice.
    """
    taken: list[Item] = []
    while len(taken) < count:
        epoch, place = divmod(cursor + len(taken), len(items))
        order = list(range(len(items)))
        random.Random(f"{seed}/{epoch}").shuffle(order)  # noqa: S311  # reproducible, not secret
        taken += [items[index] for index in order[place : place + count - len(taken)]]
    return taken
