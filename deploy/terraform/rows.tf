# Who sees which rows of the tables that have a team. Once a table has one policy, whom none names sees no row of it,
# an owner of the project included; several policies add up.

locals {
  # Not taken from the dataset, which waits for the views, which wait for these policies.
  store = "${var.dataset}_store"

  team_tables = toset(["charges", "serving", "usage", "workloads"])
  protected   = var.row_policies ? local.team_tables : toset([])

  team_rows = {
    for pair in setproduct(local.protected, keys(var.teams)) : "${pair[0]}/${pair[1]}" => {
      table  = pair[0]
      policy = "team_${substr(sha256(pair[1]), 0, 12)}" # an id cannot have all that a team's name can
      filter = "team = \"${pair[1]}\""
      group  = "group:${var.teams[pair[1]]}"
    }
  }
}

resource "google_bigquery_row_access_policy" "all_rows" {
  for_each         = local.protected
  dataset_id       = local.store
  table_id         = each.value
  policy_id        = "all_rows"
  filter_predicate = "TRUE"
  grantees = concat(
    [google_service_account.pipeline.member, google_service_account.dashboard.member],
    [for group in var.finance : "group:${group}"],
  )
}

resource "google_bigquery_row_access_policy" "team_rows" {
  for_each         = local.team_rows
  dataset_id       = local.store
  table_id         = each.value.table
  policy_id        = each.value.policy
  filter_predicate = each.value.filter
  grantees         = [each.value.group]

  # First in, last out: the table is never open to all, and the pipeline never without its rows.
  depends_on = [google_bigquery_row_access_policy.all_rows]
}
