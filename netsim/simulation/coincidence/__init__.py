"""The coincidence level: clicks that belong to some lane's coincidence, true or accidental."""
