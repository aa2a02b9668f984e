resource "google_service_account" "agent" {
  account_id   = "chipledger-agent"
  display_name = "chipledger: agents and collectors"
  description  = "Puts segments into the inbox, and can do nothing else."
}

resource "google_service_account" "pipeline" {
  account_id   = "chipledger-pipeline"
  display_name = "chipledger: pipeline"
  description  = "Takes segments out of the inbox and writes the tables."
}

resource "google_service_account" "dashboard" {
  account_id   = "chipledger-dashboard"
  display_name = "chipledger: dashboard"
  description  = "Reads the views, rows of all teams."
}
