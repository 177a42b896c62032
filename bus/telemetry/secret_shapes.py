"""Recognises secrets by their look alone: the shapes that issuers document, and random characters. Pure."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from bus.telemetry.secret_values import SecretSpan

_SHAPES: Final = (
    r"hf_[A-Za-z0-9]{16,128}|api_org_[A-Za-z0-9]{16,128}",
    r"(?:sk|pk|rk)-[A-Za-z0-9_-]{16,256}|(?:sk|pk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,256}",
    r"whsec_[A-Za-z0-9+=]{16,128}",
    r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}",
    r"gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_.-]{16,128}",
    r"xox[abceoprsd]-[A-Za-z0-9-]{10,256}|xapp-[0-9]-[A-Za-z0-9-]{10,256}",
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",
    r"AIza[A-Za-z0-9_-]{30,64}|ya29\.[A-Za-z0-9_-]{20,512}|GOCSPX-[A-Za-z0-9_-]{20,64}",
    r"1//0[A-Za-z0-9_-]{20,256}",
    r"eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}(?:\.[A-Za-z0-9_-]{0,2048}){0,3}",
    r"npm_[A-Za-z0-9]{30,64}|pypi-[A-Za-z0-9_-]{30,512}|rubygems_[a-f0-9]{32,64}|crates?io[A-Za-z0-9]{32}",
    r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,64}|SK[0-9a-f]{32}|key-[0-9a-f]{32}",
    r"re_[A-Za-z0-9]{8,16}_[A-Za-z0-9]{16,32}",
    r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{20,64}|EAAA[A-Za-z0-9_-]{40,128}|shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",
    r"do[opr]_v1_[a-f0-9]{64}|HRKU-[A-Za-z0-9_-]{30,80}|dapi[a-f0-9]{32}",
    r"dp\.(?:pt|st|ct|sa)\.[A-Za-z0-9._-]{20,80}",
    r"hv[sbr]\.[A-Za-z0-9_-]{20,256}|gsk_[A-Za-z0-9]{20,128}|r8_[A-Za-z0-9]{20,64}",
    r"pplx-[A-Za-z0-9]{20,128}|xai-[A-Za-z0-9]{20,128}",
    r"lin_(?:api|oauth)_[A-Za-z0-9]{20,80}|(?:secret|ntn)_[A-Za-z0-9]{30,64}|figd_[A-Za-z0-9_-]{20,80}",
    r"figu_[A-Za-z0-9_-]{20,80}",
    r"gls?a_[A-Za-z0-9_]{20,80}|glc_[A-Za-z0-9+/=]{20,256}|NRAK-[A-Z0-9]{20,64}",
    r"sntrys_[A-Za-z0-9+/=_]{20,256}",
    r"sbp_[a-f0-9]{40}|tskey-[A-Za-z0-9-]{16,128}|pul-[a-f0-9]{40}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
    r"pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.-]{20,80}",
    r"ATATT3[A-Za-z0-9_=-]{20,256}|AGE-SECRET-KEY-1[A-Z0-9]{50,64}",
    r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,128}",
    r"[0-9]{8,10}:[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}",
    r"(?:pk|sk|tk)\.eyJ[A-Za-z0-9_-]{8,512}\.[A-Za-z0-9_-]{8,128}|sl\.[A-Za-z0-9_-]{100,256}",
    r"AKCp[A-Za-z0-9]{60,80}",
    r"hooks\.slack\.com/services/[A-Za-z0-9/_-]{16,128}",
    r"discord(?:app)?\.com/api/webhooks/[0-9]{8,24}/[A-Za-z0-9_-]{16,128}",
)
"""What issuers document: prefixes that are theirs alone, and lengths that no ordinary word has."""

_SHAPED: Final = re.compile("(?<![A-Za-z0-9_])(?:" + "|".join(_SHAPES) + ")")

CHANCE_LENGTH: Final = 20
"""Shorter runs of characters are not looked at: words and ids have them, too."""

_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/_=~<-])[A-Za-z0-9+/_~-]{20,512}={0,2}(?![A-Za-z0-9_-])")
_STAMP: Final = re.compile(r"\d{8}T\d{6}Z?|\d{4}-\d{2}-\d{2}")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-f-]+|(?:0x)?[0-9A-F-]+")
_WORDS: Final = re.compile(r"[A-Za-z]?[a-z]{4,}|[A-Z]{4,}")
_PIECES: Final = re.compile(r"[-_/+~.]")


def shaped_secrets(text: str) -> Iterator[SecretSpan]:
    """Secrets in a text that look as their issuers make them, or as if chance had made them."""
    for found in _SHAPED.finditer(text):
        yield SecretSpan(*found.span())


def chance_secrets(text: str) -> Iterator[SecretSpan]:
    """Long runs of characters that only a random generator writes: keys and tokens of unknown issuers."""
    for found in _RUN.finditer(text):
        if looks_random(found[0]):
            yield SecretSpan(*found.span())


def looks_random(run: str) -> bool:
    """Whether a run of characters looks drawn by chance: three classes that change often, and no words.

    Digests in hexadecimal, uuids, paths, names of models and identifiers do not.
    """
    bare = _STAMP.sub("", run.rstrip("="))
    if len(bare) < CHANCE_LENGTH or _HEX.fullmatch(bare):
        return False
    classes = [1 if sign.isdigit() else 2 if sign.islower() else 3 if sign.isupper() else 0 for sign in bare]
    if not {1, 2, 3} <= set(classes):
        return False
    changes = sum(left != right for left, right in itertools.pairwise(classes))
    if changes / len(bare) < 0.28:
        return False
    worded = sum(len(word) for word in _WORDS.findall(bare))
    if worded / len(bare) > 0.4:
        return False
    pieces = [piece for piece in _PIECES.split(bare) if piece]
    if len(pieces) > 2 and max(map(len, pieces)) < 12:
        return False
    counts = Counter(bare)
    entropy = -sum(n / len(bare) * math.log2(n / len(bare)) for n in counts.values())
    return entropy >= 3.6
