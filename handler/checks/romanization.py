"""Hangul in Latin letters, as English copy spells a Korean name: 몽이 is Mongi. Pure.

Revised Romanization of Korean (2000), letter by letter; sound changes between syllables are left out.
"""

_INITIAL = "g,kk,n,d,tt,r,m,b,pp,s,ss,,j,jj,ch,k,t,p,h".split(",")  # noqa: SIM905 - one line each
_MEDIAL = "a,ae,ya,yae,eo,e,yeo,ye,o,wa,wae,oe,yo,u,wo,we,wi,yu,eu,ui,i".split(",")  # noqa: SIM905 - one line each
_FINAL = ",k,k,k,n,n,n,t,l,k,m,p,l,l,p,l,m,p,p,t,t,ng,t,t,k,t,p,t".split(",")  # noqa: SIM905 - one line each


def romanized(text: str) -> str:
    """The Hangul syllables of the text in lower-case Latin letters; everything else is left out."""
    syllables = (ord(letter) - 0xAC00 for letter in text if "가" <= letter <= "힣")
    return "".join(_INITIAL[s // 588] + _MEDIAL[s % 588 // 28] + _FINAL[s % 28] for s in syllables)
