resource "google_storage_bucket" "inbox" {
  name                        = var.inbox
  location                    = var.location
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  # Ingest deletes what it took; a lake lost on the same day gets it back from here.
  soft_delete_policy {
    retention_duration_seconds = var.inbox_restore_days * 86400
  }

  # None for segments/: one that was not taken yet is all that is known of its hours, however late it is.
  lifecycle_rule {
    condition {
      age            = var.quarantine_days
      matches_prefix = ["quarantine/"]
    }
    action {
      type = "Delete"
    }
  }
}

resource "google_storage_bucket_iam_member" "agent" {
  bucket = google_storage_bucket.inbox.name
  role   = "roles/storage.objectCreator"
  member = google_service_account.agent.member
}

resource "google_storage_bucket_iam_member" "pipeline" {
  bucket = google_storage_bucket.inbox.name
  role   = "roles/storage.objectUser"
  member = google_service_account.pipeline.member
}
