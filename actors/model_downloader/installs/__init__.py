"""Installs: from a person's wish to a verified revision that is active.

    InstallQueue        takes wishes, two at a time       install_queue
      Install           one model, attempt by attempt     install, install_retry (pure)
        Transfer        fetches the files                 ../transfer
        ProgressReporter    says how far it is            progress_reporter, progress_meter (pure)
    InstallContext      what all installs share           install_context
    SourceAccess        client, tokens, mirrors           source_access
    Partials            what installs left behind         partials

Promises: a wish that was answered is on disk, and continues after any crash until it is done, failed or
cancelled. Nothing becomes active that the verifier did not find whole. A partial goes only by a rule that a
person set.

Read `install_retry` first, then `install`.
"""
