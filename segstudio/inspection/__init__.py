"""The network inspector: what each stage sees, what skips do, why a pixel got its class."""
