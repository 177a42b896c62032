"""The directory of the models as a place: owning it, missing it, and moving it elsewhere.

    Relocator           opens the directory, moves it         relocator
      ModelsDirectory   its lock, and whether it is there     models_directory, directory_probe
      DirectoryWatch    when it is worth looking again        directory_watch
      ServedModels      what that means for the models        served_models
      Relocation        one move, from its journal on         relocation, relocation_journal
        VerifiedCopy    one directory, copied and verified    verified_copy
          TreeCopy      files and links of a directory        tree_copy
    plan_relocation     what a move would bring over          relocation_plan
    ChangeGate          a move begins after all changes       change_gate

Owns `relocation.json` in the state directory of the downloader, and the lock of the directory of the models.

Promises: until one write of the choices the old place serves and holds everything, from then on the new one
does. A disk that does not answer is waited for in a thread, never on the event loop.

Read `relocation` first.
"""
