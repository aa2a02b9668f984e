# What chipledger needs in a Google Cloud project, and who may do what there: docs/bigquery.md, section Access.
# The tables and views are chipledger's own; Terraform makes the datasets that they lie in, and no table.

terraform {
  required_version = ">= 1.9" # a variable's validation looks at another variable

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.36" # google_bigquery_row_access_policy
    }
  }
}

provider "google" {
  project = var.project
}
