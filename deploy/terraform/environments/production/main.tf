# The state is shared and locked: a bucket with versions that exists, and a lock file beside the state.
terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }

    random = {
      source  = "hashicorp/random"
      version = "~> 3.7"
    }
  }

  backend "s3" {
    bucket       = "jubilee-terraform-state"
    key          = "production.tfstate"
    region       = "eu-central-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = local.region

  default_tags {
    tags = { environment = local.name }
  }
}

locals {
  name   = "jubilee-production"
  region = "eu-central-1"
}

data "aws_caller_identity" "current" {}

# Whom the account's policies let, and the logs, which CloudWatch encrypts itself.
resource "aws_kms_key" "this" {
  description         = local.name
  enable_key_rotation = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"]
        Resource  = "*"
      },
    ]
  })
}

module "network" {
  source       = "../../modules/network"
  name         = local.name
  region       = local.region
  cidr         = "10.0.0.0/16"
  zones        = [for zone in ["a", "b", "c"] : "${local.region}${zone}"]
  nat_gateways = 3
  kms_key_arn  = aws_kms_key.this.arn
}

module "cluster" {
  source             = "../../modules/cluster"
  name               = local.name
  kms_key_arn        = aws_kms_key.this.arn
  subnet_ids         = module.network.private_subnet_ids
  kubernetes_version = "1.34"
  instance_types     = ["m7g.large"]
  nodes              = { min = 3, max = 10 }
}

module "database" {
  source                   = "../../modules/database"
  name                     = local.name
  kms_key_arn              = aws_kms_key.this.arn
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.database_subnet_ids
  client_security_group_id = module.cluster.node_security_group_id
  instance_class           = "db.m7g.large"
  storage_gib              = 200
  replicas                 = 1
  backup_days              = 14
  max_connections          = 400
}

resource "random_password" "redis" {
  length  = 48
  special = false
}

resource "random_password" "secret_key" {
  length  = 64
  special = false
}

module "cache" {
  source                   = "../../modules/cache"
  name                     = local.name
  kms_key_arn              = aws_kms_key.this.arn
  vpc_id                   = module.network.vpc_id
  subnet_ids               = module.network.database_subnet_ids
  client_security_group_id = module.cluster.node_security_group_id
  node_type                = "cache.t4g.small"
  password                 = random_password.redis.result
}

# secrets.external.remoteKey of the chart. DATABASE_URL is added once the role of the service exists (deploy/postgres.md).
resource "aws_secretsmanager_secret" "service" {
  # checkov:skip=CKV2_AWS_57: keys are rotated with an overlap, as deploy/secrets.md says; a function that replaces them would sign users out
  name       = "jubilee/production"
  kms_key_id = aws_kms_key.this.arn
}

resource "aws_secretsmanager_secret_version" "service" {
  secret_id = aws_secretsmanager_secret.service.id
  secret_string = jsonencode({
    SECRET_KEY = random_password.secret_key.result
    REDIS_URL  = "rediss://:${random_password.redis.result}@${module.cache.host}:6379/0"
  })

  lifecycle {
    ignore_changes = [secret_string]
  }
}

module "registry" {
  source      = "../../modules/registry"
  name        = local.name
  kms_key_arn = aws_kms_key.this.arn
}

module "identity" {
  source      = "../../modules/identity"
  name        = local.name
  kms_key_arn = aws_kms_key.this.arn
  oidc        = module.cluster.oidc
  secret_arns = [aws_secretsmanager_secret.service.arn, module.database.secret_arn]
  zone_arn    = module.edge.zone_arn
}

module "edge" {
  source    = "../../modules/edge"
  zone_name = "example.com"
  host      = "api.example.com"
}

module "budget" {
  source      = "../../modules/budget"
  name        = local.name
  monthly_usd = 1700
  mail        = "platform@example.com"
}
