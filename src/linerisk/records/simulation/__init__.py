"""A simulated mobile operator: people with habits, frauds with schemes, and what the network writes about both.

Nothing is drawn per feature. Lines have streams of traffic; streams make legs; legs have parties, places, handsets
and outcomes; frauds are found out late or never; found ones fall silent.
"""

from __future__ import annotations

from linerisk.records.simulation.simulator import SimulationReport, simulate

__all__ = ["SimulationReport", "simulate"]
