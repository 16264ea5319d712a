"""What a measured file may be, by ``identification``: in words, as rows of a table, as JSON."""

from dataclasses import asdict

from tabulate import tabulate

DIGITS = 5  # of numbers in tables
COLUMNS = (
    "file", "verdict", "certainty", "explained", "wavelength_guessed", "name", "formula", "same_as",
    "class", "probability", "cosine", "share", "shift", "strain", "notes",
)  # fmt: skip


class Shown:
    """An ``identification.Answer`` to show.

    Args:
        answer: the answer.
        definitions: the config whose classes it names.
    """

    def __init__(self, answer, definitions):
        self.answer, self.definitions = answer, definitions

    def text(self):
        """The answer for people."""
        answer = self.answer
        names = " + ".join(dict.fromkeys(phase.name for phase in answer.phases))
        verdict = names if answer.sure else "no confident match"
        if answer.guessed:
            verdict += ", on a guess of the wavelength"
        certainty = f"certainty {answer.certainty:.3f}"
        lines = [f"{answer.file}: {verdict}"]
        lines += [
            f"  the phases explain it to {answer.explained:.3f} (cosine similarity), {certainty}"
        ]
        lines += [f"  {note}" for note in answer.notes]
        rows = [
            {
                "phase": "" if one.share is None else f"{100 * one.share:.0f} %",
                "name": one.name,
                "formula": one.formula,
                "cosine": f"{one.cosine:.3f}",
                **({} if one.probability is None else {"network": f"{one.probability:.3f}"}),
                "not told from": ", ".join(one.same[:3]) + (", …" if one.same[3:] else ""),
            }
            for one in candidates(answer)
        ]
        table = tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True)
        return "\n".join([*lines, *(f"  {line}".rstrip() for line in table.splitlines()), ""])

    def rows(self):
        """A row of ``COLUMNS`` for each candidate, one without any."""
        answer, shared = self.answer, self.content()
        shared = {name: shared[name] for name in COLUMNS[:5]} | {"notes": "; ".join(answer.notes)}
        return [
            shared
            | {name: value for name, value in rounded(one).items() if name in COLUMNS}
            | {"class": one.label, "same_as": "; ".join(one.same)}
            for one in candidates(answer)
        ] or [shared]

    def content(self):
        """The answer as JSON values."""
        answer = self.answer
        return {
            "file": str(answer.file),
            "verdict": "match" if answer.sure else "no confident match",
            "certainty": round(answer.certainty, DIGITS),
            "explained": round(answer.explained, DIGITS),
            "wavelength_guessed": answer.guessed,
            "notes": answer.notes,
            "phases": [rounded(one) for one in answer.phases],
            "best": [rounded(one) for one in answer.best],
        }

    def draw(self, path):
        """Draw the spectrum, the phases, and what is left."""
        from synthetic_spectra.measured import picture  # starts Matplotlib

        picture.draw(self.answer, self.definitions, path)


def rounded(candidate):
    """The fields of a candidate, name → value, as the tables have them."""
    return {
        name: round(value, DIGITS) if isinstance(value, float) else value
        for name, value in asdict(candidate).items()
    }


def candidates(answer):
    """The phases of an answer, then those of its best candidates that have another name."""
    names = {one.name for one in answer.phases}
    return [*answer.phases, *(one for one in answer.best if one.name not in names)]
