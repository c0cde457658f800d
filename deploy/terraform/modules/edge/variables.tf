variable "zone_name" {
  description = "Hosted zone of Route 53 that exists, such as example.com."
  type        = string
}

variable "host" {
  description = "Name of the API in the zone, such as api.example.com."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.-]+$", var.host)) && !startswith(var.host, ".")
    error_message = "A host name in lower case."
  }
}
