"""Scripts are those of the letters, whatever else a text holds."""

import pytest

from mig_dagster.report.reading.scripts import NO_LETTERS, SCRIPTS, letters_by_script, main_script


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße naïve \ufb01ne \uff21", "Latin"),
        ("机器学习 and", "Han"),
        ("Привет, мир", "Cyrillic"),
        ("مرحبا بالعالم", "Arabic"),
        ("नमस्ते", "Devanagari"),
        ("안녕하세요", "Hangul"),
        ("ひらがな カタカナ ｶﾀｶﾅ ー", "Kana"),
        ("Καλημέρα", "Greek"),
        ("שלום", "Hebrew"),
        ("สวัสดี", "Thai"),
        ("გამარჯობა", "other"),
        ("x = 1; x += 2", "Latin"),
        ("1 + 1 = 2 \x00 👩\u200d💻", NO_LETTERS),
        ("", NO_LETTERS),
    ],
)
def test_the_main_script_is_that_of_most_letters(text, script):
    assert main_script(letters_by_script(text)) == script


def test_letters_are_counted_and_nothing_else():
    assert letters_by_script("ab2 c! да 学") == {"Latin": 3, "Cyrillic": 2, "Han": 1}


def test_of_equals_the_first_in_the_list_counts():
    assert main_script(letters_by_script("学a")) == "Latin"
    assert SCRIPTS[0] == "Latin"
