"""Every form that standings, results and distributions come in, and what is said of broken ones."""

import json

import pytest

from assay import DataError
from assay.metrics import codeforces
from assay.metrics.codeforces import ContestStyle

HANDLES = ["ann", "bob", "cid", "dot"]
RATINGS = [1900, 1600, 0, 1200]
RESULTS = [(2500.0, 0), (1450.0, 0), (1450.0, 0), (-50.0, 0)]


def row(handle, points, penalty, kind="CONTESTANT"):
    members = [{"handle": each} for each in handle.split("+")]
    return {"party": {"members": members, "participantType": kind}, "rank": 1, "points": points, "penalty": penalty}


def standings(**changes):
    problems = [
        {"contestId": 2000, "index": "A", "points": 500.0},
        {"contestId": 2000, "index": "b1", "points": 2500.0},
    ]
    rows = [row(handle, *result) for handle, result in zip(HANDLES, RESULTS, strict=True)]
    contest = {"id": 2000, "name": "Codeforces Round 999 (Div. 2)", "type": "CF", "phase": "FINISHED"}
    return {"contest": contest, "problems": problems, "rows": rows, **changes}


def rating_changes(contest_id=2000):
    return [
        {
            "contestId": contest_id, "contestName": "Codeforces Round 999 (Div. 2)", "handle": handle,
            "rank": rank, "oldRating": old, "newRating": old + 10 * rank,
        }
        for handle, old, rank in zip(HANDLES, RATINGS, [1, 2, 2, 4], strict=True)
    ]  # fmt: skip


def ok(result):
    return {"status": "OK", "result": result}


def table(**changes):
    rows = [[*result, rating] for result, rating in zip(RESULTS, RATINGS, strict=True)]
    problems = [{"index": "A", "points": 500}, {"index": "B1", "points": 2500}]
    return {"contest_id": 2000, "division": "Div. 2", "problems": problems, "rows": rows, **changes}


@pytest.fixture
def write(tmp_path):
    def to_file(name, *values):
        path = tmp_path / name
        path.write_text("".join(json.dumps(value) + "\n" for value in values))
        return path

    return to_file


def read_one(*paths, **options):
    (contest,) = codeforces.read_contests(paths, **options)
    return contest


@pytest.mark.parametrize("wrap", [ok, lambda result: result])
def test_standings_and_rating_changes_of_the_api(write, wrap):
    contest = read_one(write("s.json", wrap(standings())), write("c.json", wrap(rating_changes())))
    assert (contest.id, contest.division, contest.style) == ("2000", "Div. 2", ContestStyle.POINTS)
    assert [problem.index for problem in contest.problems] == ["A", "B1"]
    assert contest.points == (2500, 1450, 1450, -50)
    assert contest.old_ratings == tuple(RATINGS)
    assert contest.deltas == (10, 20, 20, 40)
    assert contest.handles == tuple(HANDLES)
    assert contest.notices == ()


def test_compact_and_api_form_are_the_same_contest(write):
    api = read_one(write("s.json", ok(standings())), rating_changes=[write("c.json", ok(rating_changes()))])
    compact = read_one(write("t.jsonl", table()))
    for name in ("id", "division", "style", "problems", "points", "penalties", "old_ratings"):
        assert getattr(api, name) == getattr(compact, name)


def test_files_may_come_in_any_order_and_indented(write, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(ok(standings()), indent=1))
    changes = write("c.jsonl", *rating_changes(), *rating_changes(2001))
    contests = codeforces.read_contests(
        [changes, write("t.jsonl", table(contest_id=5), table(contest_id="gym 7")), tmp_path / "s.json"]
    )
    assert [contest.id for contest in contests] == ["5", "gym 7", "2000"]


def test_who_is_not_rated_is_left_out_and_counted(write):
    rows = [
        *standings()["rows"],
        row("out", 9000.0, 0, "OUT_OF_COMPETITION"),
        row("ann", 9000.0, 0, "PRACTICE"),
        row("eve+fay", 9000.0, 0),
        row("ghost", 9000.0, 0),
    ]
    changes = [*rating_changes(), {**rating_changes()[0], "handle": "gone"}]
    contest = read_one(write("s.json", ok(standings(rows=rows))), write("c.json", ok(changes)))
    assert contest.handles == tuple(HANDLES)
    assert contest.notices == (
        "contest 2000: 1 rows of teams left out",
        "contest 2000: 1 participants without a rating change left out",
        "contest 2000: 1 rating changes without a row in the standings left out",
    )


