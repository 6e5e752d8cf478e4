"""Personas and fraud schemes of the simulated city: shares, age of the line, kinds of traffic.

The numbers are assumptions, chosen so that the city as a whole meets what was measured at real operators.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from linerisk.records.simulation.activity_streams import Traffic

YEAR = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One kind of customer.

    Attributes:
        name: Written to `truth.parquet`.
        share: Share of the legal lines, or of the fraudulent ones.
        years: Median age of the line when not new.
        fresh: How many times likelier than average the line is new.
        contacts: Median number of lasting contacts.
        town: Share of contacts who live out of town.
        cells: Number of places of daily life.
        life: The ordinary traffic, if any.
        work: Additional permanent traffic, if any.
        plans: Shares of prepaid, postpaid, enterprise, iot.
        declared: Share with a declared business use.
        device: Class of the handset: `smart`, `feature`, `module`.
    """

    name: str
    share: float
    years: float = 4.0
    fresh: float = 1.0
    contacts: float = 17.0
    town: float = 0.2
    cells: int = 4
    life: Traffic | None = None
    work: Traffic | None = None
    plans: tuple[float, float, float, float] = (0.66, 0.32, 0.02, 0.0)
    declared: float = 0.0
    device: str = "smart"


_LIFE = Traffic(out=0.97, inn=0.94, texts_out=0.06, services=0.75, spread=0.95)
_SELDOM = Traffic(out=0.42, inn=0.55, texts_out=0.04, services=0.7, spread=1.1)
_SIDE = Traffic(out=0.65, inn=0.55, texts_out=0.05, services=0.9, spread=0.8)


def _work(**changes: object) -> Traffic:
    chosen: dict[str, object] = {"spread": 0.65, "day_shape": 3.0, "again": 0.2, "text_fresh": 0.6, **changes}
    return Traffic(**chosen)  # type: ignore[arg-type]


_SALES = _work(
    out=14.0, inn=0.2, rhythm="office", weekend=0.25, fresh=0.62, again=0.25, town=0.45, fixed=0.1, answered=0.36,
    talk=32.0, retry=0.12, back=0.08, batch=0.5, spread=0.9, day_shape=1.6, texts_out=0.15, sweep=0.03,
)  # fmt: skip
_SELLER = _work(
    out=15.0, inn=0.8, rhythm="seller", weekend=0.9, fresh=0.74, again=0.22, town=0.88, answered=0.5, talk=30.0,
    back=0.2, virtual=0.12, spread=0.85, texts_out=0.3,
)  # fmt: skip
_CENTRE = _work(
    out=48.0, rhythm="office", weekend=0.35, fresh=0.74, again=0.26, town=0.5, answered=0.45, talk=40.0, back=0.05,
    regular=0.35, place="one", handset="new", sweep=0.02,
)  # fmt: skip

