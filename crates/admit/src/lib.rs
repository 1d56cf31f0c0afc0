//! Decides whether an image may run, and says so to whoever asks: Docker, containerd, Kubernetes, podman.
//!
//! Owns `decide` and its thin adapters. Refuses what makes a signature right (`trust`) and printing.
