from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tiny_config, tone

from asr.build import build_model
from asr.config import SearchConfig
from asr.errors import ConfigError
from asr.evidence.calibration import Calibration, Logistic
from asr.evidence.weighing import weigh_hypotheses, weigh_tokens
from asr.hypotheses import Hypothesis
from asr.recognition import encode_padded
from asr.text.tokenizer import train_tokenizer
from asr.use.judging import Heard, Look, goes_in_circles
from asr.use.recognizer import Recognizer, search_encoded

TOKENIZER = train_tokenizer(["ab cd"], kind="char", vocab_size=None, normalizer="none")
PIECES = train_tokenizer(
    ["abcd ab cd", "cdab abcd dcba"], kind="bpe", vocab_size=18, normalizer="none"
)
NEVER = Logistic((0.0,) * 4, 0.0)


def calibration(**changes):
    values = {
        "utterance": Logistic((1.0, 1.0, 0.0, 0.0, 0.0), 2.0),
        "word": Logistic((1.0, 0.0, 0.0, 0.0), 2.0),
        "speech": NEVER,
        "speech_logit": -1.0,
        "tokens_per_second": (0.0, 1e6),
        "most_repeats": 1000,
        "low_confidence": 0.0,
        "attention_is_steady": True,
    }
    return Calibration(**{**values, **changes})


def voice(seconds=2.0, rate=8000):
    """Sound like a voice: a pitch that wanders, four syllables a second, vowels that change."""
    time = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(3 * time)) / rate
    sound = np.zeros(len(time))
    for number in range(1, 28):
        hertz = 120 * number
        first, second = 450 + 250 * np.sin(9 * time), 1500 + 600 * np.sin(13 * time + 1)
        gain = sum(np.exp(-(((hertz - place) / 200) ** 2)) for place in (first, second)) + 0.02
        sound += gain * np.sin(number * phase)
    sound *= np.clip(np.sin(2 * np.pi * 2 * time), 0.0, 1) ** 2
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(time))
    return (0.1 * (sound / np.abs(sound).max() + noise)).astype("f")


def recognizer(config=None, tokenizer=TOKENIZER, **more):
    config = config or tiny_config(search={"max_tokens": 12})
    model = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer).eval()
    made = Recognizer(model, tokenizer, config)
    made.judge = replace(made.judge, **more)
    return made


@torch.inference_mode()
@pytest.mark.parametrize("settings", [{}, {"beam_size": 4, "ctc_weight": 0.3}])
@pytest.mark.parametrize("tokenizer", [TOKENIZER, PIECES], ids=["tokens", "letters"])
def test_what_follows_from_the_score_is_what_the_decoder_says_when_it_runs_again(
    tokenizer, settings
):
    config = tiny_config(tokenizer={"type": tokenizer.kind, "ctc_units": "letters"})
    model = recognizer(config, tokenizer).model
    assert (model.units.name == "letters") == (tokenizer is PIECES)
    options = SearchConfig(max_tokens=40, **settings)
    waveforms = torch.from_numpy(np.stack([tone("ab cd"), tone("abcda")]))
    with torch.inference_mode():
        encoded = encode_padded(model, waveforms, torch.tensor([8000, 7000]), options=options)
        found = [row[0] for row in search_encoded(model, encoded, options)]
        found = [Hypothesis(one.tokens, one.score, "eos") for one in found]
        logits = model.ctc(encoded.values)
    kept = {"options": options, "ctc_logits": logits}
    again = weigh_hypotheses(model, encoded, found, **kept, is_plain=[False] * 2)
    ended = [row[0].ended for row in search_encoded(model, encoded, options)]
    cheap = weigh_hypotheses(model, encoded, found, **kept, is_plain=[True] * 2)
    for one, other, end in zip(again, cheap, ended, strict=True):
        assert one.ctc == pytest.approx(other.ctc)
        if end == "eos":
            assert one.decoder == pytest.approx(other.decoder, abs=1e-3)
        assert one.clearness is not None
        assert one.clearness <= 0
    tokens = weigh_tokens(model, encoded, found, ctc_logits=logits)
    assert [len(x.places) for x in tokens] == [len(x.tokens) for x in found]


