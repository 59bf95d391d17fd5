"""The reasons of the methods beside MIG, against what a loop over the pool finds."""

import json

import numpy as np
import pytest

from mig_dagster.selection import METHODS, options
from mig_dagster.selection.reasons import EXPLAINERS, Choice
from tests.selection.inputs import inputs, needed

N, K = 60, 20
METHOD_NAMES = sorted(EXPLAINERS)


def chosen(method, seed=0, k=K, n=N, changes=None, **settings):
    given = needed(method, inputs(n, seed) | (changes or {}))
    made = METHODS[method](k, **given, **settings)
    resolved = {name: settings.get(name, default) for name, (_, default) in options(METHODS[method]).items()}
    labels = [f"l{label}" for label in range(n + 3)]
    return Choice(made.rows, made.gains, given, resolved, [f"id{row}" for row in range(n)], labels, made.clusters)


def told(method, choice, rows=None):
    rows = range(len(choice.ids)) if rows is None else rows
    return [EXPLAINERS[method].row(choice, row).details for row in rows]


@pytest.mark.parametrize("method", METHOD_NAMES)
def test_chosen_rows_are_told_the_same_when_asked_for_alone(method):
    choice = chosen(method)
    stored = EXPLAINERS[method].chosen(choice)
    assert len(stored) == len(choice.rows)
    for reason, row in zip(stored, choice.rows.tolist(), strict=True):
        alone = EXPLAINERS[method].row(choice, row).details
        for name in set(reason.details) & set(alone):
            assert alone[name] == reason.details[name]
        assert json.loads(json.dumps(alone)) == alone


@pytest.mark.parametrize("method", METHOD_NAMES)
@pytest.mark.parametrize("k", [0, N])
def test_nothing_chosen_and_everything_chosen_are_explained(method, k):
    choice = chosen(method, k=k)
    assert len(EXPLAINERS[method].chosen(choice)) == len(choice.rows)
    for row in (0, N - 1):
        assert EXPLAINERS[method].row(choice, row).text.endswith(".")


@pytest.mark.parametrize("method", ["longest", "instruct_mining", "random", "balanced_random", "instag"])
def test_the_rank_of_any_row_is_that_of_a_choice_of_the_whole_pool(method):
    choice, whole = chosen(method), chosen(method, k=N)
    name = "rank" if method in ("longest", "instruct_mining", "instag") else "place"
    assert [details[name] for details in told(method, choice)] == whole.ranks.tolist()


@pytest.mark.parametrize("variant", ["ppl", "loss"])
def test_ifd_ranks_the_rows_within_the_bound_and_no_other(variant):
    scores = inputs(N)["ifd_scores"].round(1)  # ties, and ratios of exactly 1
    choice = chosen("ifd", changes={"ifd_scores": scores}, variant=variant)
    kept = scores < 1 if variant == "ppl" else scores <= 1
    whole = METHODS["ifd"](int(kept.sum()), ifd_scores=scores, variant=variant).rows.tolist()
    for row, details in enumerate(told("ifd", choice)):
        assert details["rank"] == (whole.index(row) + 1 if kept[row] else None)
        assert (details["value"], details["rows_within"]) == (scores[row], kept.sum())


def test_terms_of_instruct_mining_add_up_to_the_expected_loss():
    for details in told("instruct_mining", chosen("instruct_mining")):
        assert sum(details["terms"].values()) + 1.0694 == pytest.approx(details["expected_loss"])
        sizes = [abs(term) for term in details["terms"].values()]
        assert sizes == sorted(sizes, reverse=True)


def test_balanced_random_counts_what_each_source_gave():
    choice = chosen("balanced_random")
    sources = choice.arguments["sources"]
    for row, details in enumerate(told("balanced_random", choice)):
        assert details["source_rows"] == sources.count(sources[row])
        assert details["source_chosen"] == sum(sources[other] == sources[row] for other in choice.rows)


