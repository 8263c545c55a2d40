"""Who is served: theaters (support teams), customers, and their installations of the product.

Identity and configuration only; what an agent reports about a machine lives in `fleet/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class HaRole(StrEnum):
    """Configured part of a node in a high-availability pair."""

    ACTIVE = "active"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, kw_only=True)
class Theater:
    """A region with one support team, one time zone and one set of calendars."""

    #: Slug, such as "emea".
    id: str
    title: str
    #: IANA time zone, such as "Europe/Berlin".
    zone: str
    #: Ids of its calendars, such as "emea/business", sorted; "<theater>/always" is always among them.
    calendars: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company that runs the product."""

    #: Slug.
    id: str
    name: str
    #: Id of the theater whose team and calendars serve this customer.
    theater: str
    contact_email: str | None
    contact_phone: str | None
    #: Language of customer notices, such as "en" or "pt-BR".
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of an installation; its agent's id is "customer/installation/node"."""

    #: Slug, unique within the installation.
    id: str
    #: None when the installation is no high-availability pair.
    ha_role: HaRole | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The product as installed at one customer: one or more nodes."""

    #: Slug, unique within the customer.
    id: str
    #: Id of the customer.
    customer: str
    name: str
    #: Release as known to the vendor, such as "2020.Winter.1"; an agent may report a newer one.
    product_version: str
    #: Set up to report to the vendor's cloud.
    cloud_connected: bool
    #: The customer has agreed to be watched.
    consent: bool
    #: Ids of the applications that are licensed here, sorted; a crash of any other is no alarm.
    licensed_components: tuple[str, ...]
    #: Sorted by id.
    nodes: tuple[Node, ...]
