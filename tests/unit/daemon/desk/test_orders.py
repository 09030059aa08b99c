"""Orders wait as whole files; what is no order is said, not obeyed."""

from pathlib import Path

from pytest import MonkeyPatch

from daemon.desk.orders import Order, give_order, read_orders

ORDER = Order(kind="approve", id="r1", by="ada", time="2026-11-20T09:00:00+00:00")


def test_orders_are_read_in_the_order_they_were_given(tmp_path: Path) -> None:
    """By their time, whatever their file names."""
    later = Order(kind="reject", id="r2", by="ada", time="2026-11-20T10:00:00+00:00", reason="no")
    give_order(tmp_path, later)
    give_order(tmp_path, ORDER)

    assert [order for _, order in read_orders(tmp_path)] == [ORDER, later]


def test_what_is_no_order_comes_with_a_reason(tmp_path: Path) -> None:
    """Broken JSON, unknown kinds, wrong types and links are never carried out."""
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text('{"kind": "explode", "id": "x", "by": "", "time": "2026-01-01"}')
    (folder / "c.json").write_text('{"kind": "approve", "id": 3, "by": "", "time": "2026-01-01"}')
    (folder / "d.json").write_text('{"kind": "approve", "id": "x", "by": "", "time": "noon"}')
    (folder / "e.json").write_text("[]")
    whole = '{"kind": "approve", "id": "x", "by": "a", "time": "2026-01-01", '
    (folder / "h.json").write_text(whole + '"choice": "1"}')
    (folder / "i.json").write_text(whole + '"reason": null}')
    (folder / "j.json").write_text("[" * 60_000)
    (folder / "f.json").symlink_to("/etc/passwd")
    (folder / ".g.json.part").write_text("{")

    found = read_orders(tmp_path)

    assert len(found) == 8
    assert all(isinstance(order, str) and order.startswith("no order") for _, order in found)


def test_an_order_being_written_is_not_seen(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    """A worker that looks in the middle of the writing leaves the half-written file alone."""
    seen: list[int] = []
    rename = Path.replace

    def look_first(path: Path, target: Path) -> Path:
        seen.append(len(read_orders(tmp_path)))
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", look_first)
    give_order(tmp_path, ORDER)

    assert seen == [0]
    assert [order for _, order in read_orders(tmp_path)] == [ORDER]


def test_without_a_folder_there_are_no_orders(tmp_path: Path) -> None:
    """A fresh state folder is no error."""
    assert read_orders(tmp_path) == []
