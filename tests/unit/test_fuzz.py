"""The readers of strangers' bytes, fed with mangled input; more of it in `make soak`."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzzing import READERS, Reader

EXAMPLES = 150


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_mangled_input_is_taken_whole_or_refused(reader: Reader) -> None:
    """Only the documented errors; what is taken reads back the same."""
    taken = []

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def feed(data: st.DataObject) -> None:
        taken.append(reader.holds(data.draw(reader.inputs)))

    feed()
    assert any(taken), "nothing was good: the input says little"
    assert not all(taken), "nothing was bad: the input says little"