def test_a_token_lies_where_its_letters_do():
    model = recognizer(tiny_config(tokenizer={"type": "bpe", "ctc_units": "letters"}), PIECES).model
    encoded = encode_padded(
        model,
        torch.from_numpy(tone("abcdabcd"))[None],
        torch.tensor([12800]),
        options=SearchConfig(),
    )
    tokens = PIECES.encode("abcdcd")
    units = model.units.spell(tokens)
    logits = torch.full((1, int(encoded.lengths), model.units.num_units), -9.0)
    logits[..., 0] = 0.0
    for place, unit in enumerate(units):
        logits[0, 2 * place + 1, unit] = 9.0
    found = [Hypothesis(tuple(tokens), 0.0, "eos")]
    with torch.inference_mode():
        [one] = weigh_tokens(model, encoded, found, ctc_logits=logits)
    lengths = [len(model.units.spell([token])) for token in tokens]
    assert max(lengths) > 1
    ends = np.cumsum(lengths)
    assert one.by_ctc
    assert one.places == tuple(
        (2 * (end - size) + 1, 2 * end) for size, end in zip(lengths, ends, strict=True)
    )
    assert max(abs(value) for value in one.ctc) < 0.01


def test_words_come_with_times_and_confidence_only_when_asked_for():
    known = recognizer(calibration=calibration())
    [plain] = known.recognize([tone("ab cd")])
    [timed] = known.recognize([tone("ab cd")], words=True)
    assert plain.words == ()
    assert 0.0 < plain.confidence < 1.0
    assert [word.text for word in timed.words] == timed.text.split()
    for word in timed.words:
        assert 0.0 <= word.start_seconds < word.end_seconds <= 1.0
        assert 0.0 < word.confidence < 1.0
    assert timed.text == plain.text


@pytest.mark.parametrize("attention", ["location", "none"])
def test_without_a_ctc_head_words_are_placed_by_attention_or_evenly(attention):
    config = tiny_config(
        search={"max_tokens": 12}, loss={"ctc_weight": 0.0}, attention={"type": attention},
        decoder={"start": "zeros" if attention == "location" else "bridge"},
    )  # fmt: skip
    [one] = recognizer(config).recognize([tone("ab cd")], words=True)
    assert [word.text for word in one.words] == one.text.split()
    starts = [word.start_seconds for word in one.words]
    assert starts == sorted(starts)
    assert 0.0 < one.confidence <= 1.0


def rain(seconds=1.0, seed=0):
    return (0.1 * np.random.default_rng(seed).standard_normal(round(8000 * seconds))).astype("f")


def talkative(known):
    """A model that hears "cd", whatever it is given, and the settings that make it so."""
    made = recognizer(calibration=known)
    return made, made.choose(['search.hotwords=["cd"]', "search.hotword_reward=50"])


@pytest.mark.parametrize("known", [None, calibration()])
def test_what_is_heard_in_noise_is_left_out_and_said_whatever_the_model_knows(known):
    model, options = talkative(known)
    [one] = model.recognize([rain()], options)
    assert (one.text, one.words, one.nbest) == ("", (), ())
    assert one.warnings[-1].startswith("no speech: what it heard in the sound is left out (")
    waveforms, lengths = torch.from_numpy(rain())[None], torch.tensor([8000])
    [decoded] = model.recognize_batch(waveforms, lengths, options)  # as asr decode: as heard
    assert "cd" in decoded.text


def test_a_text_improbable_as_in_noise_is_kept_with_a_warning_where_it_sounds_like_speech():
    model, options = talkative(calibration(speech_logit=1.0))
    [one] = model.recognize([voice()], options)
    assert one.text
    assert "as improbable as what it hears in noise" in "; ".join(one.warnings)


def test_where_the_sound_is_doubtful_the_model_decides_and_confidence_is_less(monkeypatch):
    model, options = talkative(calibration(speech=Logistic((0.0,) * 4, 1.0)))
    monkeypatch.setattr("asr.use.recognizer.speech_likeness", lambda *_: -1.0)
    [kept] = model.recognize([tone("ab cd")], options, words=True)
    monkeypatch.setattr("asr.use.recognizer.speech_likeness", lambda *_: 1.5)
    [surer] = model.recognize([tone("ab cd")], options, words=True)
    assert kept.text == surer.text != ""
    assert "sounds as noise may" in "; ".join(kept.warnings)
    assert "sounds as noise may" not in "; ".join(surer.warnings)
    share = 1 / (1 + np.exp(1.0))
    assert kept.confidence == pytest.approx(share * surer.confidence)
    for one, other in zip(kept.words, surer.words, strict=True):
        assert one.confidence == pytest.approx(share * other.confidence)
    unsure = calibration(speech=Logistic((0.0,) * 4, -1.0))
    model.judge = replace(model.judge, calibration=unsure)
    assert model.recognize([tone("ab cd")], options)[0].text
    monkeypatch.setattr("asr.use.recognizer.speech_likeness", lambda *_: -1.0)
    assert not model.recognize([tone("ab cd")], options)[0].text


