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


variable "subnet_ids" {
  description = "Private subnets, one of each zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 3
    error_message = "Three zones have three subnets."
  }
}

variable "kubernetes_version" {
  description = "Version of the control plane and of the nodes."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "A version is such as 1.34."
  }
}

variable "instance_types" {
  description = "Instance types of the nodes."
  type        = list(string)
}

variable "nodes" {
  description = "Fewest and most nodes; three zones have at least one each."
  type        = object({ min = number, max = number })

  validation {
    condition     = var.nodes.min >= 3 && var.nodes.max >= var.nodes.min && var.nodes.max <= 100
    error_message = "At least 3 nodes, at most 100."
  }
}
