output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "private_subnet_ids" {
  description = "Subnets of the nodes."
  value       = aws_subnet.private[*].id
}

output "database_subnet_ids" {
  description = "Subnets of the databases, without a way out."
  value       = aws_subnet.database[*].id
}