LEGAL: tuple[Persona, ...] = (
    Persona(name="ordinary", share=0.429, years=5.0, life=_LIFE),
    Persona(
        name="student", share=0.08, years=1.4, fresh=1.6, town=0.55, cells=3, contacts=16,
        life=Traffic(out=0.4, inn=0.3, texts_out=0.03, services=0.9, rhythm="evening", town=0.45),
    ),
    Persona(
        name="migrant_worker", share=0.12, years=2.0, fresh=1.5, town=0.70, contacts=26,
        life=Traffic(out=1.05, inn=0.9, texts_out=0.06, services=0.7, rhythm="evening", weekend=1.25, town=0.55,
                     talk=55.0, spread=0.9),
    ),
    Persona(
        name="courier", share=0.012, years=1.2, fresh=2.6, cells=6, life=_SIDE,
        work=_work(out=46.0, inn=2.0, rhythm="courier", weekend=0.8, fresh=0.8, again=0.2, town=0.10, answered=0.6,
                   talk=17.0, talk_shape=2.4, back=0.1, place="roam", virtual=0.03, spread=0.7),
    ),
    Persona(
        name="courier_privacy_number", share=0.008, years=1.2, fresh=2.6, cells=6, life=_SIDE,
        work=_work(out=38.0, inn=1.0, rhythm="courier", weekend=0.8, fresh=0.85, again=0.15, town=0.05, answered=0.65,
                   virtual=0.93, talk=17.0, talk_shape=2.4, back=0.04, place="roam"),
    ),
    Persona(
        name="driver", share=0.01, years=2.0, fresh=1.5, cells=6, life=_SIDE,
        work=_work(out=11.0, inn=4.0, rhythm="driver", fresh=0.9, again=0.1, town=0.15, virtual=0.6, answered=0.75,
                   talk=20.0, talk_shape=2.2, in_fresh=0.9, place="roam"),
    ),
    Persona(name="salesperson", share=0.02, years=1.5, fresh=2.3, life=_SIDE, work=_SALES, declared=0.06),
    Persona(
        name="small_business", share=0.05, years=6.0, contacts=60, life=_SIDE, declared=0.03,
        work=_work(out=3.0, inn=2.7, rhythm="shop", weekend=0.8, fresh=0.33, again=0.15, in_fresh=0.4, town=0.25,
                   answered=0.75, spread=0.9, talk=36.0),
        plans=(0.5, 0.42, 0.08, 0.0),
    ),
    Persona(
        name="reception", share=0.007, years=4.0, contacts=20, town=0.05, cells=1, device="feature", declared=0.1,
        life=_work(out=4.5, inn=12.0, rhythm="meals", fresh=0.4, in_fresh=0.7, town=0.06, answered=0.8, services=0.3,
                   place="one"),
        plans=(0.3, 0.4, 0.3, 0.0),
    ),
    Persona(
        name="call_centre_declared", share=0.0015, years=1.0, fresh=2.5, contacts=4, cells=1, declared=0.95,
        life=_CENTRE, plans=(0.05, 0.15, 0.8, 0.0), device="feature",
    ),
    Persona(
        name="call_centre_undeclared", share=0.0015, years=0.8, fresh=3.5, contacts=4, cells=1, life=_CENTRE,
        plans=(0.5, 0.25, 0.25, 0.0), device="feature",
    ),
    Persona(
        name="elderly", share=0.09, years=9.0, fresh=0.4, contacts=9, town=0.1, cells=2, device="feature",
        life=Traffic(out=0.42, inn=0.55, texts_out=0.01, services=0.5, rhythm="morning", fresh=0.03, in_fresh=0.12,
                     town=0.1, answered=0.8, spread=0.85),
    ),
    Persona(name="traveller", share=0.02, years=5.0, cells=6, life=_LIFE),
    Persona(
        name="idle", share=0.06, years=6.0, fresh=0.6, contacts=3, cells=1,
        life=Traffic(out=0.025, inn=0.03, services=0.35, fresh=0.3, spread=0.7, day_shape=0.5),
    ),
    Persona(
        name="machine", share=0.036, years=2.0, fresh=1.5, contacts=1, cells=1, device="module",
        life=Traffic(out=0.01, services=0.02, texts_out=0.03, spread=1.2), plans=(0.05, 0.05, 0.1, 0.8),
    ),
    Persona(name="event", share=0.031, years=6.0, fresh=0.05, contacts=45, life=_LIFE),
    Persona(name="drive", share=0.021, years=5.0, fresh=3.5, town=0.4, life=_SELDOM),
    Persona(
        name="redialler", share=0.002, years=8.0, fresh=0.1, life=_LIFE,
        work=_work(out=9.0, rhythm="office", weekend=0.1, fresh=0.06, again=0.92, town=0.9, fixed=0.9, answered=0.12,
                   retry=0.5, day_shape=0.4, back=0.1),
    ),
    Persona(
        name="e_commerce_seller", share=0.013, years=2.0, fresh=5.0, cells=2, life=_SIDE, work=_SELLER, declared=0.2,
    ),
    Persona(name="new_hire", share=0.009, years=3.0, fresh=28.0, life=_SIDE),
)  # fmt: skip

EVENT = Traffic(
    out=60.0, spread=0.45, day_shape=4.0, rhythm="evening", fresh=0.66, again=0.1, town=0.4, focus=0.3,
    answered=0.58, talk=45.0, retry=0.15, back=0.34, batch=0.4, jitter=0.8, texts_out=2.0,
)  # fmt: skip
"""A teacher rings the parents of a new class, a couple its guests, a graduate every company."""
DRIVE = Traffic(
    out=38.0, inn=0.4, spread=0.6, day_shape=3.0, rhythm="relay", fresh=0.89, again=0.09, town=0.87, focus=0.15,
    answered=0.42, talk=30.0, retry=0.07, back=0.09, batch=0.35, jitter=0.9, sweep=0.01,
)  # fmt: skip
"""A week of calls to strangers all over the country: a harvest to sell, policies to renew, old comrades or unpaid
customers to find."""
AWAKENED = Traffic(
    out=12.0, inn=2.0, spread=0.9, fresh=0.65, again=0.15, town=0.6, answered=0.55, back=0.15, jitter=0.8
)
"""An idle second number comes back into use: for a sale, a job search, a parent's illness."""
NEW_HIRE = _SALES

