output "certificate_arn" {
  description = "The certificate, once it is valid."
  value       = aws_acm_certificate_validation.this.certificate_arn
}

output "zone_arn" {
  description = "The hosted zone, which external-dns writes to."
  value       = data.aws_route53_zone.this.arn
}
