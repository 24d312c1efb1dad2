"""Tables in plain text."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assetkit.display.ranges import range_text, runs_of
from assetkit.display.texttable import Column, text_table, text_width

words = st.text("abcdefgh", min_size=1, max_size=12)
sentences = st.lists(words, max_size=12).map(" ".join)


@given(st.lists(st.tuples(words, sentences, sentences), max_size=8), st.integers(60, 120))
def test_wrapped_tables_fit_and_lose_nothing(rows, width):
    """Every line fits the width, and all words are still there."""
    columns = (Column(title="name"), Column(title="x", wraps=True), Column(title="y", wraps=True))
    lines = text_table(columns, rows, width=width)

    assert all(text_width(line) <= width for line in lines)
    shown = " ".join(lines).split()
    assert sorted(shown) == sorted(" ".join(("name x y", *map(" ".join, rows))).split())


def test_without_a_width_nothing_is_wrapped():
    """A pipe gets one line per row, however long."""
    long = "word " * 100
    lines = text_table([Column(wraps=True)], [[long]])

    assert lines == [long.strip()]


def test_a_no_break_space_keeps_two_words_together():
    """A count in brackets stays on the line of its range."""
    lines = text_table([Column(wraps=True)], [["first second third\xa0(90)"]], width=14)

    assert lines == ["first second", "third (90)"]


def test_wide_characters_count_double():
    """Columns stay in line where a name is written in wide characters."""
    lines = text_table([Column(), Column()], [["東京", "1"], ["abcd", "2"]])

    assert lines == ["東京  1", "abcd  2"]


@given(st.sets(st.integers(0, 60)).map(sorted))
def test_ranges_hold_what_they_were_made_of(positions):
    """Runs written out again are the positions."""
    runs = runs_of(np.array(positions, dtype=np.int64))

    assert [p for lo, hi in runs for p in range(lo, hi + 1)] == positions
    assert all(b[0] - a[1] > 1 for a, b in pairwise(runs))


def test_what_is_left_out_is_counted():
    """Beyond the limit, ranges are only counted."""
    text = range_text(np.arange(0, 20, 2), str, limit=3)

    assert text == "0, 2, 4 and 7 more"
