"""What a build of CodeBuild runs in: its commands are real, `docker` and `aws` stand in."""
