"""Where a reader may say they live: codes of ISO 3166-1, with California apart because its law asks for more."""

CALIFORNIA, OTHER_STATES, ELSEWHERE = "US-CA", "US", "ZZ"

# The member states of the European Union and of the European Economic Area, where the same directives hold.
EUROPEAN = {
    "AT": "Austria", "BE": "Belgium", "BG": "Bulgaria", "HR": "Croatia", "CY": "Cyprus", "CZ": "Czechia",
    "DK": "Denmark", "EE": "Estonia", "FI": "Finland", "FR": "France", "DE": "Germany", "GR": "Greece",
    "HU": "Hungary", "IS": "Iceland", "IE": "Ireland", "IT": "Italy", "LV": "Latvia", "LI": "Liechtenstein",
    "LT": "Lithuania", "LU": "Luxembourg", "MT": "Malta", "NL": "Netherlands", "NO": "Norway", "PL": "Poland",
    "PT": "Portugal", "RO": "Romania", "SK": "Slovakia", "SI": "Slovenia", "ES": "Spain", "SE": "Sweden",
}  # fmt: skip
_OTHERS = {
    "AU": "Australia", "BR": "Brazil", "CA": "Canada", "IN": "India", "IL": "Israel", "JP": "Japan", "MX": "Mexico",
    "NZ": "New Zealand", "SG": "Singapore", "ZA": "South Africa", "KR": "South Korea", "CH": "Switzerland",
    "TR": "Türkiye", "UA": "Ukraine", "GB": "United Kingdom",
}  # fmt: skip
COUNTRIES: dict[str, str] = {
    CALIFORNIA: "United States: California",
    OTHER_STATES: "United States: another state",
    **dict(sorted((EUROPEAN | _OTHERS).items(), key=lambda pair: pair[1])),
    ELSEWHERE: "Another country",
}


def country_or_none(code: str | None) -> str | None:
    """A code that is known; None for anything else."""
    return code if code in COUNTRIES else None
