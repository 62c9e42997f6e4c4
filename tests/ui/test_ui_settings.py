"""The Settings page: kept at once, accounts, versions and licences."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from mlx_convert_ui.state.preferences import Theme
from mlx_convert_ui.state.studio import Studio
from nicegui.testing import User
from simulated import fill, labelled, sees, until, visiting

from mlx_convert_core import MlxConvertError, Workspace
from mlx_convert_core.plugin import Account, AccountState, hookimpl

pytestmark = pytest.mark.asyncio


class Club:
    """An account whose only good token is "secret-word"."""

    name = "club"
    title = "The club"
    inside = False

    def state(self) -> AccountState:
        return AccountState(signed_in=self.inside, user="ada" if self.inside else "", source="the club's file")

    def sign_in(self, token: str) -> AccountState:
        if token != "secret-word":
            raise MlxConvertError("the club does not know this token.", hint="Make another one.", code="token_bad")
        self.inside = True
        return self.state()

    def sign_out(self) -> AccountState:
        self.inside = False
        return self.state()


class ClubPlugin:
    """Offers the account."""

    def __init__(self) -> None:
        self.club = Club()

    @hookimpl
    def register_accounts(self) -> Iterable[Account]:
        yield self.club


async def test_changes_are_kept_at_once(studio: Studio, tmp_path: Path) -> None:
    settings = studio.workspace.settings
    async with visiting(studio, "/settings") as user:
        await fill(user, "output-folder", str(tmp_path / "mine"))
        await until(lambda: settings.load().output_folder == tmp_path / "mine")
        await fill(user, "output-folder", "~nobody-here/models")
        await sees(user, "there is no user 'nobody-here'")
        assert settings.load().output_folder == tmp_path / "mine"
        for folder, said in (("/etc/passwd", "/etc/passwd is no folder"), ("a\0b", "path can't hold a NUL")):
            await fill(user, "output-folder", folder)
            await sees(user, said)
        assert settings.load().output_folder == tmp_path / "mine"
        await fill(user, "default-preset", "8bit")
        await until(lambda: settings.load().preset == "8bit")
        await fill(user, "default-target", "folder")
        await fill(user, "default-public", True)
        await until(lambda: studio.preferences.upload_public and studio.preferences.upload_target == "folder")
        user.find(marker="theme-dark").trigger("change")
        await until(lambda: studio.theme is Theme.DARK)
        user.find(marker="theme").click()
        await until(lambda: studio.theme is Theme.SYSTEM)
        await until(lambda: user.find(marker="theme-system").elements.pop().props["checked"])
        assert not user.find(marker="theme-dark").elements.pop().props["checked"]
        assert studio.theme is Theme.SYSTEM
        await user.open("/")
        await sees(user, "Convert")
    assert Studio(studio.workspace).preferences == studio.preferences


async def test_signing_in_and_out_never_shows_the_token(home: Path) -> None:
    plugin = ClubPlugin()
    with Workspace(plugins=[plugin]) as workspace:
        async with visiting(Studio(workspace), "/settings") as user:
            within = "account-club"
            await sees(user, "The club")
            await until(lambda: labelled(user, "#token", within=within).elements)
            _token(user).value = "wrong-word"
            labelled(user, "#sign-in", within=within).click()
            await sees(user, "The club does not know this token.", "Make another one.")
            assert _token(user).value == ""
            _token(user).value = "secret-word"
            labelled(user, "#sign-in", within=within).click()
            await sees(user, "Signed in", "ada", "Token from the club's file")
            await user.should_not_see("secret-word")
            assert plugin.club.inside
            labelled(user, "#sign-out", within=within).click()
            await until(lambda: labelled(user, "#token", within=within).elements)
    assert not plugin.club.inside
    assert "secret-word" not in "".join(path.read_text() for path in home.rglob("*.json"))


async def test_versions_and_licences_can_be_read(studio: Studio, home: Path) -> None:
    async with visiting(studio, "/settings") as user:
        await sees(user, importlib.metadata.version("mlx-lm"), importlib.metadata.version("mlx"), str(home))
        await user.should_not_see(platform.release())  # a kernel's name, which is no name that people know
        labelled(user, "Read the licence of JetBrains Mono").click()
        await sees(user, "SIL OPEN FONT LICENSE Version 1.1")
        user.find(marker="close-licence").click()
        await user.should_not_see("SIL OPEN FONT LICENSE Version 1.1", retries=50)


async def test_what_killed_programs_left_can_be_removed(studio: Studio, tmp_path: Path) -> None:
    studio.workspace.settings.set("output_folder", tmp_path)
    left = tmp_path / ".My Model-8bit.partial-0123abcd"
    (left / "output").mkdir(parents=True)
    (left / "output" / "model.safetensors").write_bytes(bytes(2_000_000))
    (left / "owner.json").write_text('{"pid": 4194304, "started": 1.0}')
    async with visiting(studio, "/settings") as user:
        await sees(user, "Left behind", "My Model-8bit was not finished", " MB · ")
        user.find(marker="clear-leftovers").click()
        await sees(user, "Remove what was left behind?")
        user.find(marker="cancel").click()
        assert left.exists()
        user.find(marker="clear-leftovers").click()
        await sees(user, "Remove what was left behind?")
        user.find(marker="confirm").click()
        await until(lambda: not left.exists())
        await user.should_not_see("Left behind", retries=50)


def _token(user: User) -> Any:
    (field,) = labelled(user, "#token", within="account-club").elements
    return field


async def test_lost_settings_are_said_until_one_is_made_anew(studio: Studio, home: Path) -> None:
    (home / "settings.json").write_text('{"preset": "8b')
    async with visiting(studio, "/settings") as user:
        await sees(user, "The settings were damaged and start anew")
    studio.workspace.settings.set("preset", "8bit")
    async with visiting(studio, "/settings") as user:
        await user.should_not_see("The settings were damaged")
