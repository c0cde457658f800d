output "host" {
  description = "Host of the primary."
  value       = aws_db_instance.primary.address
}

output "replica_hosts" {
  description = "Hosts of the replicas."
  value       = aws_db_instance.replica[*].address
}

output "secret_arn" {
  description = "The owner's user and password in Secrets Manager."
  value       = aws_db_instance.primary.master_user_secret[0].secret_arn
}
