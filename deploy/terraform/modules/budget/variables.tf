variable "name" {
  description = "Name of the environment, before the name of everything in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "The name has 3 to 21 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "monthly_usd" {
  description = "Cost of a month, in dollars, from which mail is sent: at 80 % of it, and when 100 % is forecast."
  type        = number

  validation {
    condition     = var.monthly_usd > 0
    error_message = "More than nothing."
  }
}

variable "mail" {
  description = "Address of the mail."
  type        = string

  validation {
    condition     = strcontains(var.mail, "@")
    error_message = "An address has an @."
  }
}