@pytest.mark.parametrize("settings", [{}, {"n2": 2}, {"n1": 8, "n2": 1}, {"n1": 30, "n2": 3}, {"clusters": 30}])
def test_car_says_which_of_the_two_took_a_row(settings):
    choice = chosen("car", **settings)
    scores, clusters = choice.arguments["quality_scores"], choice.clusters
    order = np.argsort(-scores, kind="stable").tolist()
    top = []
    for row, details in enumerate(told("car", choice)):
        mates = [other for other in order if clusters[other] == clusters[row]]
        assert details["rank_by_score"] == order.index(row) + 1
        assert (details["rank_in_cluster"], details["cluster_rows"]) == (mates.index(row) + 1, len(mates))
        n1, n2 = details["n1"], details["n2"]
        assert (details["taken_as"] is None) == (row not in choice.rows)
        if row in choice.rows:
            assert details["rank_by_score"] <= n1 or details["rank_in_cluster"] <= n2
        top += [row] if details["taken_as"] == "top of the ranking" else []
    assert (settings.get("n1", n1), settings.get("n2", n2)) == (n1, n2)
    assert sorted(top) == sorted(set(order[:n1]) & set(choice.rows.tolist()))
    assert choice.rows[: len(top)].tolist() == order[:n1][: len(top)]


@pytest.mark.parametrize("threshold", [0.3, 0.7, 1.0])
def test_deita_names_the_chosen_row_that_blocked_another(threshold):
    choice = chosen("deita", threshold=threshold)
    scores, vectors = choice.arguments["quality_scores"], choice.arguments["row_embeddings"]
    cosines = vectors @ vectors.T
    order = np.argsort(-scores, kind="stable").tolist()
    last = order.index(choice.rows[-1])
    for row, details in enumerate(told("deita", choice)):
        at = order.index(row)
        assert details["rank_by_score"] == at + 1
        earlier = [other for other in choice.rows.tolist() if order.index(other) < at]
        if earlier:
            near = max(earlier, key=lambda other: cosines[row, other])
            assert details["nearest_before"]["row_id"] == f"id{near}"
            assert details["nearest_before"]["cosine"] == pytest.approx(cosines[row, near])
        blocked = details["blocked_by"]
        if row in choice.rows:
            assert blocked is None
        elif blocked:
            assert blocked["cosine"] > threshold
            assert blocked["rank"] == choice.ranks[int(blocked["row_id"][2:])] > 0
        else:
            assert at > last
            assert len(choice.rows) == K
            assert not details["looked_at"]
    before = [reason.details["left_out_before"] for reason in EXPLAINERS["deita"].chosen(choice)]
    assert before == [order.index(row) - at for at, row in enumerate(choice.rows)]


def test_a_copy_blocks_with_a_cosine_of_one():
    vectors = inputs(N)["row_embeddings"]
    order = np.argsort(-inputs(N)["quality_scores"])
    vectors[order[1]] = vectors[order[0]] * 3
    choice = chosen("deita", changes={"row_embeddings": vectors}, threshold=0.999)
    blocked = EXPLAINERS["deita"].row(choice, int(order[1])).details["blocked_by"]
    assert (blocked["row_id"], blocked["rank"], blocked["cosine"]) == (f"id{order[0]}", 1, pytest.approx(1.0))


@pytest.mark.parametrize("density", [0.05, 0.3])
def test_instag_names_the_labels_that_were_new_in_the_pass(density):
    tags = (np.random.default_rng(3).random((N, N + 3)) < density).astype(float)
    tags[7] = 0
    choice, whole = chosen("instag", changes={"tags": tags}), chosen("instag", changes={"tags": tags}, k=N)
    passes, left, order = {}, list(range(N)), np.argsort(-tags.sum(1), kind="stable").tolist()
    number = 0
    while any(tags[row].any() for row in left):
        number, held = number + 1, set()
        for row in [row for row in order if row in left]:
            new = set(np.flatnonzero(tags[row]).tolist()) - held
            if new:
                passes[row] = (number, sorted(new))
                held |= new
                left.remove(row)
    for row, details in enumerate(told("instag", choice)):
        expected = passes.get(row, (None, []))
        assert (details["pass"], details["new_labels"]) == (expected[0], [f"l{label}" for label in expected[1]])
        assert details["rank"] == whole.ranks[row]


