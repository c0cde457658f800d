# What external-dns may do: write records of one zone.
resource "aws_iam_role_policy" "dns" {
  # checkov:skip=CKV_AWS_355: ListHostedZones knows no single zone
  role = aws_iam_role.this["dns"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets", "route53:ListTagsForResource"]
        Resource = var.zone_arn
      },
      { Effect = "Allow", Action = "route53:ListHostedZones", Resource = "*" },
    ]
  })
}
