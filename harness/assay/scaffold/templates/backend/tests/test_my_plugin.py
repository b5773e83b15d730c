import assay
import pytest


def test_it_keeps_the_contract():
    """The conformance kit: answered once, seeded, capped, stopped, closed."""
    assert assay.check_backend(assay.open_backend("my-plugin:words")) == []


def test_options():
    with pytest.raises(assay.UsageError, match="wrods"):
        assay.open_backend("my-plugin:words", wrods=3)


def test_other_settings_are_another_model():
    few, many = (assay.open_backend("my-plugin:words", words=n) for n in (2, 20))
    assert few.fingerprint != many.fingerprint
