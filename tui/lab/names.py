"""Names of invented people, teams and machines."""

from __future__ import annotations

import unicodedata
from functools import cache
from random import Random

from msgspec import Struct


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_NAMES = _words(
    """
    Amara Aisha Akira Alejandro Amélie Ana Anders Anneke Arjun Astrid Beatriz Björn Camille Carlos Chiara Chloé
    Daniel Dmitri Efua Elif Emeka Emma Fatima Felix Fiona Giulia Grace Hana Hassan Helga Hiroshi Imani Ingrid
    Isabel Ivan Jack Jamal Jana João Jun Kaito Karin Kenji Kofi Laila Lars Leila Liam Lucía Magnus Marek Maria Mei
    Mohammed Naomi Nia Nikolai Noor Olga Omar Paolo Petra Priya Rafael Ravi Rosa Sanjay Sara Sean Sofia Søren
    Tariq Thandiwe Tomás Uchenna Viktor Wei Yara Yuki Zainab Zofia
    """
)
FAMILY_NAMES = _words(
    """
    Abara Adeyemi Ahmed Almeida Andersson Bauer Becker Bergström Bianchi Brown Carvalho Castro Chen Cohen Costa
    Dahl Dubois Eriksen Fernández Fischer Fontaine García González Gupta Haddad Hansen Hernández Ito Ivanova
    Jackson Jensen Johansson Jones Kamau Kaya Khan Kim Kowalski Kumar Lambert Larsen Laurent Lee Lefèvre López
    Mahlangu Mäkinen Martin Mbeki Meyer Moreau Müller Murphy Nakamura Ncube Nguyen Nielsen Novák Nowak O'Brien
    Okafor Okonkwo Oliveira Osei Park Patel Petrov Pereira Popescu Ramírez Rossi Sánchez Santos Sato Schmidt
    Sharma Silva Singh Smith Suzuki Tanaka Tremblay Tshabalala van-Dijk Virtanen Wagner Walsh Wang Weber Williams
    Wójcik Wong Yamamoto Yılmaz Zhang Zieliński
    """
)
DEPARTMENTS = (
    "Engineering",
    "Finance",
    "Human Resources",
    "IT",
    "Legal",
    "Marketing",
    "Operations",
    "Sales",
    "Support",
)
CITIES = (
    ("Oslo", "NO"),
    ("Berlin", "DE"),
    ("São Paulo", "BR"),
    ("Nairobi", "KE"),
    ("Osaka", "JP"),
    ("Austin", "US"),
    ("Leeds", "GB"),
    ("Pune", "IN"),
    ("Lyon", "FR"),
    ("Toronto", "CA"),
)
TITLES = ("Analyst", "Engineer", "Specialist", "Manager", "Consultant", "Coordinator", "Director", "Administrator")
GROUP_PURPOSES = ("Project", "Team", "Mailing List", "Share Readers", "Share Writers", "Printers", "VPN", "App Users")
COMPANIES = ("Fabrikam", "Northwind", "Adatum", "Litware", "Proseware", "Tailspin", "Wingtip", "Woodgrove")

_LETTERS_WITHOUT_ACCENT_FORM = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "'": "", "-": ""})


class Person(Struct, frozen=True):
    """`login` is unique within one generator run."""

    given: str
    family: str
    login: str

    @property
    def display(self) -> str:
        return f"{self.given} {self.family}"


@cache
def ascii_form(name: str) -> str:
    """`name` in lower-case letters without accents, as sign-in names are made of it."""
    folded = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS_WITHOUT_ACCENT_FORM))
    return folded.encode("ascii", "ignore").decode()


def person(rng: Random, serial: int) -> Person:
    """The `serial`-th person: names by chance, the sign-in name made unique by the serial number in base 36."""
    given, family = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
    return Person(given, family, login(given, family, serial))


def login(given: str, family: str, serial: int) -> str:
    return f"{ascii_form(given)[:1]}.{ascii_form(family)[:11]}{_base36(serial)}"


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