@pytest.mark.parametrize(
    ("kind", "problems", "style"),
    [
        ("ICPC", [{"index": "A"}, {"index": "B"}], ContestStyle.SOLVED),
        (None, [{"index": "A"}, {"index": "B"}], ContestStyle.SOLVED),
        (None, [{"index": "A", "points": 5}, {"index": "B", "points": 5}], ContestStyle.POINTS),
        ("CF", [{"index": "A", "points": 5}, {"index": "B", "points": 5}], ContestStyle.POINTS),
    ],
)
def test_the_rules_follow_from_type_and_problems(write, kind, problems, style):
    rows = [row(handle, 1.0, 10) for handle in HANDLES]
    value = standings(contest={"id": 2000, "name": "", "type": kind}, problems=problems, rows=rows)
    assert read_one(write("s.json", ok(value)), write("c.json", ok(rating_changes()))).style is style


def test_rating_changes_alone_are_enough_for_an_update(write):
    changes = write("c.json", ok(rating_changes()))
    contest = read_one(changes, changes_suffice=True)
    assert codeforces.update_ratings(contest).ranks == (1, 3, 3, 4)
    assert contest.problems == ()
    with pytest.raises(DataError, match="no contest in"):
        codeforces.read_contests([changes])


def test_columns_are_named(write):
    columns = ["old_rating", "what", "points", "handle", "penalty", "delta", "rated_contests"]
    value = {"id": 1359, "contest": "x", "columns": columns, "participants": [[1500, "?", 3, "ann", 20, -7, 9]]}
    contest = read_one(write("t.jsonl", value))
    assert (contest.points, contest.penalties, contest.old_ratings) == ((3,), (20,), (1500,))
    assert (contest.deltas, contest.rated_contests, contest.handles) == ((-7,), (9,), ("ann",))
    pairs = table(problems=[["A", 500], ["B1", 2500]])
    assert read_one(write("p.jsonl", pairs)).problems == read_one(write("q.jsonl", table())).problems
    solved = table(rows=[[1, 20, 1500]], problems=[], style="solved")
    assert read_one(write("r.jsonl", solved)).style is ContestStyle.SOLVED


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([{"status": "FAILED", "comment": "contestId: not found"}], "failed answer of the Codeforces API: contestId"),
        ([ok(None)], "found NoneType. Expected the Codeforces API's"),
        ([[]], "found a list of 0"),
        ([3], "found int"),
        ([{"a": 1}], "found an object with the fields a"),
        ([ok(standings())], "give the answer of contest.ratingchanges?contestid=2000 with --rating-changes"),
        ([table(), table()], "line 2: contest 2000 was already read from"),
        ([table(rows=[])], "contest 2000 has no rows"),
        ([table(rows={"a": 1})], "contest 2000 has no rows"),
        ([table(rows=[[1, 2]])], "row 1 must be a list of 3 (points, penalty, old_rating), got [1, 2]"),
        ([table(rows=[[1, 2, 1500], "x"])], "row 2 must be a list of 3"),
        ([table(rows=[[1, 2, None]])], "row 1: the old rating must be a whole number, got None"),
        ([table(rows=[["9" * 400, 2, 1500]])], "row 1: the points must be a number"),
        ([table(columns=["points", "penalty"])], "columns must be different and hold"),
        ([table(columns=["points"] * 3)], "columns must be different and hold"),
        ([table(columns=7)], "columns must be a list of names"),
        ([table(problems=[{"points": 5}])], "problem 1 must be an object with index and points"),
        ([table(problems="AB")], "the problems must be a list"),
        ([table(problems=[{"index": "A", "points": 500}, {"index": "B"}])], "problems B have no points"),
        ([table(problems=[{"index": "A"}])], "the problems lack their points"),
        ([table(contest_id=None)], "contest_id must be a number or a short text, got None"),
        ([table(contest_id="\u202e")], "contest_id must be a number or a short text"),
        ([table(style="icpc")], "style must be points or solved"),
    ],
)
def test_broken_contests_are_named(write, values, message):
    path = write("bad.jsonl", *values)
    with pytest.raises(DataError) as error:
        codeforces.read_contests([path])
    assert message in str(error.value) or message in str(error.value).lower()
    assert "bad.jsonl" in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": 5}, "the rows of the standings must be a list"),
        ({"rows": ["x"]}, "row 1 of the standings has no party with members"),
        ({"rows": [{"party": {"members": ["ann"]}}]}, "row 1 of the standings: its member must be an object"),
        ({"rows": [row("ann", None, 0)]}, "row 1 of the standings (ann): the points must be a number, got None"),
        ({"rows": [row("zed", 5.0, 0)]}, "no handle of the standings of contest 2000 is in its rating changes"),
        ({"rows": [row("ann", 5.0, 0)] * 2}, "the handle 'ann' occurs twice"),
        ({"rows": [row("ann", 5.0, "x")]}, "the penalty must be a number"),
        ({"contest": {"id": 2000, "type": "IOI"}}, "contests of type 'IOI' cannot be scored"),
        ({"contest": {"id": None}}, "the contest's id must be a number"),
        ({"problems": {}}, "the problems must be a list"),
    ],
)
def test_broken_standings_are_named(write, change, message):
    with pytest.raises(DataError) as error:
        codeforces.read_contests([write("s.json", ok(standings(**change))), write("c.json", ok(rating_changes()))])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"oldRating": 1e300}, "rating change 2: oldRating must be a whole number"),
        ({"oldRating": 99999}, "rating change 2: oldRating is 99999, outside"),
        ({"newRating": None}, "rating change 2: newRating must be a whole number"),
        ({"rank": 0}, "rating change 2: rank must be a whole number"),
        ({"handle": 7}, "rating change 2: the handle must be text"),
        ({"handle": "ann"}, "hold a handle twice"),
        ({"contestId": None}, "rating change 2: contestId must be"),
    ],
)
def test_broken_rating_changes_are_named(write, change, message):
    changes = rating_changes()
    changes[1] = {**changes[1], **change}
    with pytest.raises(DataError) as error:
        codeforces.read_contests([write("s.json", ok(standings())), write("c.json", ok(changes))])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xff\xfe\x00", "neither JSON nor JSONL"),
        (b'{"contest_id": 1, "rows": [[NaN, 0, 1500]]}', "neither JSON nor JSONL: NaN is not JSON"),
        (b'{"contest_id": 1, "rows": [[1e999, 0, 1500]]}', "row 1: the points must be finite"),
        (b'{"contest_id": 1, "rows": [[' + b"9" * 400 + b", 0, 1500]]}", "row 1: the points must be"),
        (b'{"contest_id": 1, "rows": [[1, 0, 1500]]}\n{"contest_id": 2, "rows": [[1, 0', "line 2 is not JSON"),
        (b"[" * 100_000, "neither JSON nor JSONL"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "neither JSON nor JSONL"),
    ],
    ids=range(9),
)
def test_broken_files_are_named(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        codeforces.read_contests([path])
    assert message in str(error.value)
    assert len(str(error.value)) < 600


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*gone"):
        codeforces.read_contests([tmp_path / "gone"])
    with pytest.raises(DataError, match="cannot read"):
        codeforces.read_contests([tmp_path])
    with pytest.raises(DataError, match="cannot read"):
        codeforces.read_contests(["a\0b"])
    with pytest.raises(DataError, match="no contest in no file"):
        codeforces.read_contests([])


def test_results_are_read(write):
    results = codeforces.read_results(
        write(
            "r.jsonl",
            {"contest_id": 2000, "index": "a", "attempts": [False, None, True]},
            {"contest_id": "2000", "index": "B1", "attempts": []},
            {"contest_id": 7, "points": 3, "penalty": 20},
        )
    )
    assert results.attempts == {"2000": {"A": (False, None, True), "B1": ()}}
    assert results.scores["7"].points == 3
    assert results.contests == ["2000", "7"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"contest_id": 1, "index": "A", "attempts": [1]}, "attempt 1 must be true, false or null, got 1"),
        ({"contest_id": 1, "index": "A", "attempts": "yes"}, "attempts must be a list"),
        ({"contest_id": 1, "index": "A", "attempts": [None] * 100_001}, "attempts must be a list of at most 100000"),
        ({"contest_id": 1, "index": 5, "attempts": []}, "index must be a problem's letter"),
        ({"contest_id": 1, "attempts": []}, "index must be a problem's letter"),
        ({"index": "A", "attempts": []}, "contest_id must be a number"),
        ({"contest_id": 1, "index": "A"}, "neither attempts nor points"),
        ({"contest_id": 1, "points": "5"}, "points must be a number"),
        ({"contest_id": 1, "points": 5, "penalty": -1}, "penalty must not be negative"),
        ({"contest_id": 2, "index": "A", "attempts": []}, "problem A of contest 2 occurs twice"),
        ({"contest_id": 2, "points": 4}, "contest 2 has results twice"),
    ],
)
def test_broken_results_are_named(write, line, message):
    with pytest.raises(DataError, match="line 2: ") as error:
        codeforces.read_results(write("r.jsonl", {"contest_id": 2, "index": "A", "attempts": [True]}, line))
    assert message in str(error.value)


