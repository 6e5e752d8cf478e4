"""What the field's catalogues have and this one has not, and why: printed at the end of the manual."""

from __future__ import annotations

NEEDS_COLUMNS: tuple[tuple[str, str], ...] = (
    ("data volume, days with data, voice without data", "a table of daily data volume per line"),
    ("spending, top-ups soon after opening", "a table of monthly revenue and of top-ups per line"),
    ("complaints and their reporters, by day", "a table of verified reports; labels come too late and too few"),
    ("on and off times shared with cell peers", "attach and detach events from signalling"),
    (
        "calls to numbers that do not exist",
        "the cause of release; that a call never rang and was not answered stands in",
    ),
    ("calls to traps", "a list of numbers that nobody uses; short codes and unknown kinds stand in"),
    ("share of elderly people or students called", "the age of the other party, which no feature may look at"),
    ("radius of movement", "coordinates of coarse cells; different cells and areas stand in"),
    ("seconds on the main cell", "attach times; hours with a record stand in"),
    ("handset class (modem, gateway, feature phone)", "a table of type codes with their class: a code alone says none"),
    ("high-incidence areas and return from them", "a dated list of areas; no feature looks at which area it is"),
    ("forwarding set or changed", "supplementary-service events; forwarded calls stand in"),
    ("who was wrongly suspended before", "a table of past actions with their reversals"),
    (
        "number of verifications passed",
        "their history in the account of a request, which holds the last one only",
    ),
    ("own past of 90 days", "records of 90 days; 56 are read"),
)
"""What it is, and the column or table that it would need."""

LEFT_OUT: tuple[tuple[str, str], ...] = (
    (
        "comparison with the line's segment (plan, tenure band)",
        (
            "Medians over all lines are not there in a request, would make a line's features depend on other lines, "
            "and a band of tenure would let a line's age move features that are not bound to lower the risk. Plan, "
            "declared use and tenure are features themselves, so a model compares within them."
        ),
    ),
    (
        "contacts shared with lines found fraudulent",
        (
            "A request cannot see other lines' contacts or labels: a model trained with them would meet nothing in "
            "their place. It wants a store of flagged contacts that is published with the snapshot first."
        ),
    ),
    (
        "burstiness (s - m) / (s + m) of gaps",
        "It is (v - 1) / (v + 1) of their variation v: the same order, and once is enough.",
    ),
    (
        "reciprocity without calls inside a group of lines",
        "Which lines form a group is known only over all lines, with the same consequence as for segments.",
    ),
)
"""What it is, and why it is not there although the columns could carry it."""
