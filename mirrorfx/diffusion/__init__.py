"""Pure tensor functions of the diffusion effect."""
