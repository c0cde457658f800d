output "chart_values" {
  description = "Values of deploy/chart for this environment: terraform output -json chart_values > values.json"
  value = {
    image = { repository = module.registry.url }
    secrets = {
      source   = "external"
      keys     = ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"]
      external = { remoteKey = aws_secretsmanager_secret.service.name }
    }
    exposure = { host = "api.example.com" }
  }
}

output "database" {
  description = "Hosts, and the owner's secret, for DATABASE_URL and DATABASE_REPLICA_URL."
  value = {
    host          = module.database.host
    replica_hosts = module.database.replica_hosts
    secret_arn    = module.database.secret_arn
  }
}

output "platform" {
  description = "What the controllers of the cluster and the pipelines need."
  value = {
    role_arns       = module.identity.role_arns
    certificate_arn = module.edge.certificate_arn
    budget          = module.budget.name
  }
}
