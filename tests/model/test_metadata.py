"""A network's target, out of what its file says."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hmmrnn.model.hmm import HMM, PRESETS
from hmmrnn.model.metadata import hmm_metadata, known_target, target

TWO_STATES = HMM(A=[[0.7, 0.3], [0.2, 0.8]], B=[[0.5, 0.5, 0.0], [0.1, 0.2, 0.7]], start=[0.25, 0.75])


@pytest.mark.parametrize("family", PRESETS)
def test_a_family_is_named(family):
    assert hmm_metadata(HMM.preset(family)) == {"family": family}
    found = target({"family": family, "seed": "0"}, 3)
    assert found.name == family
    assert found.equals(HMM.preset(family))


def test_another_hmm_is_written_out():
    metadata = hmm_metadata(TWO_STATES)
    assert all(isinstance(value, str) for value in metadata.values())
    found = target(metadata, 3)
    assert found.name == "custom"
    for name in ("A", "B", "start"):
        np.testing.assert_allclose(getattr(found, name), getattr(TWO_STATES, name), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("metadata", "message"), [
    ({}, "the metadata names no HMM family"),
    ({"family": "spiral-9"}, "the metadata names the HMM family 'spiral-9', which is no preset"),
    ({"family": "linear-2"}, "linear-2 has 3 outputs and the network 5"),
    (hmm_metadata(TWO_STATES), "custom has 3 outputs and the network 5"),
    ({"family": "custom", "hmm": "{"}, "the metadata hold an HMM that cannot be used"),
    ({"family": "custom", "hmm": "[" * 100_000}, "the metadata hold an HMM that cannot be used"),
    ({"family": "custom", "hmm": '{"A": [[' + "9" * 400 + ']], "B": [[1]]}'}, "A must hold numbers"),
    ({"family": "custom", "hmm": "[1, 2]"}, "the metadata hold an HMM that cannot be used"),
    ({"family": "custom", "hmm": json.dumps({"A": [[0.5]], "B": [[1]]})}, "row 0 of A must sum to 1; got 0.5"),
])  # fmt: skip
def test_what_is_no_target_is_said(metadata, message):
    with pytest.raises(ValueError, match=message):
        target(metadata, 5)
    hmm, reason = known_target(metadata, 5)
    assert hmm is None
    assert message in reason


def test_a_known_target_comes_without_a_reason():
    hmm, reason = known_target({"family": "cyclic"}, 3)
    assert hmm is not None
    assert (hmm.name, reason) == ("cyclic", "")


def test_the_name_alone_makes_no_family():
    assert HMM.from_dict({**TWO_STATES.to_dict(), "name": "linear-2"}).name == "custom"


def test_an_hmm_keeps_its_name_in_a_file():
    own = replace(TWO_STATES, name="foraging, two patches")
    assert target(hmm_metadata(own), 3).name == own.name
    # Its name alone says nothing of a file from elsewhere, which has the matrices and no family.
    assert target({"hmm": hmm_metadata(own)["hmm"]}, 3).name == own.name


@pytest.mark.parametrize(("family", "name"), [
    ("mine", "mine"), ("custom", "custom"), (None, "custom"), ("", "custom"), ("x" * 200, "custom"), ("a\nb", "custom"),
])  # fmt: skip
def test_files_of_before_have_the_name_beside_the_hmm(family, name):
    named = {} if family is None else {"family": family}
    assert target({**named, "hmm": json.dumps(TWO_STATES.to_dict())}, 3).name == name
