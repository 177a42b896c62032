"""Looks at a home from outside and says what is wrong with it: each module gathers facts (`look`) and judges them (`check`, pure)."""
