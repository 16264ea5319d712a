"""What the head of a text file says of the radiation."""

import re

# a number directly behind the word, or behind its unit, that is of no other unit
NUMBER = r"(?<!\w)(?<![0-9][.,])(?P<value>[0-9]+[.,][0-9]{2,8}(?:e-?[0-9]+)?)(?![.,]?[0-9])"
UNIT = r"nm|pm|m|å|a|[aå]ng\w*"
OTHER_UNIT = r"[%°]|[mcµμu]m\b|deg|wt|k?ev\b|kv\b"
DIRECT = re.compile(
    rf"(?P<word>wave.?length[12]?|\blambda)[^\w\n]*(?:(?:in[^\w\n]+)?_?(?P<unit>{UNIT})\b[^\w\n]*)?"
    rf"{NUMBER}(?!\s*(?:{OTHER_UNIT}))(?:[^\w\n]?(?P<behind>{UNIT})\b)?",
    re.IGNORECASE,
)
# a number behind other words of the same cell, as "of Mo Kα1", with nothing behind it but its unit
# or radiation; and words after which it is something else
BEHIND_WORDS = re.compile(
    r"(?P<word>wave.?length)(?P<words>(?:[^0-9\n,;\t]|(?<=[aα])[12]){1,25})"
    rf"{NUMBER}(?=\s*(?:$|[^\w\s%°]|[0-9]|(?:{UNIT}|cu|mo|co|cr|fe|ag)\b|k[\Waα]))"
    rf"(?:[^\w\n]?(?P<behind>{UNIT})\b)?",
    re.IGNORECASE | re.MULTILINE,
)
UNIT_IN_WORDS = re.compile(r"(?<![^\W_])(?P<unit>nm|pm|m)\b", re.IGNORECASE)
OTHERWISE = re.compile(
    r"spread|resol|err|uncert|step|width|shift|offset|corr|ratio|polar|cut|limit|range|band|disp"
    r"|monochromator|version|2\b|beta|β|k\W?b\b",
    re.IGNORECASE,
)
IN_ANGSTROM = {"nm": 10, "pm": 0.01, "m": 1e10}
LOWEST, HIGHEST = 0.05, 4  # Å
ROUNDED = {1.54: 1.5406, 0.71: 0.7093}  # of Cu and Mo Kα1

LASER = re.compile(r"laser.?wave.?length[^0-9\n]{0,12}([0-9]{3,4}(?:[.,][0-9]+)?)", re.IGNORECASE)


def x_rays(text):
    """The wavelength of X-rays in Å that a head tells; None if it tells none.

    A number directly behind the word wins over one behind other words, and both over that of a λ,
    which may be something else.
    """
    direct, behind_words, of_lambda = [], [], []
    for one in DIRECT.finditer(text):
        wavelength = in_angstrom(one["value"], one["behind"] or one["unit"])
        if one["word"].lower() != "lambda":
            direct.append(wavelength)
        elif has_decimals(one["value"]):
            of_lambda.append(wavelength)
    for one in BEHIND_WORDS.finditer(text):
        unit = one["behind"] or ((found := UNIT_IN_WORDS.search(one["words"])) and found["unit"])
        wavelength = in_angstrom(one["value"], unit)
        exact = has_decimals(one["value"]) or wavelength in ROUNDED.values()
        if exact and not OTHERWISE.search(one["words"]):
            behind_words.append(wavelength)
    found = [*direct, *behind_words, *of_lambda]
    return next((one for one in found if LOWEST <= one <= HIGHEST), None)


def has_decimals(value):
    """Whether a number, as text, has more than two decimals, as few others than wavelengths do."""
    return len(re.split("[.,]", value)[1]) > 2


def in_angstrom(value, unit):
    """A wavelength in Å, as it was before it was rounded to two decimals.

    Args:
        value: the number as text.
        unit: as text; None for Å, or for m where nothing else can be meant.
    """
    number = float(value.replace(",", "."))
    factor = IN_ANGSTROM.get((unit or "").lower(), 1)
    wavelength = round(number * (1e10 if number < 1e-8 else factor), 8)
    return ROUNDED.get(wavelength, wavelength)


def laser(text):
    """The wavelength of a laser in Å that a head tells; None if it tells none."""
    found = LASER.search(text)
    return 10 * float(found[1].replace(",", ".")) if found else None


def is_value(cell):
    """Whether a cell of a head holds a wavelength with its number, and so is no name."""
    return re.search(r"(wave.?length|\blambda).*[0-9][.,][0-9]{2}", cell, re.IGNORECASE)
