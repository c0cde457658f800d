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

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets, one of each zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "Three zones have three subnets."
  }
}

variable "client_security_group_id" {
  description = "Security group of the nodes, which alone may connect."
  type        = string
}

variable "node_type" {
  description = "Type of each node."
  type        = string

  validation {
    condition     = startswith(var.node_type, "cache.")
    error_message = "A type is such as cache.t4g.small."
  }
}

variable "password" {
  description = "Password (AUTH) of the service."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.password) >= 32
    error_message = "At least 32 characters."
  }
}