_BURST = Traffic(
    out=38.0, spread=0.95, rhythm="dialler", weekend=0.75, fresh=0.93, again=0.07, town=0.86, answered=0.32, talk=15.0,
    talk_shape=1.5, retry=0.05, back=0.03, batch=0.3, regular=0.4, place="one", handset="box", jitter=0.9, sweep=0.06,
    day_shape=2.5,
)  # fmt: skip
_RELAY = Traffic(
    out=26.0, spread=1.0, rhythm="relay", fresh=0.88, again=0.12, town=0.85, answered=0.42, talk=62.0, retry=0.08,
    back=0.06, place="hotel", handset="new", jitter=0.9, day_shape=2.0, focus=0.2,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """One kind of fraud.

    Attributes:
        name: Written to `truth.parquet`.
        share: Share of the fraudulent lines.
        traffic: Traffic of the fraud.
        days: Median length in days.
        days_sigma: Log-normal sigma of the length.
        longest: Longest length.
        new: Share of lines activated for it, weeks before.
        lead: Median days from activation to the first call, if new.
        years: Median age of the line, if not new.
        host: The line's life before: `none`, `ordinary`, `idle` or `silent` (ordinary, then months of silence).
        keeps_life: The holder keeps using the line during the fraud.
        gang: Lines that work together, share boxes and start within days; 1 for alone.
        decoy: Share of lines that also have a little ordinary traffic as camouflage.
        harm: Factor on the reach of the fraud that makes a report likelier.
    """

    name: str
    share: float
    traffic: Traffic
    days: float
    days_sigma: float = 0.5
    longest: float = 28.0
    new: float = 1.0
    lead: float = 8.0
    years: float = 1.5
    host: str = "none"
    keeps_life: bool = False
    gang: int = 1
    decoy: float = 0.0
    harm: float = 1.0


FRAUD: tuple[Scheme, ...] = (
    Scheme(
        name="goip", share=0.11, traffic=_BURST, days=6, days_sigma=0.7, new=0.55, lead=12, years=0.9, gang=10,
        decoy=0.4,
    ),
    Scheme(
        name="goip_camouflaged", share=0.09, days=9, days_sigma=0.5, new=0.6, lead=15, years=0.8, gang=8, decoy=0.5,
        traffic=replace(_BURST, mates=0.16, listed=0.2),
    ),
    Scheme(
        name="burst_dialler", share=0.07, days=2, days_sigma=0.4, longest=5, new=0.6, lead=9, years=1.0, decoy=0.25,
        traffic=Traffic(out=105.0, spread=0.6, rhythm="dialler", fresh=0.95, again=0.05, town=0.85, answered=0.26,
                        talk=12.0, back=0.03, regular=0.2, place="one", handset="own", jitter=0.6, sweep=0.1),
    ),
    Scheme(
        name="relay", share=0.19, days=6, days_sigma=0.5, longest=14, new=0.35, lead=12, host="ordinary", years=3.0,
        traffic=_RELAY, decoy=0.35, harm=2.5,
    ),
    Scheme(
        name="wangiri", share=0.05, days=1, days_sigma=0.2, longest=2, new=0.6, lead=8, years=0.8, harm=0.8,
        traffic=Traffic(out=380.0, spread=0.4, rhythm="any", fresh=0.99, again=0.01, town=0.92, answered=0.04,
                        ring=1.6, talk=3.0, back=0.16, retry=0.0, regular=0.6, place="one", sweep=0.2),
    ),
    Scheme(
        name="bulk_text", share=0.08, days=1.6, days_sigma=0.3, longest=4, new=0.55, lead=8, host="idle", harm=0.8,
        traffic=Traffic(out=2.0, texts_out=330.0, spread=0.6, rhythm="any", fresh=0.9, text_fresh=0.98, town=0.85,
                        text_reply=0.01, place="one", handset="new", sweep=0.15),
    ),
    Scheme(
        name="patient", share=0.17, days=32, days_sigma=0.35, longest=60, new=0.25, lead=20, host="ordinary", years=2.5,
        traffic=Traffic(out=3.6, inn=0.5, spread=0.7, rhythm="shop", fresh=0.35, again=0.6, town=0.85, answered=0.7,
                        talk=380.0, back=0.3, place="one", handset="new", texts_out=0.5, jitter=0.7),
        harm=5.0, decoy=0.5,
    ),
    Scheme(
        name="repeat_offender", share=0.05, days=5, days_sigma=0.5, new=1.0, lead=5, gang=3, decoy=0.2,
        traffic=replace(_BURST, listed=0.5),
    ),
    Scheme(
        name="aged_line_sold", share=0.17, days=9, days_sigma=0.4, longest=20, new=0.0, host="silent", years=5.0,
        traffic=replace(_RELAY, out=34.0, sweep=0.08), harm=2.0,
    ),
    Scheme(
        name="hijacked", share=0.06, days=1.8, days_sigma=0.3, longest=4, new=0.0, host="ordinary", years=4.0,
        keeps_life=True, traffic=_RELAY, harm=2.5,
    ),
)  # fmt: skip
