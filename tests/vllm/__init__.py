"""The lane against a real vLLM: `make test-vllm`. It installs two gigabytes, so no other test run collects it."""
