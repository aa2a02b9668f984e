# `access` is all the access there is: without it BigQuery lets every viewer of the project read.
# READER, WRITER and OWNER are dataViewer, dataEditor and dataOwner as the API returns them. A dataset must have
# an owner; the project's owners could make themselves one anyway.

locals {
  readers = setunion(var.finance, values(var.teams))
}

resource "google_bigquery_dataset" "views" {
  dataset_id  = var.dataset
  location    = var.location
  description = "chipledger: the views that people and the dashboard read."

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role          = "WRITER"
    user_by_email = google_service_account.pipeline.email
  }
  access {
    role          = "READER"
    user_by_email = google_service_account.dashboard.email
  }
  dynamic "access" {
    for_each = local.readers
    content {
      role           = "READER"
      group_by_email = access.value
    }
  }

  # A team may read only once its policies hold.
  depends_on = [google_bigquery_row_access_policy.all_rows, google_bigquery_row_access_policy.team_rows]
}

resource "google_bigquery_dataset" "input" {
  dataset_id  = "${var.dataset}_input"
  location    = var.location
  description = "chipledger: imported rows that count, as views."

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role          = "WRITER"
    user_by_email = google_service_account.pipeline.email
  }
  access {
    dataset {
      dataset {
        project_id = google_bigquery_dataset.views.project
        dataset_id = google_bigquery_dataset.views.dataset_id
      }
      target_types = ["VIEWS"]
    }
  }
}

resource "google_bigquery_dataset" "store" {
  dataset_id  = local.store
  location    = var.location
  description = "chipledger: the tables."

  access {
    role          = "OWNER"
    special_group = "projectOwners"
  }
  access {
    role          = "WRITER"
    user_by_email = google_service_account.pipeline.email
  }
  access {
    dataset {
      dataset {
        project_id = google_bigquery_dataset.views.project
        dataset_id = google_bigquery_dataset.views.dataset_id
      }
      target_types = ["VIEWS"]
    }
  }
  # A view of the first dataset reads views of the second: each reads the tables for itself.
  access {
    dataset {
      dataset {
        project_id = google_bigquery_dataset.input.project
        dataset_id = google_bigquery_dataset.input.dataset_id
      }
      target_types = ["VIEWS"]
    }
  }

  lifecycle {
    prevent_destroy = true # what survives the loss of the pipeline's host
  }
}
