"""The checks of the doctor, one module a subject.

Each gathers facts (`look`, reads only) and judges them (`check`, pure), and knows of no other check.
"""
