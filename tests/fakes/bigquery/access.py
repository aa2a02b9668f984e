"""Who may read what: access lists of datasets, authorized views and datasets, row access policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.bigquery.catalog import Catalog, Resource
from tests.fakes.bigquery.errors import ApiError, duplicate, invalid_query, not_found

Json = dict[str, Any]
Groups = Mapping[str, set[str]]
_EVERYBODY = ("allAuthenticatedUsers", "allUsers")
_GRANTED = {
    "bigquery.datasets.get": ("READER", "WRITER", "OWNER"),
    "bigquery.datasets.update": ("OWNER",),
    "bigquery.tables.get": ("READER", "WRITER", "OWNER"),
    "bigquery.tables.create": ("WRITER", "OWNER"),
    "bigquery.tables.update": ("WRITER", "OWNER"),
    "bigquery.tables.delete": ("WRITER", "OWNER"),
}
"""By permission, the basic roles of a dataset that have it."""
_CREATE = re.compile(
    r"CREATE\s+(?P<replace>OR\s+REPLACE\s+)?ROW\s+ACCESS\s+POLICY\s+(?P<exists>IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w`]+)\s+"
    r"ON\s+(?P<table>[\w`.\-]+)\s+GRANT\s+TO\s*\((?P<grantees>[^)]*)\)\s+FILTER\s+USING\s*\((?P<filter>.*)\)\s*",
    re.IGNORECASE | re.DOTALL,
)
_DROP = re.compile(
    r"DROP\s+(?:ALL\s+ROW\s+ACCESS\s+POLICIES|ROW\s+ACCESS\s+POLICY\s+(?P<exists>IF\s+EXISTS\s+)?(?P<name>[\w`]+))\s+"
    r"ON\s+(?P<table>[\w`.\-]+)\s*",
    re.IGNORECASE,
)


def is_policy(sql: str) -> bool:
    """Whether the statement is about row access policies."""
    return re.match(r"(CREATE|DROP)\s+(OR\s+REPLACE\s+|ALL\s+)?ROW\s+ACCESS", sql, re.IGNORECASE) is not None


def named(table: str, project: str) -> tuple[str, str, str]:
    """Project, dataset and name in `project.dataset.table`."""
    parts = table.replace("`", "").split(".")
    if len(parts) not in (2, 3):
        raise invalid_query(f'Table "{table}" must be qualified with a dataset (e.g. dataset.table).')
    return (parts[0] if len(parts) == 3 else project), parts[-2], parts[-1]


def change_policy(sql: str, catalog: Catalog, project: str) -> None:
    """Does CREATE or DROP of row access policies; raises `ApiError`."""
    created, dropped = _CREATE.fullmatch(sql), _DROP.fullmatch(sql)
    if created:
        _create(created, catalog.table(*named(created["table"], project)))
    elif dropped:
        _drop(dropped, catalog.table(*named(dropped["table"], project)))
    else:
        raise invalid_query(f"Syntax error: {sql[:60]}")


def _create(found: re.Match[str], table: Resource) -> None:
    name = found["name"].strip("`")
    if name in table.policies and not found["replace"]:
        if not found["exists"]:
            raise duplicate("Row access policy", name)
        return
    grantees = [quoted or double for quoted, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", found["grantees"])]
    table.policies[name] = {"grantees": grantees, "filter": found["filter"]}
    table.touch()


def _drop(found: re.Match[str], table: Resource) -> None:
    name = found["name"]
    if name is None:
        table.policies.clear()
    elif table.policies.pop(name.strip("`"), None) is None and not found["exists"]:
        raise not_found("Row access policy", name)
    table.touch()


def rows_filter(table: Resource, user: str | None, groups: Groups) -> str | None:
    """The condition of the rows that the user sees; None: all."""
    if user is None or not table.policies:
        return None
    mine = [one["filter"] for one in table.policies.values() if _is_any(user, one["grantees"], groups)]
    return " OR ".join(f"({one})" for one in mine) or "FALSE"


def _is_any(user: str | None, grantees: list[str], groups: Groups) -> bool:
    for grantee in grantees:
        kind, _, name = grantee.partition(":")
        if kind in _EVERYBODY or (kind in ("user", "serviceAccount") and name == user):
            return True
        if kind == "group" and user in groups.get(name, ()):
            return True
    return False


def check(catalog: Catalog, user: str | None, table: tuple[str, str, str], view: tuple[str, str, str] | None) -> None:
    """Raises `ApiError` where neither the user nor the view that asks for the user may read the table."""
    project, dataset, name = table
    entries = catalog.dataset(project, dataset).body["access"]
    if user is None or any(_lets(entry, user, catalog.groups) for entry in entries):
        return
    if view is not None and any(_authorizes(entry, view) for entry in entries):
        return
    what = f"Access Denied: Table {project}:{dataset}.{name}: User does not have permission to query table"
    raise ApiError(403, "accessDenied", f"{what} {project}:{dataset}.{name}, or perhaps it does not exist.")


def require(catalog: Catalog, user: str | None, dataset: tuple[str, str], permission: str) -> None:
    """Raises `ApiError` where the user has no role on the dataset that grants the permission."""
    roles = _GRANTED[permission]
    entries = catalog.dataset(*dataset).body["access"]
    if user is None or any(_lets(one, user, catalog.groups) and one["role"] in roles for one in entries):
        return
    place = ":".join(dataset)
    what = f"Access Denied: Dataset {place}: Permission {permission} denied on dataset {place} (or it may not exist)."
    raise ApiError(403, "accessDenied", what)


def require_project(user: str | None, project: str, permission: str) -> None:
    """Raises `ApiError` for whom is known by name: nobody has a role on the project that grants it."""
    if user is not None:
        what = f"Access Denied: Project {project}: User does not have {permission} permission in project {project}."
        raise ApiError(403, "accessDenied", what)


def _lets(entry: Json, user: str, groups: Groups) -> bool:
    if "role" not in entry:
        return False
    member = entry.get("iamMember", "")
    return (
        entry.get("userByEmail") == user
        or member.partition(":")[2] == user
        or user in groups.get(str(entry.get("groupByEmail", member.removeprefix("group:"))), ())
        or entry.get("specialGroup") in _EVERYBODY
        or member in _EVERYBODY
    )


def _authorizes(entry: Json, view: tuple[str, str, str]) -> bool:
    project, dataset, name = view
    one = {"projectId": project, "datasetId": dataset, "tableId": name}
    whole = {"projectId": project, "datasetId": dataset}
    return entry.get("view") == one or (entry.get("dataset") or {}).get("dataset") == whole
