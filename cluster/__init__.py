"""Running the service: a local cluster, KubeRay manifests, benchmarks."""
