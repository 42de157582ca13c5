import pytest

from asr.errors import ConfigError
from asr.recipes.language import guess_language


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["one two", "don't"], "en"),
        (["안녕하세요"], "ko"),
        (["API 서버를 restart 했어요"], "ko"),
        (["ㅋㅋ"], "ko"),
        (["今日は天気がいい"], "ja"),
        (["a café " + "plain words " * 50], "en"),
        (["", " "], "und"),
    ],
)
def test_the_script_says_the_language(texts: list[str], language: str) -> None:
    assert guess_language(texts) == language


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("größer", 'letters such as "ö" do not say it'),
        ("привет", 'letters such as "п" do not say it'),
        ("今天天气", 'letters such as "今" do not say it'),
        ("1 2 3", "there are no letters in the texts"),
        ("a long text in English with 한 word", 'letters such as "한" do not say it'),
    ],
)
def test_where_it_does_not_the_user_is_asked(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"language is not set, and {message}.*give --language"):
        guess_language([text])
