variable "project" {
  description = "Google Cloud project of the inbox and the datasets."
  type        = string
}

variable "location" {
  description = "Where bucket and datasets lie: a multi-region such as US or EU, or a region. It cannot be changed later."
  type        = string
  default     = "US"
}

variable "dataset" {
  description = "Dataset of the views; tables lie in NAME_store, inputs in NAME_input. The same as in chipledger.toml."
  type        = string
  default     = "chipledger"

  validation {
    condition     = can(regex("^[A-Za-z0-9_]{1,1000}$", var.dataset))
    error_message = "A dataset's name has letters, digits and underscores only."
  }
}

variable "inbox" {
  description = "Name of the bucket into which agents put segments; no other bucket of Google's may have it."
  type        = string
}

variable "inbox_restore_days" {
  description = "Days for which what was deleted from the inbox can be restored; 0, or 7 to 90."
  type        = number
  default     = 30

  validation {
    condition     = var.inbox_restore_days == 0 || (var.inbox_restore_days >= 7 && var.inbox_restore_days <= 90)
    error_message = "Cloud Storage keeps deleted objects for 7 to 90 days, or not at all (0)."
  }
}

variable "quarantine_days" {
  description = "Days after which a segment that could not be taken is deleted from the inbox."
  type        = number
  default     = 180

  validation {
    condition     = var.quarantine_days >= 1
    error_message = "A segment in quarantine stays for at least one day."
  }
}

variable "finance" {
  description = "Email addresses of the groups that see the rows of all teams."
  type        = set(string)
  default     = []
}

variable "teams" {
  description = "For each team, by the name it has in the tables, the email address of the group that sees its rows."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for team in keys(var.teams) : can(regex("^[^\"\\\\[:cntrl:]]+$", team))])
    error_message = "A team's name is set in a filter: it cannot have quotation marks, backslashes or control characters."
  }

  validation {
    condition     = length(var.teams) == 0 || var.row_policies
    error_message = "Without row policies a team would see all rows: set row_policies = true, once the tables are there."
  }
}

variable "row_policies" {
  description = "Whether rows are shown by team; true once chipledger has made the tables. Take the teams away before it."
  type        = bool
  default     = false
}
