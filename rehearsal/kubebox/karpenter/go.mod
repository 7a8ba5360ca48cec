module karpenter // only its custom resource definitions are taken, nothing is compiled

go 1.26.6

require github.com/aws/karpenter-provider-aws v1.14.1
