"""Relatives of the VAE, a file each, each as short as the page's VAE."""
