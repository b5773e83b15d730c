"""Values as plain data: there and back, and equal exactly where Python says so."""

from __future__ import annotations

import json
import math
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay_plugins.code_tests.comparison import Rule
from assay_plugins.code_tests.inside.decode import decode
from assay_plugins.code_tests.inside.encode import encode
from assay_plugins.code_tests.values import equal_as_json, equal_in_python, is_true, show

EXACT = Rule()


def there_and_back(value: Any, classes: dict[str, Any] | None = None) -> Any:
    def refuse(data: dict[str, Any]) -> Any:
        raise AssertionError(data)

    return decode(json.loads(json.dumps(encode(value))), classes or {}, refuse)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -1,
        2**64,
        -(10**5000),
        1.5,
        math.inf,
        -math.inf,
        1e308,
        1 + 2j,
        "",
        "é\ud800\0",
        b"\x00\xff",
        bytearray(b"x"),
        [],
        [1, [2, (3, {4})]],
        (1,),
        set(),
        {1, "a"},
        frozenset({(1, 2)}),
        {},
        {1: 2, (3, 4): [5]},
        range(3, 9, 2),
        deque([1, 2], maxlen=5),
        Counter("abca"),
        OrderedDict(b=1, a=2),
        Decimal("1.10"),
        Fraction(1, 3),
        int,
        [None, 2**70],
        {"t": "set", "v": [1]},
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, int) else f"int{value.bit_length()}",
)
def test_values_come_back(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


def test_other_types_come_back_as_what_they_hold() -> None:
    Point = namedtuple("Point", "x y")
    assert there_and_back(Point(1, 2)) == (1, 2)
    assert there_and_back(IntEnum("Color", "RED")(1)) == 1
    assert there_and_back(defaultdict(list, {1: [2]})) == {1: [2]}
    assert list(there_and_back(i * i for i in range(4))) == [0, 1, 4, 9]
    assert there_and_back({1: 2}.keys()) == {1}
    assert math.isnan(there_and_back(math.nan))


def test_a_class_of_the_programs_own_has_no_say() -> None:
    class Same:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    class Liar(int):
        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 0

    with pytest.raises(TypeError, match="'Same' is not plain data"):
        encode([Same()])
    assert encode(Liar(7)) == 7
    assert not equal_in_python(encode(8), encode(Liar(7)))


def test_endless_values_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="nests deeper"):
        encode(loop)
    with pytest.raises(TypeError, match="more than"):
        encode(iter(int, 1))


class ListNode:
    def __init__(self, val: Any = 0, following: Any = None) -> None:
        self.val, self.next = val, following


class TreeNode:
    def __init__(self, val: Any = 0, left: Any = None, right: Any = None) -> None:
        self.val, self.left, self.right = val, left, right


def test_lists_and_trees_of_nodes() -> None:
    classes = {"ListNode": ListNode, "TreeNode": TreeNode}
    head = there_and_back(ListNode(1, ListNode(2)), classes)
    assert (head.val, head.next.val, head.next.next) == (1, 2, None)
    tree = TreeNode(1, None, TreeNode(2, TreeNode(3)))
    back = there_and_back(tree, classes)
    assert (back.left, back.right.left.val, back.right.right) == (None, 3, None)
    assert equal_as_json([1, None, 2, 3], encode(tree), EXACT)
    assert equal_as_json([1, 2], encode(ListNode(1, ListNode(2))), EXACT)
    long = None
    for number in range(50_000):
        long = ListNode(number, long)
    assert len(encode(long)["v"]) == 50_000
    head.next.next = head
    with pytest.raises(TypeError, match="cycle"):
        encode(head)


plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.just(2**70),
        st.sampled_from([0.0, 1.0, 1.5, math.inf, math.nan]),
        st.sampled_from(["", "a", "1"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from([0, 1, True, "a", (1, 2), 1.0]), inner, max_size=3),
        st.frozensets(st.sampled_from([0, 1, 1.0, "a", None, (1,), (True,)]), max_size=3),
    ),
    max_leaves=8,
)


@given(plain, plain)
def test_equality_is_pythons(a: Any, b: Any) -> None:
    # NaN inside containers is equal to itself in Python where it is the same object: it never is here.
    text = repr((a, b))
    for x, y in ((a, b), (a, there_and_back(a)), (b, there_and_back(b))):
        if "nan" not in text:
            assert equal_in_python(encode(x), encode(y)) is (x == y)
    assert is_true(encode(a)) is bool(a)
    assert isinstance(show(encode(a)), str)


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ([1, 2], (1, 2), True),
        ([[1], [2]], ((1,), [2]), True),
        (1, 1.0, True),
        (1, True, True),
        (1.5, 1.5000001, False),
        ([1, 2], {1, 2}, False),
        ({"a": [1]}, {"a": (1,)}, True),
        ({"1": 2}, {1: 2}, False),
        (None, None, True),
        (None, [], False),
        ("1", 1, False),
        ("", None, False),
        (math.nan, math.nan, False),
        ([], [[]], False),
    ],
)
def test_json_equality(expected: Any, got: Any, same: bool) -> None:
    assert equal_as_json(expected, encode(got), EXACT) is same


def test_json_equality_by_rule() -> None:
    assert equal_as_json([1.0, [2]], encode([1.0000001, (2,)]), Rule(name="floats"))
    assert not equal_as_json([1.0], encode([math.nan]), Rule(name="floats"))
    assert not equal_as_json([True], encode([1.0000001]), EXACT)
    assert equal_as_json([[1, 2], [3]], encode([[3], [1, 2]]), Rule(name="unordered_lines"))
    assert not equal_as_json([[1, 2], [3]], encode([[3], [2, 1]]), Rule(name="unordered_lines"))


@pytest.mark.parametrize(
    "data",
    [
        {"t": "set"},
        {"t": "set", "v": 3},
        {"v": []},
        {"t": ["set"], "v": []},
        {"t": "int", "v": "zz"},
        {"t": "dict", "v": [[1]]},
        {"t": "float", "v": []},
        {"t": "range", "v": [1, 2, 0]},
        {"t": "nonsense", "v": {}},
        {"t": "dict", "v": [[{"t": "dict"}, 1]]},
        {"t": "TreeNode", "v": [[]]},
        {"t": "ListNode", "v": None},
    ],
)
def test_forged_data_is_unequal_and_harmless(data: Any) -> None:
    for wanted in (None, [], {}, 1, "x", [1, 2]):
        assert not equal_as_json(wanted, data, EXACT) or wanted == []
        assert not equal_in_python(encode(wanted), data)
    show(data)


def test_forged_data_takes_linear_time() -> None:
    deep: Any = []
    for _ in range(sys.getrecursionlimit() * 5):
        deep = [deep]
    # Integers that Python would put into one slot of a set.
    colliding = {"t": "set", "v": [{"t": "int", "v": hex(i * (2**61 - 1))} for i in range(50_000)]}
    started = time.perf_counter()
    assert not equal_in_python([1], deep)
    assert not equal_as_json([1], deep, EXACT)
    assert not equal_in_python(encode({1}), colliding)
    assert equal_in_python(colliding, colliding)
    assert time.perf_counter() - started < 10
