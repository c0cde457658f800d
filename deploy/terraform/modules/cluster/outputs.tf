output "node_security_group_id" {
  description = "Security group of the nodes and their pods."
  value       = aws_eks_cluster.this.vpc_config[0].cluster_security_group_id
}

output "oidc" {
  description = "The issuer of the cluster's tokens, without https://, and its provider in IAM."
  value = {
    issuer       = trimprefix(aws_eks_cluster.this.identity[0].oidc[0].issuer, "https://")
    provider_arn = aws_iam_openid_connect_provider.this.arn
  }
}
