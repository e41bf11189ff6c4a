"""The envelope: opened by its keys, at its place, unchanged, or not at all."""

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oauth_login.sealing import SealBroken, Sealer

OLD, NEW = "o" * 32, "n" * 32
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@pytest.fixture
def sealer():
    return Sealer([OLD], "test")


def body(envelope):
    """Return the bytes behind version and key id: nonce, ciphertext, tag."""
    return base64.urlsafe_b64decode(envelope[10:] + "=" * (-len(envelope[10:]) % 4))


@pytest.mark.parametrize("text", ["", "gho_token", "友 😀", "x" * 8_192], ids=len)
def test_what_was_sealed_can_be_opened(sealer, text):
    assert sealer.open(sealer.seal(text, "place"), "place") == text


def test_an_envelope_fits_into_cookies_urls_and_columns(sealer):
    assert re.fullmatch(r"v1[0-9a-f]{8}[\w-]+", sealer.seal("text", "place"), re.ASCII)


@pytest.mark.threat("H01")
def test_an_envelope_shows_nothing_of_its_text_and_no_two_are_alike(sealer):
    envelopes = {sealer.seal("gho_token", "place") for _ in range(1_000)}

    assert len({body(envelope)[:12] for envelope in envelopes}) == 1_000  # a nonce is used once
    assert not any(b"gho_" in body(envelope) for envelope in envelopes)


@pytest.mark.threat("H02", "A14")
def test_an_envelope_does_not_open_at_another_place(sealer):
    with pytest.raises(SealBroken, match="sealed for another place"):
        sealer.open(sealer.seal("text", "place 1"), "place 2")


@pytest.mark.threat("A14")
def test_an_envelope_does_not_open_for_another_purpose(sealer):
    with pytest.raises(SealBroken, match="unknown version or key"):
        Sealer([OLD], "another").open(sealer.seal("text", "place"), "place")


@pytest.mark.threat("H03")
def test_a_new_key_seals_and_the_old_one_still_opens(sealer):
    rotated = Sealer([NEW, OLD], "test")

    assert rotated.open(sealer.seal("text", "place"), "place") == "text"
    assert Sealer([NEW], "test").open(rotated.seal("text", "place"), "place") == "text"


@pytest.mark.threat("H04")
def test_an_envelope_of_a_lost_key_does_not_open(sealer):
    with pytest.raises(SealBroken, match="unknown version or key"):
        Sealer([NEW], "test").open(sealer.seal("text", "place"), "place")


@pytest.mark.threat("A13")
def test_no_character_of_an_envelope_can_be_changed(sealer):
    envelope = sealer.seal("text", "place")
    for position, character in enumerate(envelope):
        for other in CHARACTERS:
            if other != character:
                changed = envelope[:position] + other + envelope[position + 1 :]
                with pytest.raises(SealBroken):
                    sealer.open(changed, "place")


@pytest.mark.threat("A13")
def test_the_same_bytes_have_one_spelling_only(sealer):
    envelope = next(
        envelope for n in range(9) if len((envelope := sealer.seal("x" * n, "place"))[10:]) % 4 == 2
    )
    last = CHARACTERS.index(envelope[-1])
    respelled = envelope[:-1] + CHARACTERS[last + 1]  # of the last character, two bits of six count

    assert body(respelled) == body(envelope)
    for other in (respelled, f"{envelope}==", f"{envelope}\n", f" {envelope}", f"{envelope[:-2]}+/"):
        with pytest.raises(SealBroken):
            sealer.open(other, "place")


@pytest.mark.threat("A27")
@pytest.mark.parametrize(
    "rest", ["", "A", "AA", "AAA", "A" * 37, "é" * 40, "\0", "=", "A A A", "\udc80" * 40]
)
def test_what_is_no_envelope_is_broken_and_nothing_worse(sealer, rest):
    for start in (sealer.seal("", "place")[:10], "v1", "v2", ""):
        with pytest.raises(SealBroken):
            sealer.open(start + rest, "place")


@pytest.mark.threat("A27")
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=100))
def test_any_text_is_broken_and_nothing_worse(text):
    sealer = Sealer([NEW, OLD], "test")
    with pytest.raises(SealBroken):
        sealer.open(text, "place")
    with pytest.raises(SealBroken):
        sealer.open(sealer.seal("x", "place")[:10] + text, "place")


def test_a_broken_seal_tells_nothing(sealer):
    with pytest.raises(SealBroken) as refusal:
        sealer.open(sealer.seal("gho_token", "place")[:-1] + "~", "place")
    assert "gho_" not in str(refusal.value)
    assert refusal.value.__suppress_context__
