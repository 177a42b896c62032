"""Checks that the keys of documents can be unlocked. Opens no window, and creates and shows no key."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import ExaminedHome, Problem, error, info
from actors.shared.keychain.keychain import KeychainFailed
from actors.shared.keychain.keychain_choice import KEYCHAIN_VARIABLE, KeychainRefused, choose
from actors.shared.keychain.keychain_worker import KeychainWorker
from actors.shared.keys.key_ring import SERVICE, open_ring
from actors.shared.keys.key_rules import ADVICE
from schemas.keys import KeysReport, LockReason

CHECK: Final = "keychain"
TIMEOUT_SECONDS: Final = 3.0
NO_ACCOUNT: Final = "undercroft-doctor"
"""No entry has this name: only whether the keychain answers counts."""


@dataclass(frozen=True)
class KeychainFacts:
    """The keys and the keychain.

    Attributes:
        report: None if there is no such keychain; `fault` says so.
        silent: why the keychain does not answer; only tested while there are no keys yet.
    """

    report: KeysReport | None = None
    fault: str = ""
    silent: LockReason | None = None
    detail: str = ""


def look(home: ExaminedHome) -> KeychainFacts:
    """Ask the keychain, as `undercroft keys status` does."""
    try:
        ring = open_ring(home.locations.state, timeout_seconds=TIMEOUT_SECONDS)
        keychain = KeychainWorker(choose(os.environ.get(KEYCHAIN_VARIABLE, ""), SERVICE), TIMEOUT_SECONDS)
    except KeychainRefused as refused:
        return KeychainFacts(fault=str(refused))
    ring.unlock()
    report = ring.report()
    try:
        if report.state == "absent":
            keychain.get(NO_ACCOUNT)
    except KeychainFailed as failed:
        return KeychainFacts(report, silent=failed.reason, detail=failed.detail)
    return KeychainFacts(report)


def check(facts: KeychainFacts) -> list[Problem]:
    """Report whether keys are locked, could be created, and could be recovered."""
    report = facts.report
    if report is None:
        advice = f"choose another keychain with {KEYCHAIN_VARIABLE}"
        return [error(check=CHECK, what=facts.fault, advice=advice)]
    where = report.keychain
    if facts.silent is not None:
        what = f"there are no keys yet, and the keychain does not answer ({facts.silent}): {facts.detail}"
        what = f"{what}; nothing could be encrypted"
        return [info(check=CHECK, what=what, where=where, advice=ADVICE[facts.silent])]
    if report.state == "locked":
        what = f"the keys are locked ({report.reason}): {report.detail}"
        advice = report.advice or "see 'undercroft keys status'"
        return [error(check=CHECK, what=what, where=where, advice=advice)]
    if report.state == "unlocked" and not report.has_recovery_code:
        what = "there is no recovery code: without the keychain, everything encrypted would be lost"
        return [info(check=CHECK, what=what, where=where, advice="run 'undercroft keys recovery-code'")]
    return []
