"""Whether the keys that encrypt documents are to be had. No window comes up, and no key is made or shown."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import Place, Problem
from actors.shared.keys.key_ring import SERVICE, open_ring
from actors.shared.keys.key_rules import ADVICE
from actors.shared.keys.keychain import KeychainFailed
from actors.shared.keys.keychain_choice import KEYCHAIN_VARIABLE, KeychainRefused, choose
from actors.shared.keys.keychain_worker import KeychainWorker
from schemas.keys import KeysReport, LockReason

CHECK: Final = "keychain"
PATIENCE_SECONDS: Final = 3.0
NO_ACCOUNT: Final = "undercroft-doctor"
"""Nobody keeps anything under this name: whether the keychain answers at all is what counts."""


@dataclass(frozen=True)
class Facts:
    """The keys and the keychain.

    Attributes:
        report: None if there is no such keychain; `fault` says so.
        silent: why the keychain gives no answer; only looked at while there are no keys yet.
    """

    report: KeysReport | None = None
    fault: str = ""
    silent: LockReason | None = None
    detail: str = ""


def look(place: Place) -> Facts:
    """Ask the keychain, as `undercroft keys status` does."""
    try:
        ring = open_ring(place.locations.state, timeout_seconds=PATIENCE_SECONDS)
        keychain = KeychainWorker(choose(os.environ.get(KEYCHAIN_VARIABLE, ""), SERVICE), PATIENCE_SECONDS)
    except KeychainRefused as error:
        return Facts(fault=str(error))
    ring.unlock()
    report = ring.report()
    try:
        if report.state == "absent":
            keychain.get(NO_ACCOUNT)
    except KeychainFailed as error:
        return Facts(report, silent=error.reason, detail=error.detail)
    return Facts(report)


def check(facts: Facts) -> list[Problem]:
    """Whether they are locked, whether they could be made, and whether they could be recovered."""
    report = facts.report
    if report is None:
        return [
            Problem(
                check=CHECK,
                severity="error",
                what=facts.fault,
                advice=f"choose another keychain with {KEYCHAIN_VARIABLE}",
            )
        ]
    if facts.silent is not None:
        what = f"there are no keys yet, and the keychain gives no answer ({facts.silent}): {facts.detail}; nothing could be encrypted"
        return [
            Problem(
                check=CHECK, severity="info", what=what, where=report.keychain, advice=ADVICE[facts.silent]
            )
        ]
    if report.state == "locked":
        what, advice = (
            f"the keys are locked ({report.reason}): {report.detail}",
            report.advice or "see 'undercroft keys status'",
        )
        return [Problem(check=CHECK, severity="error", what=what, where=report.keychain, advice=advice)]
    if report.state == "unlocked" and not report.has_recovery_code:
        what, advice = (
            "there is no recovery code: if the keychain is lost, so is what was encrypted",
            "run 'undercroft keys recovery-code'",
        )
        return [Problem(check=CHECK, severity="info", what=what, where=report.keychain, advice=advice)]
    return []
