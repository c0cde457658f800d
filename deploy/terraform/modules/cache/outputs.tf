output "host" {
  description = "Host of the primary; it stays the same after a failover."
  value       = aws_elasticache_replication_group.this.primary_endpoint_address
}