def test_results_that_hold_nothing(write):
    with pytest.raises(DataError, match="holds no results"):
        codeforces.read_results(write("r.jsonl"))


@pytest.mark.parametrize(
    "values",
    [
        [{"rating": -5, "count": 1}, {"rating": 1000, "count": 2}, {"rating": 1500, "count": 1}],
        [{"id": 1500, "count": 1}, {"id": 1000, "count": 2}, {"id": -5, "count": 1}, {"id": 7, "count": 0}],
        [{"1500": 1, "1000": 2, "-5": 1}],
        [[-5, 1000, 1000, 1500]],
        [ok([{"handle": str(number), "rating": rating} for number, rating in enumerate([1500, 1000, -5, 1000])])],
        [{"handle": str(number), "rating": rating} for number, rating in enumerate([1500, 1000, -5, 1000])],
    ],
)
def test_every_form_of_a_distribution(write, values):
    users = codeforces.read_distribution(write("h.json", *values))
    assert users.users == 4
    assert [users.percentile(each) for each in (-100, -5, -4.5, 1000, 1000.5, 1500, 1501)] == [
        0, 0, 25, 25, 75, 75, 100
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([{"rating": 1500, "count": -1}], "the number of users rated 1500 must be a whole number"),
        ([{"rating": 1500, "count": 1.5}], "the number of users rated 1500"),
        ([{"rating": 1500, "count": 0}], "the histogram holds no user"),
        ([{"rating": 10**6, "count": 1}], "is 1000000, outside"),
        ([{"rating": "x", "count": 1}], "must be a whole number, got 'x'"),
        ([{"rating": 5, "count": 1}, {"rating": 5, "count": 1}], "line 2: the rating 5 occurs twice"),
        ([{"x": 1}], "'x' is no rating"),
        ([[1500, None]], "an entry of the list must be a whole number, got None"),
        ([7], "found int 7"),
        ([[]], "the histogram holds no user"),
    ],
)
def test_broken_distributions_are_named(write, values, message):
    with pytest.raises(DataError) as error:
        codeforces.read_distribution(write("h.json", *values))
    assert message in str(error.value)
    assert "Expected a histogram" in str(error.value)


def test_the_percentile_of_the_real_distribution(shared_data):
    path = shared_data / "codeforces_rating_histogram.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {shared_data}")
    counts = {line["id"]: line["count"] for line in map(json.loads, path.read_text().splitlines())}
    users = codeforces.read_distribution(path)
    for rating in (-53, 0, 799.5, 1200, 1640, 2400, 5000):
        below = sum(count for each, count in counts.items() if each < rating)
        assert users.percentile(rating) == pytest.approx(100 * below / sum(counts.values()))
