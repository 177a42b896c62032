"""Whether the keys that encrypt documents are to be had. No window comes up, and no key is made or shown."""

from __future__ import annotations

from typing import Final

from actors.doctor.problems import Place, Problem
from actors.storage.keys.keychain import KeychainRefused
from actors.storage.keys.ring import open_ring
from schemas.keys import KeysReport

CHECK: Final = "keychain"
PATIENCE_SECONDS: Final = 3.0


def look(place: Place) -> KeysReport | str:
    """Ask the keychain, as `undercroft keys status` does; or why none could be asked."""
    try:
        ring = open_ring(place.locations.state, timeout_seconds=PATIENCE_SECONDS)
    except KeychainRefused as error:
        return str(error)
    ring.unlock()
    return ring.report()


def check(facts: KeysReport | str) -> list[Problem]:
    """Whether they are locked, and whether they could be recovered."""
    if isinstance(facts, str):
        return [Problem(check=CHECK, severity="error", what=facts, advice="choose another keychain with UNDERCROFT_KEYCHAIN")]
    if facts.state == "locked":
        what, advice = f"the keys are locked ({facts.reason}): {facts.detail}", facts.advice or "see 'undercroft keys status'"
        return [Problem(check=CHECK, severity="error", what=what, where=facts.keychain, advice=advice)]
    if facts.state == "unlocked" and not facts.has_recovery_code:
        what, advice = "there is no recovery code: if the keychain is lost, so is what was encrypted", "run 'undercroft keys recovery-code'"
        return [Problem(check=CHECK, severity="info", what=what, where=facts.keychain, advice=advice)]
    return []
