output "inbox" {
  description = "The inbox's URL, for the agents' configuration and chipledger.toml."
  value       = google_storage_bucket.inbox.url
}

output "accounts" {
  description = "Email addresses of the service accounts, to run the parts as."
  value = {
    agent     = google_service_account.agent.email
    pipeline  = google_service_account.pipeline.email
    dashboard = google_service_account.dashboard.email
  }
}

output "bigquery" {
  description = "What [bigquery] of chipledger.toml says."
  value = {
    project  = google_bigquery_dataset.store.project
    dataset  = google_bigquery_dataset.views.dataset_id
    location = google_bigquery_dataset.store.location
  }
}
