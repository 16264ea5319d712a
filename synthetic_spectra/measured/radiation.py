"""What the head of a text file says of the radiation."""

import re

# between the word and its number: a unit alone, or other words of the same cell, as "of Mo Kα1"
UNIT = r"[^\w\n]*(?:(?:in[^\w\n]+)?(?:nm|pm|m|å|a|ang\w*)\b[^\w\n]*)?"
WORDS = r"(?:[^0-9\n,;\t]|(?<=[aα])[12]){0,25}"
X_RAYS = re.compile(
    rf"(?P<word>wave.?length[12]?|\blambda)(?:(?P<unit>{UNIT})|{WORDS})"
    r"(?<!\w)(?<![0-9][.,])(?P<value>[0-9]+[.,][0-9]{2,8}(?:e-?[0-9]+)?)(?![.,]?[0-9])"
    # a unit of something else makes it another number
    r"(?=\s*(?:$|[^\w\s%°]|[0-9]|(?P<behind>nm|pm|m|å|a|ang\w*)\b|(?:cu|mo|co|cr|fe|ag|k[\Waα]|for|in)))",
    re.IGNORECASE | re.MULTILINE,
)
IN_ANGSTROM = {"nm": 10, "pm": 0.01, "m": 1e10}
X_RAY_WAVELENGTHS = 0.05, 4  # Å
ROUNDED = {"1.54": 1.5406, "0.71": 0.7093}  # of Cu and Mo Kα1
OTHERWISE = re.compile(r"spread|resol|error|step|width|shift|correct", re.IGNORECASE)

LASER = re.compile(r"laser.?wave.?length[^0-9\n]{0,12}([0-9]{3,4}(?:[.,][0-9]+)?)", re.IGNORECASE)


def x_rays(text):
    """The wavelength of X-rays in Å that a head tells; None if it tells none."""
    lowest, highest = X_RAY_WAVELENGTHS
    found = []
    for one in X_RAYS.finditer(text):
        value = one["value"].replace(",", ".")
        between = text[one.end("word") : one.start("value")]
        unit = re.search(r"(?<![^\W_])(nm|pm|m)\b", between.lower())
        unit = (one["behind"] or (unit[1] if unit else "")).lower()
        wavelength = ROUNDED.get(value) or float(value) * IN_ANGSTROM.get(unit, 1)

        # after other words, and of λ, a number of two decimals is often something else
        is_lambda, decimals = one["word"].lower() == "lambda", len(value.partition(".")[2])
        exact = decimals > 2 or value in ROUNDED
        if OTHERWISE.search(between) or not (exact or (one["unit"] is not None and not is_lambda)):
            continue
        if lowest <= wavelength <= highest:
            found.append((is_lambda, round(wavelength, 8)))
    return min(found, key=lambda one: one[0])[1] if found else None


def laser(text):
    """The wavelength of a laser in Å that a head tells; None if it tells none."""
    found = LASER.search(text)
    return 10 * float(found[1].replace(",", ".")) if found else None
