"""A unified diff is read as hunks."""

import pytest

from daemon.experiment.diffs import BadDiff, hunks_in

DIFF = """\
diff --git a/shop.py b/shop.py
--- a/shop.py
+++ b/shop.py
@@ -1,3 +1,3 @@
 a = 1
-- - b
+++ c
 d = 1
@@ -9,0 +10,2 @@ def f
+x
+y
"""


def test_hunks_with_their_lines_and_insertions() -> None:
    """Lines that look like heads are lines while the hunk is not over."""
    first, second = hunks_in(DIFF)

    assert first == {
        "filename": "shop.py",
        "start_line": 1,
        "end_line": 3,
        "original_code": "a = 1\n- - b\nd = 1\n",
        "new_code": "a = 1\n++ c\nd = 1\n",
    }
    assert (second["start_line"], second["end_line"], second["new_code"]) == (10, 9, "x\ny\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "no hunk"),
        ("+++ b/a.py\n@@ -1,2 +1,1 @@\n-a\n", "shorter"),
        ("--- a/a.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "not removed"),
    ],
)
def test_what_is_no_diff_is_refused(text: str, why: str) -> None:
    """With the line, where there is one."""
    with pytest.raises(BadDiff, match=why):
        hunks_in(text)
