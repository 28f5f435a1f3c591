"""The TOML file and the frozen, validated specs made from it."""
