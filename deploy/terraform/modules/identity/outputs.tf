output "role_arns" {
  description = "Roles by what they are for: secrets (External Secrets), load-balancer, dns."
  value       = { for name, role in aws_iam_role.this : name => role.arn }
}
