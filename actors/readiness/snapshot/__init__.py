"""The snapshot of readiness, derived from facts. Pure: facts and the time in, snapshot out.

`readiness_facts.py` folds events into facts; `readiness_snapshot.py` derives the whole from them, with
`availability.py` (modes), `checklist.py` (steps), `presentation.py` (what a frontend shows) and
`warning_signs.py`.
"""
