"""A simulated mobile operator: personas, fraud schemes, and the records that the network writes about both.

No feature is drawn directly. Lines have streams of traffic; streams make legs; legs have parties, places, handsets and
outcomes. Frauds are found late or never; found ones have no further records.
"""

from __future__ import annotations

from linerisk.records.simulation.simulator import SimulationReport, simulate

__all__ = ["SimulationReport", "simulate"]
