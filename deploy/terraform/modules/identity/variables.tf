variable "name" {
  description = "Name of the environment, before the name of everything in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "The name has 3 to 21 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts what is stored."
  type        = string

  validation {
    condition     = startswith(var.kms_key_arn, "arn:aws")
    error_message = "An ARN starts with arn:aws."
  }
}

variable "oidc" {
  description = "The issuer of the cluster's tokens, without https://, and its provider in IAM."
  type        = object({ issuer = string, provider_arn = string })

  validation {
    condition     = !startswith(var.oidc.issuer, "https://")
    error_message = "The issuer stands without https://."
  }
}

variable "secret_arns" {
  description = "Secrets that the service reads."
  type        = list(string)

  validation {
    condition     = length(var.secret_arns) > 0 && alltrue([for arn in var.secret_arns : !strcontains(arn, "*")])
    error_message = "Name each secret; a wildcard would open others."
  }
}

variable "zone_arn" {
  description = "ARN of the hosted zone that external-dns writes to."
  type        = string

  validation {
    condition     = can(regex("^arn:aws:route53:::hostedzone/[A-Z0-9]+$", var.zone_arn))
    error_message = "The ARN of one zone: arn:aws:route53:::hostedzone/Z1."
  }
}
