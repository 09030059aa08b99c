"""The whole road: a note dropped into the inbox of a running service, to the changed module."""

from typing import Any

import pytest

from audit.certificate import load
from tests.end_to_end.conftest import SHOP, TOTAL_NOTE, Site

pytestmark = pytest.mark.docker


def mended(text: str) -> bool:
    """Whether `total` in this source adds up, whatever way the fix is written."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102 - the text is our own test data with mendd's patch
    return all(names["total"](prices) == sum(prices) for prices in ([], [5], [1, 2, 3, 4]))


def test_a_dropped_note_ends_in_a_commit(site: Site) -> None:
    """The embedded engine mends the bug; git, trail, certificate and report all tell of it."""
    site.make_repository()
    (site.module / "unrelated.txt").write_text("somebody's unfinished work\n")
    site.start()

    site.drop(TOTAL_NOTE)
    applied = site.wait_for("applied")

    assert mended((site.module / "shop.py").read_text())
    assert applied["data"]["evidence"] == "proven"
    assert applied["data"]["engine"] == "search"
    assert site.git("log", "--format=%an", "-1").strip() == "mendd"
    assert site.git("status", "--porcelain").split() == ["??", "unrelated.txt"]
    certificate = load(site.state / "audit" / "certificates" / f"{applied['reflection']}.json")
    assert certificate.hash == applied["data"]["certificate"]
    report = site.state / "audit" / "reports" / f"{applied['reflection']}.md"
    site.wait(report.is_file, "report, after the records")
    site.wait(lambda: not site.containers(), "end of all containers")
    assert site.stop() == 0
    assert site.trail_is_whole()


def test_a_plain_folder_is_mended_and_reverted_byte_for_byte(site: Site) -> None:
    """Without git the file is replaced, and `mendd revert` gives the original back."""
    site.start()
    site.drop(TOTAL_NOTE)
    applied = site.wait_for("applied")
    assert mended((site.module / "shop.py").read_text())

    site.mendd("revert", applied["reflection"], "--wait")

    site.wait_for("reverted")
    assert (site.module / "shop.py").read_text() == SHOP


def test_without_leave_the_patch_is_held_until_approved(site: Site) -> None:
    """`propose` changes nothing by itself; `approve` proves the patch again and applies it."""
    site.configure(target='autonomy = "propose"')
    site.start()
    site.drop(TOTAL_NOTE)
    held = site.wait_for("held")
    assert (site.module / "shop.py").read_text() == SHOP

    site.mendd("approve", held["reflection"], "--wait")

    site.wait_for("applied")
    assert mended((site.module / "shop.py").read_text())


def test_a_rejected_patch_is_never_applied(site: Site) -> None:
    """`reject` closes the reflection; the module stays as it is."""
    site.configure(target='autonomy = "propose"')
    site.start()
    site.drop(TOTAL_NOTE)
    held = site.wait_for("held")

    site.mendd("reject", held["reflection"], "--reason", "not now")

    rejected = site.wait_for("rejected")
    assert "not now" in rejected["data"]["reason"]
    assert (site.module / "shop.py").read_text() == SHOP


def test_a_note_about_a_file_elsewhere_is_declined(site: Site) -> None:
    """What is not in the target is none of mendd's business."""
    site.start()
    site.drop(
        {
            "task_summary": "Send the invoices",
            "outcome": "failed with an error in /opt/billing/invoices.py",
            "reflection": "invoices.py crashes: send_invoice raises KeyError.",
        }
    )

    declined = site.wait_for("declined")

    assert "not_in_target" in declined["data"]["reason"]
    assert (site.module / "shop.py").read_text() == SHOP


def test_good_news_is_ignored_and_rubbish_is_set_aside(site: Site) -> None:
    """A success is archived with its reason; an unreadable file is kept beside its reason."""
    site.start()
    site.drop({**TOTAL_NOTE, "outcome": "all tests passed, no errors", "reflection": "went well"})
    site.drop("{ not json", "broken.json")

    site.wait_for("ignored")
    site.wait_for("unreadable")

    rejected = site.state / "inbox" / "rejected"
    site.wait(lambda: (rejected / "broken.json").exists(), "move, after its record")
    assert (rejected / "broken.json").read_text() == "{ not json"
    assert "line 1" in (rejected / "broken.json.reason").read_text()


def test_a_worker_killed_in_a_trial_loses_nothing(site: Site) -> None:
    """SIGKILL to the worker: the service starts another, and the note is mended once."""
    site.start()
    site.drop(TOTAL_NOTE)
    site.wait_for("proposed")

    site.kill(site.worker_pid())

    site.wait_for("applied")
    assert mended((site.module / "shop.py").read_text())
    assert len(site.records("applied")) == 1
    assert site.trail_is_whole()


def test_a_person_who_edits_meanwhile_keeps_their_bytes(site: Site) -> None:
    """The file changes while the patch is on trial: nothing of the person's work is lost."""
    site.start()
    site.drop(TOTAL_NOTE)
    site.wait_for("baseline")
    edited = SHOP.replace('"""Prices of a small shop."""', '"""Prices, by Ada."""')
    (site.module / "shop.py").write_text(edited)

    site.wait_for("applied")

    text = (site.module / "shop.py").read_text()
    assert text.startswith('"""Prices, by Ada."""')
    assert mended(text)
