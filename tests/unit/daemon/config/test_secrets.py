"""Where the model's key comes from."""

from pathlib import Path

from daemon.config.secrets import api_key


def test_the_environment_wins_over_the_credential(tmp_path: Path) -> None:
    """White space around the key is dropped."""
    (tmp_path / "anthropic_api_key").write_text("sk-file\n")
    environ = {"ANTHROPIC_API_KEY": " sk-env\n", "CREDENTIALS_DIRECTORY": str(tmp_path)}

    assert api_key(environ) == "sk-env"


def test_the_systemd_credential_is_read(tmp_path: Path) -> None:
    """`LoadCredential=anthropic_api_key:…` puts a file there."""
    (tmp_path / "anthropic_api_key").write_text("sk-file\n")

    assert api_key({"CREDENTIALS_DIRECTORY": str(tmp_path), "ANTHROPIC_API_KEY": ""}) == "sk-file"


def test_no_key_is_none(tmp_path: Path) -> None:
    """No variable, no folder, no file, an empty file: all mean that there is none."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "anthropic_api_key").write_text("\n")

    assert api_key({}) is None
    assert api_key({"CREDENTIALS_DIRECTORY": str(tmp_path)}) is None
    assert api_key({"CREDENTIALS_DIRECTORY": str(tmp_path / "empty")}) is None
