# What aws-load-balancer-controller may do: look at everything, change what bears the tag of this cluster.
locals {
  cluster_tag = "elbv2.k8s.aws/cluster"
  created     = { StringEquals = { "aws:RequestTag/${local.cluster_tag}" = var.name } }
  owned       = { StringEquals = { "aws:ResourceTag/${local.cluster_tag}" = var.name } }
  balancers = [
    "arn:aws:elasticloadbalancing:*:*:loadbalancer/*",
    "arn:aws:elasticloadbalancing:*:*:targetgroup/*",
    "arn:aws:elasticloadbalancing:*:*:listener/*",
    "arn:aws:elasticloadbalancing:*:*:listener-rule/*",
  ]
}

resource "aws_iam_role_policy" "load_balancer" {
  # checkov:skip=CKV_AWS_355: what only describes, and what creates, has no resource to name; the tag binds the rest
  # checkov:skip=CKV_AWS_290: each statement that writes has the cluster's tag as its condition, but CreateSecurityGroup, whose VPC has none
  role = aws_iam_role.this["load-balancer"].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "acm:DescribeCertificate", "acm:ListCertificates",
          "ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeAvailabilityZones", "ec2:DescribeCoipPools",
          "ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeIpamPools", "ec2:DescribeNetworkInterfaces",
          "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeTags", "ec2:DescribeVpcs",
          "ec2:DescribeVpcPeeringConnections", "ec2:GetCoipPoolUsage", "ec2:GetSecurityGroupsForVpc",
          "elasticloadbalancing:Describe*",
        ]
        Resource = "*"
      },
      {
        Sid      = "CreateSecurityGroup"
        Effect   = "Allow"
        Action   = "ec2:CreateSecurityGroup"
        Resource = "*"
      },
      {
        Sid       = "TagNewSecurityGroup"
        Effect    = "Allow"
        Action    = "ec2:CreateTags"
        Resource  = "arn:aws:ec2:*:*:security-group/*"
        Condition = { StringEquals = merge(local.created.StringEquals, { "ec2:CreateAction" = "CreateSecurityGroup" }) }
      },
      {
        Sid       = "ChangeSecurityGroups"
        Effect    = "Allow"
        Action    = ["ec2:AuthorizeSecurityGroupIngress", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupIngress"]
        Resource  = "arn:aws:ec2:*:*:security-group/*"
        Condition = local.owned
      },
      {
        Sid       = "Create"
        Effect    = "Allow"
        Action    = ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"]
        Resource  = local.balancers
        Condition = local.created
      },
      {
        Sid    = "TagWhatIsCreated"
        Effect = "Allow"
        Action = "elasticloadbalancing:AddTags"
        Condition = {
          StringEquals = merge(local.created.StringEquals, { "elasticloadbalancing:CreateAction" = ["CreateLoadBalancer", "CreateTargetGroup"] })
        }
        Resource = local.balancers
      },
      {
        Sid    = "Change"
        Effect = "Allow"
        Action = [
          "elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:AddTags", "elasticloadbalancing:CreateListener",
          "elasticloadbalancing:CreateRule", "elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteLoadBalancer",
          "elasticloadbalancing:DeleteRule", "elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:DeregisterTargets",
          "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyLoadBalancerAttributes", "elasticloadbalancing:ModifyRule",
          "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes", "elasticloadbalancing:RegisterTargets",
          "elasticloadbalancing:RemoveListenerCertificates", "elasticloadbalancing:RemoveTags", "elasticloadbalancing:SetIpAddressType",
          "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
        ]
        Resource  = local.balancers
        Condition = local.owned
      },
    ]
  })
}
