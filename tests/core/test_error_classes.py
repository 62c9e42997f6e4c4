"""An error comes back from another process as what it was, whatever its class asks of a constructor."""

from __future__ import annotations

import pickle

from mlx_convert_core import ErrorInfo, MlxConvertError


class QuotaExceeded(MlxConvertError):
    """Has a constructor of its own, as a plugin's may."""

    default_code = "quota"

    def __init__(self, used: int, allowed: int) -> None:
        super().__init__(f"{used} of {allowed} are used.", hint="Wait until tomorrow.")


def test_an_error_class_with_its_own_constructor_comes_back() -> None:
    error = QuotaExceeded(7, 5)
    for back in (ErrorInfo.of(error).exception(), pickle.loads(pickle.dumps(error))):
        assert type(back) is QuotaExceeded
        assert (back.code, back.message, back.hint) == ("quota", "7 of 5 are used.", "Wait until tomorrow.")
        assert str(back) == "7 of 5 are used."
