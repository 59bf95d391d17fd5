"""Why MIG took a row or not, against a dense replay of every step."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from mig_dagster.selection import mig, options
from mig_dagster.selection.reasons import Choice, Tokens, explain_mig
from mig_dagster.selection.token_budget import choose_within
from tests.selection.pools import dense_parts, phi_of, random_pool, step_gains

OPTIONS = [
    {},
    {"gain": "exact"},
    {"norm": True},
    {"phi_type": "exp", "phi_alpha": 0.3, "gain": "exact"},
    {"prop_weight": 0.0, "gain": "exact"},
    {"prop_weight": 2.5, "phi_b": 0.5},
]
K = 9


def chosen(pool, k=K, **settings):
    made = mig(k, **pool, **settings)
    resolved = {name: settings.get(name, default) for name, (_, default) in options(mig).items()}
    n, m = pool["tags"].shape
    ids, labels = [f"id{row}" for row in range(n)], [f"l{label}" for label in range(m)]
    return Choice(made.rows, made.gains, pool, resolved, ids, labels)


def bought(pool, costs, budget, **settings):
    made = choose_within("mig", budget, costs=costs, arguments=pool, settings=settings, filled={})
    resolved = {name: settings.get(name, default) for name, (_, default) in options(mig).items()}
    ids, labels = [f"id{row}" for row in range(40)], [f"l{label}" for label in range(12)]
    return Choice(made.rows, made.gains, pool, resolved, ids, labels, tokens=Tokens(costs, budget))


class Dense:
    """The choice again, with every gain of every row at every step."""

    def __init__(self, pool, *, gain="gradient", prop_weight=1.0, norm=False, **phi_options):
        v, p = dense_parts(pool, prop_weight, norm)
        self.told, self.gain, self.options = v @ p, gain, phi_options
        self.phi, _ = phi_of(**phi_options)

    def known(self, rows):
        return self.told[rows].sum(axis=0)

    def gains(self, rows, rule):
        return step_gains(self.told, self.known(rows), rule, **self.options)

    def order(self):
        """Return all rows in the order of an endless selection."""
        rows = []
        for _ in self.told:
            gains = self.gains(rows, self.gain)
            gains[rows] = -1
            rows.append(int(np.argmax(gains)))
        return rows


@pytest.fixture(params=OPTIONS, ids=str)
def settings(request):
    return request.param


@pytest.mark.parametrize("seed", range(2))
def test_gains_at_the_start_and_when_it_was_its_turn(seed, settings):
    pool = random_pool(seed)
    choice, dense = chosen(pool, **settings), Dense(pool, **settings)
    for row in range(40):
        reason = explain_mig(choice, row)
        rank = int(choice.ranks[row])
        before = choice.rows[: rank - 1] if rank else choice.rows
        for when, rows in (("start", []), ("now", before)):
            gains = reason.details["gains"][when]
            assert gains["rule"] == pytest.approx(dense.gains(rows, dense.gain)[row], rel=1e-9, abs=1e-12)
            assert gains["true"] == pytest.approx(dense.gains(rows, "exact")[row], rel=1e-6, abs=1e-9)
        assert reason.details["rank"] == (rank or None)


def test_the_rank_it_would_have_is_that_of_a_larger_budget(settings):
    pool = random_pool(3, n=30)
    choice, order = chosen(pool, **settings), mig(30, **pool, **settings).rows.tolist()
    for row in np.setdiff1d(np.arange(30), choice.rows):
        assert explain_mig(choice, row).details["next"] == {"rank": order.index(row) + 1}


def test_a_row_that_is_far_behind_is_said_to_come_after_a_rank(monkeypatch):
    from mig_dagster.selection.reasons import mig_story

    pool = random_pool(3, n=30)
    last = mig(30, **pool).rows[-1]
    monkeypatch.setattr(mig_story, "FIRST_LOOK", 2)
    monkeypatch.setattr(mig_story, "FARTHEST", 5)
    assert explain_mig(chosen(pool), last).details["next"] == {"after": K + 5}


def test_the_runner_up_is_the_row_of_the_next_highest_gain(settings):
    pool = random_pool(4)
    choice, dense = chosen(pool, **settings), Dense(pool, **settings)
    for at, row in enumerate(choice.rows):
        gains = dense.gains(choice.rows[:at], dense.gain)
        gains[choice.rows[: at + 1]] = -1
        found = explain_mig(choice, row).details["runner_up"]
        assert found["row_id"] == f"id{np.argmax(gains)}"
        assert found["gain"] == pytest.approx(gains.max(), rel=1e-9)
        assert found["margin"] == pytest.approx(choice.gains[at] - gains.max(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("gain", ["gradient", "exact"])
def test_of_copies_the_lowest_is_the_runner_up_and_the_next(gain):
    pool = random_pool(5, n=12, m=6)
    copies = np.tile(np.arange(12), 3)
    pool = {name: value[copies] if name != "label_graph" else value for name, value in pool.items()}
    choice, order = chosen(pool, gain=gain), mig(36, **pool, gain=gain).rows.tolist()
    first = int(choice.rows[0])
    assert explain_mig(choice, first).details["runner_up"] == {"row_id": f"id{first + 12}"} | {
        "gain": choice.gains[0],
        "margin": 0.0,
    } | ({"rank": int(choice.ranks[first + 12])} if choice.ranks[first + 12] else {})
    for row in np.setdiff1d(np.arange(36), choice.rows):
        assert explain_mig(choice, row).details["next"] == {"rank": order.index(row) + 1}


def test_labels_say_what_is_left_of_a_fresh_graph_and_who_told_them(settings):
    pool = random_pool(6)
    choice, dense = chosen(pool, **settings), Dense(pool, **settings)
    for row in range(40):
        rank = int(choice.ranks[row])
        before = choice.rows[: rank - 1] if rank else choice.rows
        known, mine = dense.known(before), dense.told[row]
        details = explain_mig(choice, row).details
        assert details["labels_told"] == np.count_nonzero(mine)
        if mine.any():
            gains = dense.phi(known + mine) - dense.phi(known)
            most = explain_mig(choice, row).text.split("most of it about ")[1].split(";")[0].rstrip(".").split(", ")
            assert [gains[int(label[1:])] for label in most] == pytest.approx(
                np.sort(gains)[::-1][: len(most)], rel=1e-6
            )
        fresh = [label["fresh"] for label in details["labels"]]
        assert fresh == sorted(fresh, reverse=True)
        for line in details["labels"]:
            label = int(line["label"][1:])
            gain = dense.phi(known[label] + mine[label]) - dense.phi(known[label])
            alone = dense.phi(mine[label]) - dense.phi(0)
            assert line["direct"] + line["propagated"] == pytest.approx(mine[label])
            assert (line["before"], line["gain"]) == pytest.approx((known[label], gain), rel=1e-6, abs=1e-9)
            assert line["left"] == pytest.approx(gain / alone, rel=1e-6, abs=1e-9)
            shares = dense.told[before, label]
            order = [at for at in np.argsort(-shares, kind="stable")[:3] if shares[at] > 0]
            told_by = [(teller["rank"], teller["share"]) for teller in line["told_by"]]
            assert [rank for rank, _ in told_by] == [at + 1 for at in order]
            assert [share for _, share in told_by] == pytest.approx(shares[order])


def test_the_nearest_is_the_other_chosen_row_of_the_most_like_information():
    pool = random_pool(8)
    choice, dense = chosen(pool), Dense(pool)
    lengths = np.linalg.norm(dense.told, axis=1)
    for row in range(40):
        others = choice.rows[choice.rows != row]
        found = explain_mig(choice, row).details["nearest"]
        if not lengths[row]:
            assert found is None
            continue
        cosines = dense.told[others] @ dense.told[row] / (lengths[others] * lengths[row])
        assert found["cosine"] == pytest.approx(cosines.max())
        assert found["row_id"] == f"id{others[np.argmax(cosines)]}"


def test_the_closest_call_is_the_step_at_which_it_lost_by_least(settings):
    pool = random_pool(9)
    choice, dense = chosen(pool, **settings), Dense(pool, **settings)
    steps = np.array([dense.gains(choice.rows[:at], dense.gain) for at in range(K)])
    for row in np.setdiff1d(np.arange(40), choice.rows):
        share = steps[:, row] / choice.gains
        found = explain_mig(choice, row).details["closest"]
        assert found["gain"] / found["taken"] == pytest.approx(share.max(), rel=1e-9)
        assert found["gain"] / found["taken"] <= 1 + 1e-9


def test_a_row_that_tells_nothing_says_so_and_comes_last():
    pool = random_pool(1, n=10, m=5, density=0.5)
    tags = pool["tags"].toarray()
    tags[4] = 0
    choice = chosen(pool | {"tags": csr_array(tags)}, k=3)
    reason = explain_mig(choice, 4)
    assert reason.text == "It tells no label anything; it would come at rank 10."
    assert reason.details["labels"] == []


def test_an_empty_choice_and_a_whole_pool_are_explained():
    pool = random_pool(2, n=6, m=4, density=0.9)
    assert explain_mig(chosen(pool, k=0), 0).details["closest"] is None
    whole = chosen(pool, k=6)
    assert explain_mig(whole, int(whole.rows[-1])).details["runner_up"] is None


@pytest.mark.parametrize("gain", ["gradient", "exact"])
def test_under_a_budget_in_tokens_rows_are_ranked_per_token_as_long_as_it_pays(gain):
    pool, costs = random_pool(4), np.random.default_rng(1).integers(5, 60, 40)
    choice, dense = bought(pool, costs, 240, gain=gain), Dense(pool, gain=gain)
    left = 240 - np.concatenate([[0], np.cumsum(costs[choice.rows])])
    for at, row in enumerate(choice.rows):
        per_token = dense.gains(choice.rows[:at], gain) / costs
        mine = per_token[row]
        per_token[choice.rows[: at + 1]] = -1
        per_token[costs > left[at]] = -1
        found = explain_mig(choice, row).details["runner_up"]
        if per_token.max() < 0:
            assert found is None
            continue
        assert found["row_id"] == f"id{np.argmax(per_token)}"
        assert found["margin"] == pytest.approx(mine - per_token.max(), rel=1e-6, abs=1e-9)
    for row in np.setdiff1d(np.arange(40), choice.rows):
        details = explain_mig(choice, row).details
        steps = [at for at in range(len(choice.rows)) if costs[row] <= left[at]]
        assert details["tokens"] == costs[row]
        assert details["next"] == {"left": left[-1], "too_dear_after": len(steps)}
        shares = [
            dense.gains(choice.rows[:at], gain)[row] / costs[row] / (choice.gains[at] / costs[choice.rows[at]])
            for at in steps
        ]
        assert details["closest"]["share"] == pytest.approx(max(shares), rel=1e-9)
        assert max(shares) <= 1 + 1e-9


def test_a_chosen_row_that_told_a_label_nothing_is_not_said_to_have_told_it():
    pool = {"tags": csr_array(np.ones((3, 1))), "quality_scores": np.array([2.0, 0.0, 1.0])}
    arguments = {**pool, "label_graph": csr_array(np.eye(1))}
    resolved = {name: default for name, (_, default) in options(mig).items()}
    choice = Choice(np.arange(3), np.array([1.0, 0, 0]), arguments, resolved, ["a", "b", "c"], ["x"])
    [label] = explain_mig(choice, 2).details["labels"]
    assert [each["row_id"] for each in label["told_by"]] == ["a"]
