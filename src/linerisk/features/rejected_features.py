"""Features of the literature that this catalogue rejects, with reasons; printed at the end of the manual."""

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
        "comparison within a band of tenure",
        (
            "A line that grows older would be compared with other lines, and its age would move features that are not "
            "bound to lower the risk. Segments are of plan and declared use; tenure is a feature itself."
        ),
    ),
    (
        "most contacts in common with one found line",
        (
            "It wants every pair of a found line and a contact in the reference, and as many rows in a request as "
            "found lines share a number. The share and the weight of what is shared with any of them stand in."
        ),
    ),
    (
        "burstiness (s - m) / (s + m) of gaps",
        "It is (v - 1) / (v + 1) of their variation v: the same order, and once is enough.",
    ),
    (
        "reciprocity without calls inside a group of lines",
        "Which lines form a group is known only over all lines, and is no table small enough to be published.",
    ),
)
"""What it is, and why it is not there although the columns could carry it."""
