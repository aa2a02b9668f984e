# A job or a read session belongs to the project, not to a dataset. Neither role shows a row of any table.

resource "google_project_iam_member" "pipeline_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.pipeline.member
}

resource "google_project_iam_member" "pipeline_reads" {
  project = var.project
  role    = "roles/bigquery.readSessionUser"
  member  = google_service_account.pipeline.member
}

resource "google_project_iam_member" "dashboard_jobs" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.dashboard.member
}

resource "google_project_iam_member" "dashboard_reads" {
  project = var.project
  role    = "roles/bigquery.readSessionUser"
  member  = google_service_account.dashboard.member
}

resource "google_project_iam_member" "readers_jobs" {
  for_each = local.readers
  project  = var.project
  role     = "roles/bigquery.jobUser"
  member   = "group:${each.value}"
}