def test_qdit_cuts_the_gain_and_names_whom_a_row_stands_for():
    choice = chosen("qdit", alpha=0.4, quality_scale="minmax")
    vectors, scores = choice.arguments["row_embeddings"], choice.arguments["quality_scores"]
    cosines = vectors @ vectors.T
    scaled = 0.4 * (scores - scores.min()) / (scores.max() - scores.min())
    holder = choice.rows[np.argmax(cosines[:, choice.rows], axis=1)]
    for row, details in enumerate(told("qdit", choice)):
        others = choice.rows[choice.rows != row]
        assert details["nearest"]["row_id"] == f"id{others[np.argmax(cosines[row, others])]}"
        assert details["quality"] == pytest.approx(scaled[row])
        if row not in choice.rows:
            assert details["gain_at_most"] == choice.gains[-1]
            continue
        assert details["diversity"] + details["quality"] == pytest.approx(choice.gains[choice.ranks[row] - 1])
        mine = [other for other in range(N) if holder[other] == row and other != row and cosines[row, other] > 0]
        assert details["stands_for"]["rows"] == len(mine)
        named = {line["row_id"] for line in details["stands_for"]["nearest"]}
        assert named <= {f"id{other}" for other in mine}


def test_iterit_tells_what_is_still_new_in_an_answer():
    scores = inputs(N)["ifd_scores"]
    choice, more = chosen("iterit", decay=0.3), chosen("iterit", decay=0.3, k=K + 1)
    following = int(more.rows[-1])
    assert told("iterit", choice, [following])[0]["score"] == pytest.approx(more.gains[-1])
    for row, details in enumerate(told("iterit", choice)):
        assert details["ifd"] == scores[row]
        if scores[row] < 1:
            assert details["novelty"] * scores[row] == pytest.approx(details["score"])
        else:
            assert details["score"] in (None, 0.0)
        if row not in choice.rows and scores[row] < 1:
            assert details["score"] <= more.gains[-1] * (1 + 1e-12)


def test_zip_measures_a_row_alone_and_behind_the_chosen_ones():
    import zlib

    choice = chosen("zip", k1=30, k2=10, k3=6)
    texts = choice.arguments["serialized_rows"]

    def ratio(rows):
        plain = ("[" + ", ".join(texts[row] for row in rows) + "]").encode()
        return len(plain) / len(zlib.compress(plain, 9))

    for row, details in enumerate(told("zip", choice)):
        assert details["ratio_alone"] == pytest.approx(ratio([row]))
        if row in choice.rows:
            at = int(choice.ranks[row]) - 1
            batch = choice.rows[at - at % 6 : at + 1]
            assert (details["batch"], details["place"]) == (at // 6 + 1, at % 6 + 1)
            assert details["ratio_of_batch"] == pytest.approx(ratio(batch))
        else:
            assert details["ratio_of_chosen"] == pytest.approx(ratio(choice.rows))
            assert details["ratio_with_chosen"] == pytest.approx(ratio([*choice.rows, row]))


@pytest.mark.filterwarnings("ignore::mig_dagster.selection.SelectionWarning")
def test_a_row_that_iterit_takes_in_spite_of_its_ratio_is_not_said_to_have_nothing_new():
    scores = np.array([0.5, 1.2, 0.0, 1.0])
    given = {"ifd_scores": scores, "responses": ["one two", "three four", "five six", "seven eight"]}
    made = METHODS["iterit"](4, **given)
    choice = Choice(made.rows, made.gains, given, {"decay": 0.1}, list("abcd"))
    texts = {int(row): each.text for row, each in zip(made.rows, EXPLAINERS["iterit"].chosen(choice), strict=True)}
    assert made.rows.tolist() == [0, 2, 3, 1]
    assert texts[2] == "IFD ratio 0: taken when no row had a score above 0."
    assert texts[3] == "IFD ratio 1, 1 or more: taken when no row below 1 was left, the lowest ratio first."
    assert texts[1] == "IFD ratio 1.2, 1 or more: taken when no row below 1 was left, the lowest ratio first."


def test_a_ratio_beyond_a_bound_below_one_is_not_said_to_be_of_no_help():
    choice = chosen("ifd", changes={"ifd_scores": np.linspace(0.1, 1.2, N)}, upper=0.5, k=5)
    texts = [EXPLAINERS["ifd"].row(choice, row).text for row in (30, N - 1)]
    assert texts[0].endswith("not below 0.5.")
    assert texts[1].endswith("not below 0.5: its instruction does not help to predict its answer.")
