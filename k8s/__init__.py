"""The manifests of Parley on Kubernetes, and what renders and judges them."""
