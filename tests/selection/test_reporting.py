from mig_dagster.selection.reporting import now_and_then


def test_the_first_report_is_passed_on_and_those_right_after_it_are_not():
    told = []
    report = now_and_then(10, lambda *call: told.append(call))
    report(3)
    report(4)
    assert told == [(3, 10)]


def test_a_batch_that_overshoots_is_told_as_all_of_it(monkeypatch):
    monkeypatch.setattr("mig_dagster.selection.reporting.TELL_EVERY", 0)
    told = []
    report = now_and_then(10, lambda *call: told.append(call))
    report(9)
    report(12)
    assert told == [(9, 10), (10, 10)]


def test_nobody_need_listen():
    now_and_then(10, None)(3)
