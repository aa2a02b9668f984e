"""The provider's bill, as imported."""

from __future__ import annotations

from accounting.schema import Spec, Table, columns

CHARGE_TYPES = ("usage", "commitment_fee", "tax", "adjustment", "rounding")


def invoice(imported: tuple[Spec, ...]) -> Table:
    """`INPUT_INVOICE`; `imported` are the columns that every imported row has."""
    return Table(
        "input_invoice",
        "Lines of providers' bills, as imported.",
        ("import_seq", "row"),
        columns(
            *imported,
            ("provider!", "string", "gcp, aws, azure, …; '' where the file has none."),
            ("invoice_id", "string", "Number of the provider's invoice."),
            ("invoice_month!", "string", "Billing month that pays it, YYYY-MM, whenever the usage was."),
            ("sku!", "string", "Id of the SKU."),
            ("description", "string", "What the SKU says."),
            ("service", "string", "Service of the provider."),
            ("project", "string", "Project or account."),
            ("resource", "string", "Resource."),
            ("region", "string", "Region."),
            ("usage_start_ms!", "int64", "Start of the usage."),
            ("usage_end_ms!", "int64", "End of the usage."),
            ("quantity", "money", "Quantity in `unit`; accelerator-hours for accelerators; NULL: none."),
            ("unit", "string", "Unit of the quantity."),
            ("list_cost", "money", "Cost at list prices."),
            ("cost!", "money", "Cost before credits."),
            ("credits!", "money", "Sum of all credits, below zero as a rule."),
            ("commitment_credits!", "money", "Of these, what a commitment paid (committed-use discounts)."),
            ("fee_offset!", "money", "Of these, what of a commitment's fee was used (fee utilization offsets)."),
            ("currency!", "string", "ISO 4217 code."),
            (
                "export_time_ms",
                "int64",
                "When the provider wrote the line; lines of one export are keyed by all they say.",
            ),
            (
                "accelerator",
                "string",
                "Accelerator as the file names it, or as the SKU's text tells; NULL: another SKU.",
            ),
            ("purchase", "string", "on_demand, spot, committed or reservation; NULL: not an accelerator."),
            ("charge_type!", "string", f"{', '.join(CHARGE_TYPES[:-1])} or {CHARGE_TYPES[-1]}."),
            ("commitment_id", "string", "Commitment that the line is of."),
            ("label_team", "string", "Team that a label of the line names."),
            ("detail", "string", "Digest of what else a line of an export says: labels, tags, zone; NULL: nothing."),
        ),
    )


RECONCILIATION = Table(
    "reconciliation",
    "What a provider billed for a day and an accelerator, or for another SKU in a month, against what was computed.",
    ("month", "provider", "day", "accelerator", "sku", "publication"),
    columns(
        ("month!", "string", "Billing month of the invoice, YYYY-MM."),
        ("provider!", "string", "Provider."),
        ("day!", "date", "Day (UTC) of the usage; the first of the month where it is of the month as a whole."),
        ("accelerator", "string", "Canonical accelerator name; NULL: the SKU is of something else."),
        ("sku", "string", "SKU; NULL: all of the accelerator's."),
        ("description", "string", "What the SKU says."),
        ("projects", "string", "Projects that were billed, in order."),
        (
            "status!",
            "string",
            "matched, priced_differently, quantity_differs, billed_not_seen, seen_not_billed or overhead.",
        ),
        ("computed_hours", "money", "Accelerator-hours computed; NULL: none."),
        ("billed_hours", "money", "Accelerator-hours billed; NULL: not told, or none."),
        ("computed_cost!", "money", "Cost computed."),
        ("billed_cost!", "money", "Cost billed, after credits."),
        ("unused_cost!", "money", "Of it, what commitments cost that nobody used."),
        ("credits!", "money", "Of it, credits that are no commitment's."),
        ("difference!", "money", "What is billed beyond computed, unused and credits: charged as reconciliation."),
        (
            "quantity_effect",
            "money",
            "Of the difference, what more hours explain at the computed price; NULL: not known.",
        ),
        ("price_effect", "money", "The rest of the difference; NULL: not known."),
        ("currency!", "string", "Currency."),
        ("publication!", "string", "Publication that the row belongs to."),
    ),
    partition_by="day",
    cluster_by=("month", "provider"),
)
STATUSES = {
    "matched": "Billed and computed are equal to the cent.",
    "priced_differently": "The hours are equal, the cost is not.",
    "quantity_differs": "Other hours were billed than were accounted.",
    "billed_not_seen": "Billed, and nothing is known of it: capacity that no inventory has.",
    "seen_not_billed": "Accounted, and not billed: late, or capacity that is not the provider's.",
    "overhead": "Not an accelerator: hosts, storage, network, taxes.",
}
"""Status of a row of `reconciliation`."""
