"""Where marks meet serving engines: transformers, vLLM, and the gateway in front of any of them."""
