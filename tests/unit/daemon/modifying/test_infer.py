"""Which files an instruction means, and that ambiguity is said and never guessed."""

from collections.abc import Mapping

import pytest

from daemon.modifying.infer import Chosen, Unclear, infer

CART = '''\
"""A shopping cart."""

RATE = 0.2


class Cart:
    """What a customer wants to buy."""

    def add(self, price):
        """Put one more thing in."""

    def total(self):
        """The sum of all prices."""


def dummy_function(values):
    """The first of some values."""
    return values[0]
'''
MAIL = '''\
"""Letters to customers."""


def send_receipt(order):
    """Mail a receipt for an order to its customer."""


class Cart:
    """Not that one."""
'''
FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "shop/mail.py": MAIL,
    "shop/old/cart.py": "OLD = 1\n",
    "tests/test_cart.py": "def test_total():\n    pass\n",
    "readme.md": "# Shop\n",
}


class Folder:
    """A module in memory; tests and everything that is no Python file are out of bounds."""

    def __init__(self, files: Mapping[str, str] = FILES) -> None:
        self._files = files

    @property
    def files(self) -> tuple[str, ...]:
        """The names."""
        return tuple(sorted(self._files))

    def text(self, filename: str) -> str | None:
        """The text."""
        return self._files.get(filename)

    def complaint(self, filename: str) -> str | None:
        """Tests are protected, and paths may not leave the module."""
        if ".." in filename or filename.startswith("/"):
            return f"{filename} is not inside the module"
        if filename.startswith("tests/") or not filename.endswith(".py"):
            return f"{filename} is protected"
        return None


def chosen(words: str, *named: str, files: Mapping[str, str] = FILES) -> tuple[Chosen, ...]:
    """The files for these words."""
    found = infer(words, named, Folder(files))
    assert not isinstance(found, Unclear), found.reason
    return found


def unclear(words: str, *named: str, files: Mapping[str, str] = FILES) -> str:
    """Why no file could be told."""
    found = infer(words, named, Folder(files))
    assert isinstance(found, Unclear), found
    return found.reason


@pytest.mark.parametrize(
    ("words", "filename", "function", "why"),
    [
        ("make dummy_function handle empty input", "shop/cart.py", "dummy_function", "defines"),
        ("let `total` answer 0 for an empty cart", "shop/cart.py", "Cart.total", "defines"),
        ("total() should answer 0", "shop/cart.py", "Cart.total", "defines"),
        ("change shop/mail.py to log", "shop/mail.py", None, "names shop/mail.py"),
        ("change mail.py: send_receipt logs", "shop/mail.py", "send_receipt", "names mail.py"),
        ("shop.mail should log", "shop/mail.py", None, "names shop.mail"),
        ("receipts shall be mailed in French", "shop/mail.py", "send_receipt", "words: mail, rec"),
        ("make `dummy_function` pass tests/test_cart.py", "shop/cart.py", "dummy_function", "def"),
        ("write shop/labels.py with a function label()", "shop/labels.py", None, "not exist yet"),
    ],
)
def test_an_instruction_tells_its_file(
    words: str, filename: str, function: str | None, why: str
) -> None:
    """By path, module, name or words, and with the reason."""
    first = chosen(words)[0]

    assert (first.filename, first.function) == (filename, function)
    assert why in first.why


def test_a_dotted_name_may_begin_with_the_module() -> None:
    """`cart.dummy_function` is the function of cart.py."""
    first = chosen("round in cart.dummy_function")[0]

    assert (first.filename, first.function) == ("shop/cart.py", "dummy_function")


def test_files_given_by_name_are_taken_as_they_are() -> None:
    """New ones too; the function is still looked for."""
    found = chosen("add a limit to dummy_function", "shop/cart.py", "shop/limits.py")

    assert [each.filename for each in found] == ["shop/cart.py", "shop/limits.py"]
    assert found[0].function == "dummy_function"
    assert "does not exist yet" in found[1].why


@pytest.mark.parametrize("name", ["../secret.py", "/etc/cron.py", "tests/test_cart.py"])
def test_files_out_of_bounds_are_refused(name: str) -> None:
    """Given by name, and also where only the text names them."""
    assert name in unclear("make it better", name)
    assert name in unclear(f"make {name} better")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("let `Cart` be iterable", "Cart is defined in shop/cart.py or shop/mail.py"),
        ("make cart.py faster", "cart.py may be shop/cart.py or shop/old/cart.py"),
        ("the customer is king", "may mean shop/"),
        ("improve everything", "nothing in the instruction tells which file"),
    ],
)
def test_what_is_ambiguous_is_said(words: str, said: str) -> None:
    """With the candidates, and what to do."""
    reason = unclear(words)

    assert said in reason
    assert "give the file after the text" in reason


def test_the_only_file_needs_no_naming() -> None:
    """Nothing else could be meant."""
    assert chosen("improve everything", files={"a.py": "x = 1\n"})[0].filename == "a.py"


def test_a_module_without_editable_files_says_so() -> None:
    """Which settings decide is named."""
    assert "`edit`" in unclear("improve everything", files={"tests/test_a.py": ""})


def test_a_file_that_does_not_parse_is_still_found_by_its_path() -> None:
    """Names cannot be read from it; its own can."""
    files = {**FILES, "shop/broken.py": "def (:\n"}

    assert chosen("mend shop/broken.py", files=files)[0].filename == "shop/broken.py"
