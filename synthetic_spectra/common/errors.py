"""A mistake of the user in one sentence, and the end by a signal."""


class InputError(ValueError):
    """A mistake in what the user gave (a file, a field, a flag); its text is the one sentence to
    print."""


class Stopped(BaseException):
    """A signal ended the script; the text says where, and how to go on."""

    def __init__(self, signal_number, sentence):
        super().__init__(sentence)
        self.signal_number = signal_number


def sentence(error):
    """The first complaint of a pydantic ``ValidationError`` in words: which field, which value,
    what was expected."""
    # a key of the content may hold line breaks and worse
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in _complaint(error.errors()[0]))


def _complaint(first):
    where, field = in_words(first["loc"])
    if first["type"] == "value_error":
        return where + str(first["ctx"]["error"])
    if first["type"] == "extra_forbidden":
        return f"{where}unknown key {field!r}"
    if first["type"] == "missing":
        return f"{where}the key {field!r} is missing"
    value = shortened(first["input"])
    expectation = first["msg"].removeprefix("Input should ").removeprefix("be ")
    if first["type"] in ("model_type", "dict_type"):
        expectation = "an object"
    expectation = expectation[0].lower() + expectation[1:]
    return f"{where}{field or 'content'} is {value}, expected {expectation}"


def in_words(place):
    """The place of a value in a config, e.g. ("spectra", "3", "peak_heights", 1), in two parts:
    "class 3: " and "peak_heights[1]"."""
    place, where = list(place), ""
    if place[:1] == ["spectra"] and len(place) > 1:
        where, place = f"class {place[1]}: ", place[2:]
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return where, field.removeprefix(".")


def shortened(value):
    """A value as Python shows it, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def first_line(error):
    """What went wrong, in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
