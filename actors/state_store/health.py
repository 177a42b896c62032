"""How the store is: alerts, metrics, notes in the audit log, and the answer to a health request."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

from actors.state_store.audit_notes import AuditTrail
from actors.state_store.engine.operations import Incident
from actors.state_store.engine.store import StateStore
from bus.telemetry.alert_book import Alerts
from bus.telemetry.instruments import Metrics
from schemas.state import NamespaceHealth, StateFault, StateHealthReportedEvent

CORRUPTION: Final = "state_persistence.corruption_detected"
QUOTA: Final = "state_persistence.quota_exceeded"
DISK: Final = "state_persistence.disk_failed"
AUDIT: Final = "state_persistence.audit_log"
JOURNAL: Final = "journal"
FAULT_LIMIT: Final = 50


class HealthReporter:
    """Counts requests, remembers the newest faults, raises and clears alerts."""

    def __init__(
        self,
        store: StateStore,
        alerts: Alerts,
        metrics: Metrics,
        audit: AuditTrail,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with zero counts.

        Args:
            store: what is reported on.
            alerts: shows people what is wrong.
            metrics: takes durations and sizes.
            audit: takes a note of every request.
            clock: seconds since the Unix epoch.
        """
        self._store = store
        self._alerts = alerts
        self._audit = audit
        self._clock = clock
        self._faults: deque[StateFault] = deque(maxlen=FAULT_LIMIT)
        self._quotas_exceeded: set[str] = set()
        self._written: set[str] = set()
        self._counts = {"save": 0, "load": 0}
        self._totals_ms = {"save": 0.0, "load": 0.0}
        self._refused = 0
        self._corrupted = 0
        self._durations = {
            verb: metrics.histogram(
                f"state_persistence.{verb}.duration_ms", f"How long a {verb} takes, from request to answer."
            )
            for verb in ("save", "load")
        }
        self._size = metrics.gauge(
            "state_persistence.storage.size_bytes", "Size of keys and documents on disk, by namespace."
        )

    def succeeded(self, who: str, verb: str, key: str, took_seconds: float) -> None:
        """Count a request that was carried out; `verb` is `save`, `load`, `delete`, `exists` or `list`."""
        kind = "save" if verb in ("save", "delete") else "load"
        if kind == "save":
            self._written.add(key)
        self._counts[kind] += 1
        self._totals_ms[kind] += took_seconds * 1000
        self._durations[kind].observe(took_seconds * 1000)
        self._audit.record(who, verb, key, "ok")

    def was_refused(self, who: str, verb: str, key: str, problem: str) -> None:
        """Count a request that was not carried out."""
        self._refused += 1
        self._faults.appendleft(StateFault(at=self._clock(), key=key, problem=problem[:500]))
        self._audit.record(who, verb, key, "refused")

    async def quota_exceeded(self, subject: str, problem: str) -> None:
        """Raise the alert that a value did not fit into a quota."""
        self._quotas_exceeded.add(subject)
        advice = "Delete what is not needed, or raise the quota in profile.toml."
        await self._alerts.raise_alert(QUOTA, subject, severity="warning", message=problem, advice=advice)

    async def quota_sufficed(self, namespace: str) -> None:
        """Clear the quota alerts of a namespace to which a value was written."""
        for subject in self._quotas_exceeded & {namespace, "total"}:
            self._quotas_exceeded.discard(subject)
            await self._alerts.clear(QUOTA, subject)

    async def report_incidents(self) -> None:
        """Clear alerts that no longer apply, then raise those of new incidents and audit problems."""
        await self._clear_outdated()
        while self._store.incidents:
            incident = self._store.incidents.popleft()
            problem = incident.problem[:500]
            self._faults.appendleft(StateFault(at=self._clock(), key=incident.subject, problem=problem))
            if incident.kind == "corruption":
                await self._raise_corruption(incident)
            else:
                advice = "Check the disk. No acknowledged value is lost while the journal can be read."
                await self._alerts.raise_alert(
                    DISK, incident.subject, severity="critical", message=incident.problem, advice=advice
                )
        while self._audit.problems:
            advice = "Find out who changed the audit log, or free space on its disk."
            message = self._audit.problems.popleft()
            await self._alerts.raise_alert(AUDIT, severity="error", message=message, advice=advice)

    def measure(self) -> None:
        """Take the sizes of all namespaces into the metrics."""
        for namespace in self._store.namespaces:
            self._size.set(self._store.index.totals(namespace.name).size_bytes, namespace=namespace.name)

    def health(self) -> StateHealthReportedEvent:
        """The answer to a health request."""
        store = self._store
        namespaces = []
        for namespace in store.namespaces:
            totals = store.index.totals(namespace.name)
            namespaces.append(
                NamespaceHealth(
                    name=namespace.name,
                    keys=totals.keys,
                    size_bytes=totals.size_bytes,
                    quota_bytes=namespace.quota_bytes,
                    encrypt=namespace.encrypt,
                    owner=namespace.owner,
                )
            )
        return StateHealthReportedEvent(
            namespaces=namespaces,
            keys=len(store.index),
            size_bytes=store.index.size_bytes,
            quota_bytes=store.quota_bytes,
            journal_bytes=store.journal_bytes,
            revision=store.revision,
            saves=self._counts["save"],
            loads=self._counts["load"],
            refused=self._refused,
            save_mean_ms=self._mean_ms("save"),
            load_mean_ms=self._mean_ms("load"),
            corrupted=self._corrupted,
            faults=list(self._faults),
            alerts=[f"{alert.name}/{alert.subject}" for alert in self._alerts.active()],
        )

    async def _clear_outdated(self) -> None:
        """Clear alerts of documents that were written since, and of a disk that works again."""
        written, self._written = self._written, set()
        for alert in self._alerts.active():
            is_whole = alert.name == CORRUPTION and alert.subject in written
            is_well = alert.name == DISK and alert.subject == JOURNAL and not self._store.is_suspect
            if is_whole or is_well:
                await self._alerts.clear(alert.name, alert.subject)

    async def _raise_corruption(self, incident: Incident) -> None:
        self._corrupted += 1
        copy = f"repaired from {incident.source}" if incident.source else "no good copy was found"
        message = (
            f"{incident.subject} was damaged: {incident.problem}; {copy}; the evidence is {incident.evidence}"
        )
        advice = "Check the disk, and look at the evidence before you delete it."
        await self._alerts.raise_alert(
            CORRUPTION, incident.subject, severity="error", message=message, advice=advice
        )

    def _mean_ms(self, verb: str) -> float:
        return self._totals_ms[verb] / self._counts[verb] if self._counts[verb] else 0.0
