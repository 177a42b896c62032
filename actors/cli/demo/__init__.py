"""The five-minute tour: what the runtime does when things go wrong, on real processes, without internet.

`tour_run.py` prepares a throwaway home and an HTTP origin on the loopback interface, runs the script, and
clears everything away. `tour_script.py` is the script; read it first. Each step (`tour_step.py`) proves one
promise or says what it found instead (`tour_report.py`). `tour_models.py` has the model files, `origin.py`
and `origin_content.py` serve them, `tour_processes.py` runs `undercroft` commands, and `event_recorder.py`,
`visibility_probe.py` and `batch_writer.py` watch the runtime.

It owns nothing but the home of the tour, which it deletes unless it is to be kept.
"""
