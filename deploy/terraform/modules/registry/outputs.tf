output "url" {
  description = "image.repository of the chart."
  value       = aws_ecr_repository.this.repository_url
}
