import pytest

from tests.e2e.conftest import require


def test_what_is_missing_skips_the_test_with_the_reason(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs a browser"):
        require(None, "needs a browser")
    require("/usr/bin/browser", "needs a browser")


def test_in_ci_a_skip_is_a_failure(monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have it: needs a browser"):
        require(None, "needs a browser")
