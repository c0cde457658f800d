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

variable "instance_class" {
  description = "Class of the primary and of each replica."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "A class is such as db.m7g.large."
  }
}

variable "storage_gib" {
  description = "Storage at first; it grows by itself to four times that."
  type        = number

  validation {
    condition     = var.storage_gib >= 20 && var.storage_gib <= 16384
    error_message = "Between 20 and 16384 GiB."
  }
}

variable "replicas" {
  description = "Read replicas; DATABASE_REPLICA_URL takes the first."
  type        = number
  default     = 1

  validation {
    condition     = var.replicas >= 0 && var.replicas <= 5
    error_message = "Between 0 and 5 replicas."
  }
}

variable "backup_days" {
  description = "Days to which a restore to any second reaches back."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_days >= 7 && var.backup_days <= 35
    error_message = "Between 7 and 35 days."
  }
}

variable "max_connections" {
  description = "Connections; the pools of all pods must fit, or PgBouncer is before it."
  type        = number
  default     = 400

  validation {
    condition     = var.max_connections >= 100 && var.max_connections <= 5000
    error_message = "Between 100 and 5000."
  }
}
