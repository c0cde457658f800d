variable "name" {
  description = "Name of the environment, before the name of everything in it."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,20}$", var.name))
    error_message = "The name has 3 to 21 lower-case letters, digits and hyphens, and starts with a letter."
  }
}

variable "region" {
  description = "Region, for the names of the endpoints."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC: a /16, cut into nine /20."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "The VPC is a /16, such as 10.0.0.0/16."
  }
}

variable "zones" {
  description = "Three availability zones."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "Name three different zones."
  }
}

variable "nat_gateways" {
  description = "1, or 3: one for each zone, so that a zone that fails takes no other with it."
  type        = number
  default     = 3

  validation {
    condition     = contains([1, 3], var.nat_gateways)
    error_message = "There is one NAT gateway, or one for each of three zones."
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