def test_a_model_that_is_sure_of_speech_is_believed_without_measuring_the_sound(monkeypatch):
    monkeypatch.setattr("asr.use.recognizer.speech_likeness", lambda *_: 1 / 0)
    model, options = talkative(calibration(speech=Logistic((0.0,) * 4, 3.0)))
    assert model.recognize([rain()], options)[0].text


def test_times_alone_are_those_that_words_have_with_confidence():
    known = recognizer(calibration=calibration())
    [timed] = known.recognize([tone("ab cd")], times=True)
    [whole] = known.recognize([tone("ab cd")], words=True)
    assert [replace(word, confidence=None) for word in whole.words] == list(timed.words)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"low_confidence": 1.1}, "low confidence"),
        ({"tokens_per_second": (0.0, 0.1)}, "tokens a second, more than"),
        ({"tokens_per_second": (1e5, 1e6)}, "tokens a second, fewer than"),
    ],
)
def test_each_sign_is_a_warning(changes, said):
    known = recognizer(calibration=calibration(**changes))
    [one] = known.recognize([tone("ab cd")], SearchConfig(max_tokens=30, loop_repeats=30))
    assert said in "; ".join(one.warnings)


@torch.inference_mode()
def test_a_phrase_that_goes_round_is_a_warning():
    known = recognizer(calibration=calibration(most_repeats=3))
    said = Hypothesis(tuple(TOKENIZER.encode("ab cd " * 5)), -9.0, "eos")
    waveform, options = torch.from_numpy(tone("ab cd" * 4))[None], known.options
    encoded = encode_padded(known.model, waveform, torch.tensor([32000]), options=options)
    logits = known.judge.ctc_logits(encoded)
    [evidence] = known.judge.weigh(
        encoded, [said], options=options, is_plain=[False], ctc_logits=logits
    )
    heard = Heard(said, evidence, 4.0)
    [one] = known.judge.judge(encoded, [heard], Look(), ctc_logits=logits)
    assert one.warnings[0] == 'says "ab cd" 5 times in a row'


def test_attention_that_stands_still_is_a_warning_of_the_second_look():
    known = recognizer(calibration=calibration(low_confidence=1.1))
    model = known.model
    with torch.no_grad():
        for parameter in model.decoder.attention.parameters():
            parameter.zero_()  # it looks everywhere alike, always
    [one] = known.recognize([tone("ab cd")], SearchConfig(max_tokens=30, loop_repeats=30))
    assert "attention stops moving" in "; ".join(one.warnings)


def test_loops_are_searched_again_once():
    known = recognizer(calibration=calibration(most_repeats=1000))
    options = SearchConfig(max_tokens=30, loop_repeats=2)
    [one] = known.recognize([tone("ab cd")], options)
    looped = goes_in_circles(Hypothesis((), -1.0, one.ended), TOKENIZER, None)
    again = any("searched again with search.ctc_weight=0.5" in x for x in one.warnings)
    assert looped != again  # mended and said so, or as it was
    assert goes_in_circles(Hypothesis((), -1.0, "loop"), TOKENIZER, None)
    assert goes_in_circles(
        Hypothesis(tuple(TOKENIZER.encode("ab " * 5)), -1.0, "eos"), TOKENIZER, None
    )
    assert not goes_in_circles(Hypothesis((), -1.0, "eos"), TOKENIZER, None)


def test_hotwords_are_heard_and_refused_where_they_cannot_be_written():
    known = recognizer()
    options = known.choose(['search.hotwords=["cd cd"]', "search.hotword_reward=50"])
    [one] = known.recognize_batch(
        torch.from_numpy(tone("ab cd"))[None], torch.tensor([8000]), options
    )
    assert "cd cd" in one.text
    with pytest.raises(ConfigError, match='hotword "xyz"'):
        known.choose(['search.hotwords=["xyz"]'])
