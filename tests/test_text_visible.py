from asr.text.visible import visible


def test_control_characters_are_shown_and_all_else_stays() -> None:
    assert visible("a\x1b[1mb\x07\x7f\x9b\r\u202e") == "a\\x1b[1mb\\x07\\x7f\\x9b\\r\\u202e"
    assert visible("나는\tgo\n\u200b\\x1b") == "나는\tgo\n\u200b\\x1b"
