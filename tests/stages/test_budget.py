import pytest

from mig_dagster.stages.budget import TokenBudget, check_budget, rows_of, tokens_of


@pytest.mark.parametrize(
    ("budget", "n", "rows"),
    [
        ("5000", 100_000, 5000),
        ("50k", 939_000, 50_000),
        ("1.5k", 939_000, 1500),
        ("1m", 10, 1_000_000),
        ("0", 10, 0),
        ("5%", 3000, 150),
        ("0.5%", 1000, 5),
        ("33.3%", 1000, 333),
        ("100%", 7, 7),
        (" 5 % ", 100, 5),
        ("29%", 100, 29),  # 0.29 * 100 is 28.999999999999996 in floats
    ],
)
def test_a_budget_is_rows_or_a_share_of_the_pool(budget, n, rows):
    assert rows_of(budget, n) == rows


def test_a_share_of_a_small_pool_is_at_least_one_row():
    assert rows_of("0.1%", 10) == 1
    assert rows_of("5%", 0) == 0


@pytest.mark.parametrize(
    ("budget", "tokens", "counted"),
    [
        ("20Mtok", 20_000_000, "tokens"),
        ("500ktok", 500_000, "tokens"),
        ("20M tokens", 20_000_000, "tokens"),
        (" 1.5 k toks ", 1500, "tokens"),
        ("7 token", 7, "tokens"),
        ("2btok", 2_000_000_000, "tokens"),
        ("5Mtrained", 5_000_000, "trained_tokens"),
        ("5M trained tokens", 5_000_000, "trained_tokens"),
        ("5mtrainedtok", 5_000_000, "trained_tokens"),
    ],
)
def test_a_budget_may_count_tokens(budget, tokens, counted):
    assert tokens_of(budget) == TokenBudget(tokens, counted)
    check_budget(budget)


@pytest.mark.parametrize("budget", ["5000", "50k", "5%", "1.5m", "five"])
def test_rows_and_shares_are_no_tokens(budget):
    assert tokens_of(budget) is None


@pytest.mark.parametrize(
    "budget", ["5%tok", "tok", "0tok", "0.5tok", "-1 tok", "many tokens", "5% trained", "20Mtok 3"]
)
def test_tokens_without_a_number_of_them_are_refused(budget):
    with pytest.raises(ValueError, match=r"no number of tokens: expected as 20Mtok .* 5Mtrained|neither rows"):
        check_budget(budget)


@pytest.mark.parametrize("budget", ["", "five", "-5", "5%%", "5 k rows", "1e3", "\N{ARABIC-INDIC DIGIT FIVE}"])
def test_anything_else_is_refused(budget):
    with pytest.raises(ValueError, match=r"neither rows .* nor tokens \(20Mtok, 5Mtrained\)"):
        rows_of(budget, 100)


def test_half_a_row_is_refused():
    with pytest.raises(ValueError, match=r"'0.05' is not a whole number of rows; a share is written with %"):
        rows_of("0.05", 100)


@pytest.mark.parametrize("budget", ["0%", "101%"])
def test_a_share_lies_between_nothing_and_everything(budget):
    with pytest.raises(ValueError, match="above 0% and at most 100%"):
        rows_of(budget, 100)
